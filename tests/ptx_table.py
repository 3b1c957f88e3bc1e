"""Registers of the CUDA kernels and the occupancy that they allow, as a table: ``python -m tests.ptx_table``.

Needs numba-cuda, ptxas and nvdisasm (pip install -e .[test]), no GPU.  ``--write`` puts the table into
docs/performance.md, between its markers; ``--methods`` prints that of the methods by name (docs/design.md; minutes).
"""

import argparse
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import model_cases
import numpy as np
import ptx
import workloads

import batchnewton as bn
from batchnewton import compile_cuda, engine
from batchnewton.curve import from_curve
from batchnewton.function import from_function
from batchnewton.methods import METHODS
from batchnewton.problem import Problem

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
MARKS = (
    "<!-- ptx: replace everything from here to the end mark by the output of tests.ptx_table -->",
    "<!-- end of ptx -->",
)
HEAD = (
    "problem",
    "dtype",
    "n",
    "lanes",
    "registers",
    "occupancy",
    "stack",
    "spills",
    "shared, KiB",
    "instructions a trip + a row",
)


def workload(name: str, dtype: str) -> Problem:
    """A workload as its front door builds it."""
    data = {key: values.astype(dtype) for key, values in workloads.make(name, 10).items()}
    if name == "W4":
        return from_function("minimize", workloads.logistic_term, data["p0"], (), (data["X"], data["y"]))
    if name == "W5":
        return from_function("minimize", workloads.valley, data["p0"], (data["a"], data["b"]), ())
    return from_curve(workloads.FORMULAS[name], data["x"], data["y"], data["p0"], None)


def disassembled(problem: Problem, dtype: str, lanes: int) -> str | None:
    """Machine instructions of the first phase, where nvdisasm is there."""
    tool = ptx.tool("nvdisasm")
    if tool is None:
        return None
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        ptx.assemble(problem, dtype, lanes=lanes, keep=file.name)
        return subprocess.run([tool, "-c", file.name], capture_output=True, text=True, check=True).stdout


def instructions(problem: Problem, dtype: str, lanes: int) -> str:
    """Machine instructions of all of the kernel but the data loop's body, and of that."""
    text = disassembled(problem, dtype, lanes)
    if text is None:
        return "n/a"
    whole, loop = loop_lengths(text)
    return f"{whole - loop} + {loop}" if problem.m > 1 else f"{whole}"


