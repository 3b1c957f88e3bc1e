"""Everything that only a GPU can show: ``python -m tests.gpu_check`` on a machine that has one.

``--part correctness``: all problems of the table and of `cuda_cases` on CUDA against the CPU (`gpu_tables`), every
option of the front doors (`gpu_batches`), the same bits in every run and for every chunk size, bad data, little memory
(`gpu_alone`).  ``--part throughput`` (`gpu_speed`): the workloads from device and from host memory, beside JAX and CuPy
on the same GPU, with the share of what the machine could do.  Each part ends within ``--minutes`` (8), time to compile
included, and says what it left out; each check and workload has a process of its own, so that none that fails or hangs
stops another; the JSON file is written after each.  ``--small`` is quick enough for compute-sanitizer and for the
simulator: ``NUMBA_ENABLE_CUDASIM=1 python -m tests.gpu_check --small``.

Needs numpy, numba and numba-cuda; CuPy, JAX and ptxas are used where they are there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[0]), str(HERE.parent / "asv_benchmarks")]
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # else JAX takes three quarters of the memory

import gpu_judge
import gpu_speed
from gpu_alone import arrays_stay, bad_neighbours, little_memory, many_elements, same_bits
from gpu_batches import hard_starts, many_unknowns, methods_agree, options_agree, workloads_solved
from gpu_speed import NAMES, SIZES
from gpu_tables import cases_agree, groups_of_lanes, statistics_agree, table_agrees

import batchnewton as bn
from batchnewton import gpus, methods

GRACE = 30  # seconds beyond its time after which a process is ended
Found = dict[str, Any]
Check = Callable[[bool], str]
Keep = Callable[[], None]

CHECKS = (
    same_bits,
    options_agree,
    methods_agree,
    workloads_solved,
    statistics_agree,
    many_unknowns,
    hard_starts,
    groups_of_lanes,
    bad_neighbours,
    little_memory,
    arrays_stay,
    many_elements,
    cases_agree,
    table_agrees,  # the longest: a kernel for each formula
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a few small problems, no throughput: for a sanitizer")
    parser.add_argument("--part", choices=("all", "correctness", "throughput"), default="all")
    parser.add_argument("--minutes", type=float, default=8.0, help="of each part, about")
    parser.add_argument("--checks", default=",".join(check.__name__ for check in CHECKS))
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--workloads", default=",".join(NAMES))
    parser.add_argument("--json", default="gpu_check.json")
    parser.add_argument("--together", action="store_true", help="all in this process, as with --small")
    chosen = parser.parse_args()
    print(bn.info())
    if gpus.obstacle() or (gpus.simulated() and not chosen.small):
        print(f"no GPU: {gpus.obstacle() or 'this is the simulator; only --small makes sense'}", file=sys.stderr)
        return 2
    if gpus.simulated():  # a thread of Python's for every lane takes long
        os.environ.setdefault("BATCHNEWTON_CUDA_LANES", "1")
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, where a kernel divides by zero and selects
    found: Found = dict(info=dict(bn.info()), phases=str(methods.PHASES), checks={}, rates=[])
    path = Path(chosen.json)

    def keep() -> None:
        path.write_text(json.dumps(found, indent=1, default=str))

    together = chosen.together or chosen.small
    if chosen.part != "throughput":
        names = chosen.checks.split(",")
        correctness([one for one in CHECKS if one.__name__ in names], chosen, together, found, keep)
    if chosen.part != "correctness" and not chosen.small:
        throughput(chosen, together, found, keep)
        print(gpu_speed.markdown(found["rates"]))
    keep()
    failed = sum(said.startswith("FAILED") for said in found["checks"].values())
    print(f"{len(found['checks']) - failed} checks passed, {failed} failed; {len(found['rates'])} figures; {path}")
    return 1 if failed else 0


def correctness(checks: list[Check], chosen: argparse.Namespace, together: bool, found: Found, keep: Keep) -> None:
    """Every check, none longer than three times its share of the time that is left."""
    end = time.perf_counter() + 60 * chosen.minutes
    for at, check in enumerate(checks):
        start = time.perf_counter()
        seconds = min(end - start, 3 * (end - start) / (len(checks) - at))
        name = check.__name__
        if seconds <= 0:
            said = "LEFT OUT: the time is over"
        elif together:
            said = outcome(check, chosen.small, start + seconds)
        else:
            child, how = apart(["--part", "correctness", "--checks", name], seconds)
            said = child.get("checks", {}).get(name) or f"FAILED: its process {how}"
        found["checks"][name] = said
        if together or not said.startswith("ok"):
            print(f"{name} ({time.perf_counter() - start:.0f} s): {said}", flush=True)
        keep()


def outcome(check: Check, small: bool, until: float) -> str:
    """What a check says."""
    gpu_judge.UNTIL[0] = until
    try:
        return f"ok: {check(small)}"
    except Exception:
        return f"FAILED: {traceback.format_exc(limit=-3)}"
    finally:
        gpu_speed.free_pools()


def throughput(chosen: argparse.Namespace, together: bool, found: Found, keep: Keep) -> None:
    """Every workload, none longer than twice its share of the time that is left."""
    sizes, names = list(map(int, chosen.sizes.split(","))), chosen.workloads.split(",")
    end = time.perf_counter() + 60 * chosen.minutes
    if together:
        gpu_speed.speed(sizes, names, end, lambda rows: (found.update(rates=rows), keep()))
        return
    for at, name in enumerate(names):
        left = end - time.perf_counter()
        seconds = min(left, 2 * left / (len(names) - at))
        if seconds <= 0:
            print(f"{name}: left out, the time is over", flush=True)
            continue
        child, how = apart(["--part", "throughput", "--sizes", chosen.sizes, "--workloads", name], seconds)
        found["rates"] += child.get("rates", [])
        if how != "ended":
            found["rates"] += [dict(workload=name, note=f"its process {how}")]
        keep()


def apart(arguments: list[str], seconds: float) -> tuple[Found, str]:
    """Some of the work in a process of its own, and how that ended: an illegal address or a kernel that does not end
    would take everything after it along."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "found.json")
        command = [sys.executable, "-m", "tests.gpu_check", "--together", "--minutes", str(seconds / 60)]
        child = subprocess.Popen([*command, "--json", str(path), *arguments], cwd=HERE.parent)
        try:
            code = child.wait(seconds + GRACE)
            how = "ended" if code in (0, 1) else f"ended with {code}"
        except subprocess.TimeoutExpired:
            child.kill()
            how = f"did not end within {seconds + GRACE:.0f} s"
        try:
            return json.loads(path.read_text()), how
        except (OSError, ValueError):
            return {}, how


if __name__ == "__main__":
    sys.exit(main())
