"""How robust: ``python -m tests.robustness [mgh] [roots] [traps]`` solves the sets and judges every end.

Prints what failed, and the table that stands in docs/robustness.md between its markers; ``--write`` puts it there.
``python -m tests.robustness random --formulas 200`` draws formulas instead, each with 100 starts, and judges successes.
"""

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))  # where pytest finds `sets`, too

from sets import drawn, drawn_judge
from sets.judge import SETS, Run, judged

PAGE = Path(__file__).parents[1] / "docs" / "robustness.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
TITLES = {"mgh": "Moré-Garbow-Hillstrom", "roots": "roots", "traps": "traps"}
HEAD = (
    "set",
    "precision",
    "runs",
    "solvable",
    "solved",
    "of these a success",
    "false successes",
    "trips, mean",
    "median",
)


def row(name: str, dtype: str, found: Sequence[Run]) -> tuple[str, ...]:
    """One line of the table."""
    solved = [run for run in found if run.solvable and run.solved]
    trips = [run.trips for run in found]
    counts = (len(found), sum(run.solvable for run in found), len(solved), sum(run.success for run in solved))
    times = (f"{np.mean(trips):.1f}", f"{np.median(trips):.0f}")
    return (TITLES[name], dtype, *map(str, counts), str(sum(run.false for run in found)), *times)


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(line) + " |" for line in (HEAD, *rows)]
    return "\n".join([lines[0], "|---|---|" + "---:|" * (len(HEAD) - 2), *lines[1:]])


def campaign(formulas: int, seed: int, method: str | None) -> None:
    """Formulas drawn at random, in each precision: what of their successes is false, and a table by family."""
    counts: dict[tuple[str, str], np.ndarray] = {}
    named = {"method": method} if method else {}
    for one in drawn.draw(formulas, seed):
        for dtype in drawn_judge.TOLERANCE:
            verdict = drawn_judge.judged(one, dtype, seed, **named)
            for text in verdict.false:
                print(f"FALSE SUCCESS {one.family} {dtype}: {text}", flush=True)
            found = np.array([len(one.starts), verdict.successes, len(verdict.false)])
            key = one.family.split(" ")[0] if not one.solvable else "ordinary", dtype
            counts[key] = counts.get(key, 0) + found
    print(f"\n`python -m tests.robustness random --formulas {formulas} --seed {seed}`, {datetime.date.today()}:\n")
    lines = [("family", "precision", "starts", "successes", "false")]
    lines += [(*key, *map(str, found)) for key, found in sorted(counts.items())]
    print("\n".join("| " + " | ".join(line) + " |" for line in lines))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.robustness", description=__doc__)
    parser.add_argument("sets", nargs="*", choices=[*SETS, "random", []], help="all by default")
    parser.add_argument("--formulas", type=int, default=200, help="how many are drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the formulas that are drawn")
    parser.add_argument("--method", help="another method than the default")
    parser.add_argument("--write", action="store_true", help=f"put the table into docs/{PAGE.name}")
    given = parser.parse_args(arguments)
    if given.write and given.method:
        parser.error("--write is for the default methods")
    if "random" in given.sets:
        campaign(given.formulas, given.seed, given.method)
        return
    rows = []
    for name in given.sets or [one for one in SETS if not given.method or one != "roots"]:
        for dtype in ("float64", "float32"):
            found = judged(name, dtype, method=given.method)
            rows.append(row(name, dtype, found))
            for run in found:
                if run.false or (run.solvable and not run.solved):
                    print("FALSE SUCCESS" if run.false else "not solved   ", f"{name} {dtype}", run)
    named = ["--method", given.method] if given.method else []
    command = " ".join(["python -m tests.robustness", *given.sets, *named])
    text = f"`{command}`, {datetime.date.today()}:\n\n{table(rows)}"
    print("\n" + text)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
