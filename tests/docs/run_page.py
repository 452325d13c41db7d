"""Run the Python blocks of a page in order, in one namespace: `python run_page.py PAGE`.

The working folder gets the files that the page talks about, with made-up data. A traceback names
the page and its line.
"""

import re
import sys
import types
from pathlib import Path

_BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```$", flags=re.DOTALL | re.MULTILINE)


def blocks(text):
    """The line and the code of each Python block; indented blocks, as in lists, too."""
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 2
        indent = len(found[1])
        code = "".join(part[indent:] or "\n" for part in found[2].splitlines(keepends=True))
        yield line, code


def main():
    import made_up  # found beside this file where it is run as a script

    page = Path(sys.argv[1])
    text = page.read_text(encoding="utf-8")
    made_up.write_files_named_in(text, Path.cwd())
    module = sys.modules["page"] = types.ModuleType("page")  # classes look up their module
    for line, code in blocks(text):
        # Empty lines in front, so that line numbers are those of the page.
        exec(compile("\n" * (line - 1) + code, str(page), "exec"), module.__dict__)


# Worker processes of a stream import this file again, and must not run the page again.
if __name__ == "__main__":
    main()
