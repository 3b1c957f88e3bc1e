"""How the site is made of pages, docstrings and examples: ``python -m sphinx -W docs docs/_build/html``."""

import os
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [os.fspath(DOCS.parent), os.fspath(DOCS / "_extensions")]

from batchnewton.version import __version__  # noqa: E402

project = "batchnewton"
copyright = "the batchnewton developers"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_click",
    "sphinx_gallery.gen_gallery",
    "picture",
]
exclude_patterns = ["_build", "examples", "_templates"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = f"batchnewton {release}"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False, "secondary_sidebar_items": ["page-toc"]}
# Without the list of pages beside them: the first pages, and those whose code or tables need the room.
ROOMY = ("index", "tutorial", "theory", "design", "performance", "robustness", "models", "fitting", "jobs")
html_sidebars = {name: [] for name in (*ROOMY, "how-to/*", "auto_examples/*")}
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

# Pages are Markdown that reads the same in the repository; $...$ is mathematics, headings can be linked to.
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "config.cache"]

# Docstrings; one backtick is a reference where there is something of that name.
default_role = "py:obj"
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

# Examples are run at each build.
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py",
    "within_subsection_order": "examples_order.place",
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 0,
}


def to_gallery(app, docname: str, content: list[str]) -> None:
    """Links to the scripts, which is what the repository shows, lead to the pages that are made of them."""
    linked = re.sub(r"\]\(((?:\.\./)*)examples/(\w+)\.py\)", r"](\1auto_examples/\2.rst)", content[0])
    content[0] = re.sub(r"\]\(((?:\.\./)*)examples\)", r"](\1auto_examples/index.rst)", linked)


def setup(app) -> None:
    app.connect("source-read", to_gallery)
