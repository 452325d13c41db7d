"""Sphinx configuration. Build with `sphinx-build -W -b html docs docs/_build`.

Nothing is fetched when the site is built or read: no CDN, no fonts, no links to other projects'
inventories. Notebooks are shown with the outputs that are stored in them.
"""

import gc
import sys
from pathlib import Path

# The trees of all pages live until the end: looking for those that do not takes a quarter longer.
gc.disable()

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import jaxmed  # noqa: E402 (after the path is set)

project = "jaxmed"
author = "The jaxmed developers"
version = release = jaxmed.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "reference_pages",
    "outside_links",
]
exclude_patterns = ["_build", "jupyter_execute", "**.ipynb_checkpoints"]
default_role = "code"  # docstrings write `name`

html_theme = "furo"
html_title = f"jaxmed {version}"
html_copy_source = False

myst_heading_anchors = 3
nb_execution_mode = "off"
nb_execution_cache_path = str(HERE / "_build" / "notebooks")  # stays empty
nb_ipywidgets_js = {}  # would be loaded from a CDN

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {}
autodoc_preserve_defaults = True
autoclass_content = "class"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes are listed in the docstring of their class only
napoleon_use_rtype = False
python_maximum_signature_line_length = 88
