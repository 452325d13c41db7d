"""Execute the notebooks and store their outputs: `python docs/execute_notebooks.py [FOLDER]`.

The site shows the stored outputs, so run this after a change of what a notebook prints. With a
folder the executed notebooks are written there instead of in their place.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parent / "notebooks"


def execute(source: Path, target: Path) -> None:
    """Run all cells in a new kernel; an exception of a cell is raised here."""
    notebook = nbformat.read(source, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", record_timing=False,
        resources={"metadata": {"path": str(target.parent)}},
    )  # fmt: skip
    client.execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if len(data) > 1:  # the table or picture is shown, its text is not
                data.pop("text/plain", None)
    notebook.metadata["language_info"] = {"name": "python"}  # and not the version of this machine
    nbformat.write(notebook, target)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else NOTEBOOKS
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        execute(path, folder / path.name)
        print(path.name)
