"""Run the Python blocks of each page in order: `python run_page.py PAGE...`.

Each page has a namespace and a folder of its own, which gets the files that the page talks about,
with made-up data. What a page prints follows a line with its path. A traceback names the page and
its line.
"""

import os
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


def run(page):
    import made_up  # found beside this file where it is run as a script

    text = page.read_text(encoding="utf-8")
    made_up.write_files_named_in(text, Path.cwd())
    module = sys.modules["page"] = types.ModuleType("page")  # classes look up their module
    for line, code in blocks(text):
        # Empty lines in front, so that line numbers are those of the page.
        exec(compile("\n" * (line - 1) + code, str(page), "exec"), module.__dict__)


def main():
    here = Path.cwd()
    for number, page in enumerate(sys.argv[1:]):
        folder = here / str(number)
        folder.mkdir()
        os.chdir(folder)
        print(f"page: {page}", flush=True)
        run(Path(page))


# Worker processes of a stream import this file again, and must not run the page again.
if __name__ == "__main__":
    main()