def trip_instructions(problem: Problem, dtype: str, lanes: int) -> float | None:
    """Instructions of a lane in one trip, about: all of the kernel once, and the data loop for all rows.

    The loop takes as many rows at a time as the compiler unrolled: those whose data it loads (each row has the same
    number of values of its own).  None where the formula's own rows cannot be counted.
    """
    text = disassembled(problem, dtype, lanes)
    if text is None:
        return None
    whole, loop = loop_lengths(text)
    if problem.m == 1:
        return float(whole)
    rows = unrolled(text, sum(array[0, 0].size for array in problem.data))
    return whole - loop + loop * -(-problem.m // lanes) / rows if rows else None


def unrolled(text: str, columns: int) -> int:
    """Rows of data that the data loop takes at a time: its exponentials would do too, but not every formula has one."""
    lines = [line for line in text.splitlines() if re.match(r"\s*/\*[0-9a-f]{4,}\*/", line)]
    first, last = data_loop(text)
    shared = sum("LDS" in line for line in lines[first : last + 1])
    own = shared or sum("LDG" in line for line in lines[first : last + 1])
    return max(1, own // max(1, columns)) if columns else 0


def loop_lengths(text: str) -> tuple[int, int]:
    """Instructions of the kernel, and of its data loop."""
    first, last = data_loop(text)
    whole = sum(bool(re.match(r"\s*/\*[0-9a-f]{4,}\*/", line)) for line in text.splitlines())
    return whole, last - first + 1


def data_loop(text: str) -> tuple[int, int]:
    """First and last instruction of the longest innermost loop (a backward branch that spans no other)."""
    places: dict[str, int] = {}
    branches: list[tuple[int, str]] = []
    at = 0
    for line in map(str.strip, text.splitlines()):
        if label := re.match(r"(\.L_x_\d+):", line):
            places[label[1]] = at
        elif re.match(r"/\*[0-9a-f]{4,}\*/", line):
            if target := re.search(r"BRA.*`\((\.L_x_\d+)\)", line):
                branches.append((at, target[1]))
            at += 1
    loops = [(places[name], end) for end, name in branches if name in places and places[name] < end]
    inner = [one for one in loops if not any(two != one and one[0] <= two[0] and two[1] <= one[1] for two in loops)]
    return max(inner, key=lambda loop: loop[1] - loop[0], default=(0, -1))


def rows() -> list[tuple[object, ...]]:
    table: list[tuple[object, ...]] = []
    problems: list[tuple[str, str, Problem]] = []
    for dtype in ("float32", "float64"):
        problems += [(name, dtype, workload(name, dtype)) for name in ("W1_5", "W1_15", "W2", "W3", "W4", "W5")]
    for dtype, sizes in (("float32", (2, 4, 8, 12, 16, 20, 32)), ("float64", (2, 4, 8, 10, 12, 16, 24, 32))):
        problems += [("exponentials", dtype, ptx.exponentials(n)) for n in sizes]
    for name, dtype, problem in problems:
        group = engine.lanes_of_a_group(problem.n, problem.m, np.dtype(dtype).itemsize)
        lanes = group or engine.lanes(problem.n, problem.m, 1_000_000, np.dtype(dtype).itemsize)
        found = ptx.assemble(problem, dtype, lanes=lanes, grouped=group > 0)
        count = instructions(problem, dtype, lanes) if name.startswith("W") else ""
        row = (
            name,
            dtype,
            problem.n,
            lanes,
            found.registers,
            f"{100 * found.occupancy:.0f} %",
            found.stack,
            found.spills,
        )
        table.append((*row, f"{found.shared / 1024:.3g}", count))
        print(*table[-1], sep=" | ", file=sys.stderr, flush=True)
    return table


def models() -> str:
    """Registers of the ready-made models, and the occupancy, in both phases and precisions."""
    lines = ["| model | n | float32, first | float32, exact | float64, first | float64, exact |", "|---" * 6 + "|"]
    for name in sorted(model_cases.CASES):
        x, y, truth = model_cases.batch(name, 2)
        problem = from_curve(bn.models.ALL[name], x, y, truth, None)
        found = [ptx.assemble(problem, dtype, phase=phase) for dtype in ("float32", "float64") for phase in (0, 1)]
        cells = [f"{one.registers}, {100 * one.occupancy:.0f} %" for one in found]
        lines += [f"| `{name}` | {problem.n} | " + " | ".join(cells) + " |"]
        print(lines[-1], file=sys.stderr, flush=True)
    said = "Registers and occupancy of the ready-made models, in Gauss-Newton's phase and in that of the exact Hessian:"
    return "\n".join([said, "", *lines])


def methods() -> str:
    """Registers and bytes of local memory of each method by name, the larger of two formulas; groups of lanes in
    italics."""
    sizes = (2, 4, 8, 16, 32, 128)
    lines = ["| | n = " + " | ".join(map(str, sizes)) + " |", "|---" * (len(sizes) + 1) + "|"]
    for method in ("newton-pure", "gradient-descent", "bfgs", "lbfgs"):
        for dtype in ("float64", "float32"):
            cells = [state(method, dtype, n) if n <= METHODS["minimize"][method].largest else "" for n in sizes]
            name = f"`{method}`, {dtype}" if dtype == "float64" else dtype
            lines += [f"| {name} | " + " | ".join(cells) + " |"]
            print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def state(method: str, dtype: str, n: int) -> str:
    """What the state of a method takes."""
    found, grouped = [], False
    for problem in (ptx.exponentials(n), ptx.chain(n)):
        phase = METHODS[problem.kind][method].phases[0]
        way = engine.chosen_way(problem, phase, np.dtype(dtype))
        grouped = way.grouped
        lanes = way.lanes if way.grouped else 1  # more only for batches too small to fill a GPU
        kernel = ptx.assemble(problem, dtype, lanes=lanes, method=method, grouped=way.grouped)
        found.append((kernel.registers, kernel.stack))
    text = " / ".join(str(max(one)) for one in zip(*found, strict=True))
    return f"*{text}*" if grouped else text


def markdown(table: list[tuple[object, ...]]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |", "|---|---|" + "---:|" * (len(HEAD) - 2)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table]
    said = f"First phase, sm_90, blocks of {compile_cuda.text.BLOCK} threads; numba-cuda {version('numba-cuda')}."
    return "\n".join([said, "", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--methods", action="store_true", help="what the state of the methods by name takes, instead")
    chosen = parser.parse_args()
    if ptx.missing():
        parser.exit(2, f"{ptx.missing()}\n")
    if chosen.methods:
        print(methods())
        return
    text = f"{markdown(rows())}\n\n{models()}"
    print(text)
    if chosen.write:
        page = PAGE.read_text()
        start, end = page.index(MARKS[0]) + len(MARKS[0]), page.index(MARKS[1])
        PAGE.write_text(f"{page[:start]}\n\n{text}\n\n{page[end:]}")


if __name__ == "__main__":
    main()
