"""What the wheel will hold, read from the tree."""

import tomllib
from pathlib import Path

import batchnewton.version

ROOT = Path(__file__).parents[1]
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def folders_with_modules() -> set[str]:
    ours = (
        path.parent for path in (ROOT / "batchnewton").rglob("*.py") if "kernels" not in path.parts[len(ROOT.parts) :]
    )
    kernels = (path.parent for path in (ROOT / "kernels").rglob("*.py"))
    names = {".".join(folder.relative_to(ROOT).parts) for folder in ours}
    return names | {"batchnewton." + ".".join(folder.relative_to(ROOT).parts) for folder in kernels}


def test_every_folder_with_modules_is_listed_once():
    assert sorted(SETUP["packages"]) == sorted(folders_with_modules())


def test_every_listed_folder_is_a_package():
    places = {name: name.replace("batchnewton.kernels", "kernels").replace(".", "/") for name in SETUP["packages"]}
    assert [name for name, place in places.items() if not (ROOT / place / "__init__.py").is_file()] == []


def test_kernels_are_found_through_the_link():
    """In a working tree; where the system has no links, the installed finder takes the mapping instead."""
    link = ROOT / "batchnewton" / "kernels"
    assert SETUP["package-dir"]["batchnewton.kernels"] == "kernels"
    assert not link.is_symlink() or link.resolve() == (ROOT / "kernels").resolve()


def test_version_stands_in_one_place():
    assert SETUP["dynamic"]["version"]["attr"] == "batchnewton.version.__version__"
    assert batchnewton.version.__version__.startswith("0.")
