"""How far ours is from what the machine could do: instructions of a trip, trips a second, and the clock.

The instructions are counted, not estimated: a child process solves a few problems while the parent steps through it,
one machine instruction at a time, and looks at each one's encoding (Linux on x86-64; Intel's Software Developer's
Manual, volume 2, sections 2.3 and 2.7: the prefixes VEX and EVEX).
"""

from __future__ import annotations

import argparse
import ctypes
import functools
import os
import platform
import signal
import struct
import time
from collections import Counter
from collections.abc import Callable

from . import accuracy
from .worker import pin

STEPPED = {"W1_15": 16, "W4": 16}  # problems: few where a trip is long, since a step takes some 30 microseconds
TRACE_ME, PEEK_USER, CONTINUE, SINGLE_STEP, RIP = 0, 3, 7, 9, 16 * 8  # sys/ptrace.h, sys/reg.h
MOVES = {  # (opcode map, opcode): loads, stores, copies and broadcasts, which do not take an arithmetic unit
    *((1, code) for code in (0x10, 0x11, 0x12, 0x13, 0x16, 0x17, 0x28, 0x29, 0x2B, 0x6E, 0x6F, 0x7E, 0x7F, 0xD6, 0xE7)),
    *((2, code) for code in (0x18, 0x19, 0x1A, 0x58, 0x59, 0x5A)),
}
DIVISIONS = {(1, 0x5E), (1, 0x51)}  # division, square root: many cycles each
NOT_VECTOR = {(1, 0x77), *((1, code) for code in (*range(0x41, 0x4C), *range(0x90, 0x94), 0x98, 0x99))}  # masks
MEANING = """
A trip is one evaluation of f, g and H and one step, of all lanes side by side. `lanes`: problems of a trip; `arith`:
vector instructions of a trip that calculate (of which `div`: divisions and square roots), `moves`: loads and stores,
`other`: integers, branches, masks; all counted while the kernels run, bringing problems into lanes included. `bits`:
width of most of them. `cycles`: clock / (trips a second), of a trip of all lanes. `limit`: the fits/s if the core
ended one 512-bit or two narrower calculating vector instructions in every cycle and waited for nothing; a division
takes some ten times that, so no kernel reaches it. `share`: fits/s / limit.
"""
HEAD = ("workload", "dtype", "lanes", "bits", "arith", "div", "moves", "other", "cycles", "fits/s", "limit", "share")


def report(options: argparse.Namespace, core: int) -> list[str]:
    """The lines that ``--limits`` prints."""
    from tabulate import tabulate

    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return ["n/a: counts instructions on Linux on x86-64 only"]
    pin([core])  # a step costs a fifth where parent and child take turns on one core
    hertz = clock()
    rows = [row(w, dtype, options, hertz) for w in options.workloads for dtype in options.dtypes]
    return [f"clock {hertz / 1e9:.2f} GHz while busy", tabulate(rows, HEAD, disable_numparse=True), MEANING]


def row(workload: str, dtype: str, options: argparse.Namespace, hertz: float) -> list:
    """One workload: counted on a few problems, timed on many."""
    import workloads

    from . import ours
    from .worker import Measured, load

    problems = options.problems or workloads.FULL_SIZE[workload]
    file = accuracy.data_file(accuracy.cache_folder(options.cache), workload, problems)
    data = load(str(file), dtype, problems)
    measured = Measured(ours.candidates("ours", workload, data, dtype, 1)[0], problems, options.seconds)
    rate = max(measured.measure() for _ in range(options.rounds))
    counts, lanes, passes = instructions(lambda: measured.solve(min(STEPPED.get(workload, 256), problems)))
    if not passes:
        return [workload, dtype, "n/a: the system does not let a process be stepped through"]
    return [workload, dtype, lanes, *figures(counts, lanes, passes, rate, measured.answer()[1], hertz)]


def figures(counts: Counter, lanes: int, passes: int, rate: float, trips: float, hertz: float) -> list[str]:
    """The columns from ``bits`` on; ``trips`` is how many a fit takes."""
    kinds: Counter = Counter()
    for code, times in counts.items():
        kinds.update(dict.fromkeys(kind(code), times))
    widest = max((512, 256, 128), key=lambda bits: kinds[f"arith {bits}"])
    least = (kinds["arith 512"] + (kinds["arith 256"] + kinds["arith 128"]) / 2) / passes  # cycles of a trip
    limit = hertz / least * lanes / trips
    numbers = [kinds[name] / passes for name in ("arith", "div", "moves", "other")]
    numbers += [hertz * lanes / (rate * trips), rate, limit]
    return [str(widest), *(f"{number:,.0f}" for number in numbers), f"{rate / limit:.2f}"]


