"""Every Python block of the pages in docs/ is run, page by page, in order; what a prompt shows is compared."""

import doctest
import importlib.util
import re
from pathlib import Path

import pytest

import batchnewton as bn
from batchnewton import reading

DOCS = Path(__file__).parents[1] / "docs"
if not DOCS.exists():
    pytest.skip("the pages are not here", allow_module_level=True)
BLOCK = re.compile(r"^```(python|pycon)\n(.*?)^```$", re.S | re.M)
PAGES = [
    page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts and BLOCK.search(page.read_text("utf-8"))
]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def run(page, text, namespace):
    """The blocks of a page, one after the other, in one namespace; without those of a library that is not there."""
    absent = [name for name in ("jax", "torch") if importlib.util.find_spec(name) is None]
    for kind, block in BLOCK.findall(text):
        if any(re.search(rf"^import {name}$|\b{name}\.", block, re.M) for name in absent):
            continue
        if kind == "python":
            exec(compile(block, page, "exec"), namespace)
        else:
            test = doctest.DocTestParser().get_doctest(block, {}, page, page, 0)
            test.globs = namespace
            assert test.examples, f"no prompt in a pycon block of {page}"
            printed = []
            failed = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=printed.append, clear_globs=False).failed
            assert not failed, "".join(printed)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_of_a_page_run(page):
    text = page.read_text("utf-8")
    for name in re.findall(r"^import (dask|xarray)\b|, (dask|xarray)\b", text, re.M):
        pytest.importorskip(max(name))
    run(page.name, text, {"__name__": "__main__"})
    compared = [one.compared for kept in reading._READINGS.values() for one in kept]
    assert [one for one in compared if one.startswith("not")] == [], "formulas that were not compared with NumPy"


def test_a_wrong_output_is_found():
    with pytest.raises(AssertionError, match="Got:"):
        run("page", "```pycon\n>>> 1 + 1\n3\n\n```\n", {})


ROOT = DOCS.parent
WITH_LINKS = [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))]


@pytest.mark.parametrize("page", WITH_LINKS, ids=lambda page: page.stem)
def test_links_lead_to_files_of_the_repository(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_public_name_is_in_the_reference():
    listed = set((DOCS / "api.md").read_text("utf-8").split())
    rooms = {"__version__", "models", "plot", "special"}
    assert (set(bn.__all__) - rooms) | set(bn.plot.__all__) | set(bn.models.ALL) <= listed
    assert f"automodule:: {bn.special.__name__}" in (DOCS / "api.md").read_text("utf-8")
