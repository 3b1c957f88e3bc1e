"""House rules that a reader of the source can check: imports point down, and stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. A room may import the rooms on lower floors, and itself: api → result → schedule → compile →
# derive, kernels.
FLOORS = [
    {"announce", "cores", "gpus", "pinned", "syntax", "threads", "version"},
    {"arrays", "derive", "kernels", "methods", "nist", "notebook"},
    {"differences", "fingerprint", "missing", "options", "special", "status"},
    {"bounds", "correlated", "models", "reading"},
    {"reading_curves", "residual_rows"},
    {"losses", "prior"},
    {"problem"},
    {"builder", "plan", "solution"},
    {"curve", "function"},
    {"compile", "installation", "lazy"},
    {"chunk", "compile_cuda"},
    {"kinks"},
    {"phases"},
    {"chosen", "engine"},
    {"slot"},
    {"device"},
    {"at_answers", "in_place"},
    {"patient"},
    {"on_gpus"},
    {"schedule"},
    {"inference"},
    {"statistics"},
    {"multistart"},
    {"result", "examine"},
    {"solved"},
    {"api", "fitting", "plot"},
    {"xarray"},
    {"__init__"},
    {"jobs"},
    {"__main__"},
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def sources() -> list[Path]:
    ours = [path for path in (ROOT / "batchnewton").rglob("*.py") if "kernels" not in path.relative_to(ROOT).parts]
    return sorted(ours + list((ROOT / "kernels").rglob("*.py")))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "batchnewton" else ("batchnewton", *parts))


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imported(path: Path) -> set[str]:
    """Absolute names of all modules that a file imports, anywhere in it."""
    names, package = set(), module_name(path).split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            # `from batchnewton import nist` imports the room nist; `from batchnewton.nist import x` does too
            names.update(f"{source}.{alias.name}" if source == "batchnewton" else source for alias in node.names)
    return names


def rooms_used(path: Path) -> set[str]:
    used = {room(name) for name in imported(path) if name.split(".")[0] == "batchnewton"}
    return {name if name in FLOOR else "__init__" for name in used}  # `from batchnewton import curve_fit`


@pytest.mark.parametrize("path", sources(), ids=module_name)
def test_imports_point_down(path):
    own = room(module_name(path))
    assert own in FLOOR, f"give the room {own!r} its floor in tests/test_imports.py"
    upward = {name for name in rooms_used(path) if name != own and FLOOR[name] >= FLOOR[own]}
    assert not upward, f"{own} imports {sorted(upward)}, which are not below it"


@pytest.mark.parametrize("path", sources() + sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.stem)
def test_no_bare_import_of_kernels(path):
    assert not {name for name in imported(path) if name.split(".")[0] == "kernels"}


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("statement", ["import batchnewton", "import batchnewton.jobs.cli"])
def test_import_is_light(statement):
    assert not modules_after(statement) & {"numba", "llvmlite", "scipy", "matplotlib", "cupy", "torch", "jax"}
