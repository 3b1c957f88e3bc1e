"""Registers of the CUDA kernels and the occupancy that they allow, as a table: ``python -m tests.ptx_table``.

Needs numba-cuda, ptxas and nvdisasm (pip install -e .[test]), no GPU.  ``--write`` puts the table into
docs/performance.md, between its markers.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import ptx
import workloads

from batchnewton import compile_cuda, device
from batchnewton.problem import Problem, from_curve, from_function

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


def instructions(problem: Problem, dtype: str, lanes: int) -> str:
    """Machine instructions of the data loop's body, and of all the rest of the kernel, from the disassembly."""
    disassembler = ptx.tool("nvdisasm")
    if disassembler is None:
        return "n/a"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        ptx.assemble(problem, dtype, lanes=lanes, keep=file.name)
        text = subprocess.run([disassembler, "-c", file.name], capture_output=True, text=True, check=True).stdout
    whole, loop = loop_lengths(text)
    return f"{whole - loop} + {loop}" if problem.m > 1 else f"{whole}"


def loop_lengths(text: str) -> tuple[int, int]:
    """Instructions of the kernel, and of its longest innermost loop (a backward branch that spans no other)."""
    places: dict[str, int] = {}
    branches: list[tuple[int, str]] = []
    at = 0
    for line in text.splitlines():
        if label := re.match(r"(\.L_x_\d+):", line.strip()):
            places[label[1]] = at
        elif re.match(r"/\*[0-9a-f]{4,}\*/", line.strip()):
            if target := re.search(r"BRA.*`\((\.L_x_\d+)\)", line):
                branches.append((at, target[1]))
            at += 1
    loops = [(places[name], end) for end, name in branches if name in places and places[name] < end]
    inner = [one for one in loops if not any(two != one and one[0] <= two[0] and two[1] <= one[1] for two in loops)]
    return at, max((end - start + 1 for start, end in inner), default=0)


def rows() -> list[tuple[object, ...]]:
    table: list[tuple[object, ...]] = []
    problems: list[tuple[str, str, Problem]] = []
    for dtype in ("float32", "float64"):
        problems += [(name, dtype, workload(name, dtype)) for name in ("W1_5", "W1_15", "W2", "W3", "W4", "W5")]
    for dtype, sizes in (("float32", (2, 4, 8, 12, 16, 20)), ("float64", (2, 4, 8, 10, 11, 12, 16))):
        problems += [("exponentials", dtype, ptx.exponentials(n)) for n in sizes]
    for name, dtype, problem in problems:
        lanes = device.lanes(problem.n, problem.m, 1_000_000, np.dtype(dtype).itemsize)
        found = ptx.assemble(problem, dtype, lanes=lanes)
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
        table.append((*row, f"{found.shared / 1024:g}", count))
        print(*table[-1], sep=" | ", file=sys.stderr, flush=True)
    return table


def markdown(table: list[tuple[object, ...]]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |", "|---|---|" + "---:|" * (len(HEAD) - 2)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table]
    said = f"First phase, sm_90, blocks of {compile_cuda.text.BLOCK} threads; numba-cuda {version('numba-cuda')}."
    return "\n".join([said, "", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    chosen = parser.parse_args()
    if ptx.missing():
        parser.exit(2, f"{ptx.missing()}\n")
    text = markdown(rows())
    print(text)
    if chosen.write:
        page = PAGE.read_text()
        start, end = page.index(MARKS[0]) + len(MARKS[0]), page.index(MARKS[1])
        PAGE.write_text(f"{page[:start]}\n\n{text}\n\n{page[end:]}")


if __name__ == "__main__":
    main()