def clock() -> float:
    """Cycles a second, from a chain of multiplications (3 cycles each) and exclusive ors (1), one after the other."""
    from numba import njit, uint64

    @njit(uint64(uint64, uint64, uint64))
    def chain(x, factor, count):
        for _ in range(count):
            x = (x * factor) ^ uint64(1442695040888963407)
        return x

    def once(count=50_000_000):
        start = time.perf_counter()
        chain(1, 6364136223846793005, count)
        return 4 * count / (time.perf_counter() - start)

    return max(once() for _ in range(5))


# ---- stepping through


def instructions(solve: Callable[[], object]) -> tuple[Counter, int, int]:
    """Encodings of the instructions run inside the kernels with their counts; lanes; passes over all lanes.

    ``solve`` has run before, so that nothing is compiled any more and the child's code is the parent's.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        traced(solve, writing)
    os.close(writing)
    addresses = step_through(child)
    addresses.pop("stops", 0)
    found = list(struct.iter_unpack("qq", os.read(reading, 1 << 16)))
    os.close(reading)
    generated = anonymous_code()
    counts: Counter = Counter()
    for address, times in addresses.items():
        if any(first <= address < last for first, last in generated):
            counts[ctypes.string_at(address, 8)] += times
    entries = {evaluate for evaluate, _ in found}
    return counts, max((lanes for _, lanes in found), default=0), sum(addresses[entry] for entry in entries)


def traced(solve: Callable[[], object], writing: int) -> None:
    """The child: stops before and after each call of kernels, and says which kernels they are."""
    from batchnewton import phases
    from batchnewton.kernels.cpu import EVALUATE, LANES

    plain = phases.solve_phases

    def with_stops(rows, *arguments):
        for row in rows:
            os.write(writing, struct.pack("qq", row[EVALUATE], row[LANES]))
        os.kill(os.getpid(), signal.SIGSTOP)
        answer = plain(rows, *arguments)
        os.kill(os.getpid(), signal.SIGSTOP)
        return answer

    try:
        phases.solve_phases = with_stops
        if ptrace(TRACE_ME, 0, None) == 0:
            solve()
    finally:
        os._exit(0)


def step_through(child: int) -> Counter:
    """Addresses of the instructions between the child's stops, with their counts, and the number of "stops"."""
    addresses: Counter = Counter()
    request = CONTINUE
    while True:
        _, state = os.waitpid(child, 0)
        if not os.WIFSTOPPED(state):
            return addresses
        if os.WSTOPSIG(state) == signal.SIGSTOP:
            addresses["stops"] += 1
            request = SINGLE_STEP if addresses["stops"] % 2 else CONTINUE
        else:
            addresses[ptrace(PEEK_USER, child, RIP)] += 1
        ptrace(request, child, None)


@functools.cache
def system_call() -> Callable[..., int]:
    call = ctypes.CDLL(None).ptrace
    call.restype, call.argtypes = ctypes.c_long, [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    return call


def ptrace(request: int, process: int, address: int | None) -> int:
    return system_call()(request, process, address, None)


def anonymous_code() -> list[tuple[int, int]]:
    """Where generated machine code lies: executable memory that belongs to no file."""
    with open("/proc/self/maps") as maps:
        fields = [line.split() for line in maps]
    spans = [one[0].split("-") for one in fields if "x" in one[1] and len(one) < 6]
    return [(int(first, 16), int(last, 16)) for first, last in spans]


def kind(code: bytes) -> tuple[str, ...]:
    """What an instruction counts as, from its first bytes."""
    if code[0] == 0xC5:
        where, operation, wide = 1, code[2], code[1] >> 2 & 1
    elif code[0] == 0xC4:
        where, operation, wide = code[1] & 31, code[3], code[2] >> 2 & 1
    elif code[0] == 0x62:
        where, operation, wide = code[1] & 7, code[4], code[3] >> 5 & 3
    else:
        return ("other",)
    if (where, operation) in NOT_VECTOR or (where in (2, 3) and operation >= 0xF0):  # bits of integers
        return ("other",)
    if (where, operation) in MOVES:
        return ("moves",)
    return ("arith", f"arith {128 << wide}", *(("div",) if (where, operation) in DIVISIONS else ()))
