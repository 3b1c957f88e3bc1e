"""What the checks of `gpu_check` have in common: until when, many parts as one answer, CUDA beside the CPU."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import batchnewton as bn

UNTIL = [float("inf")]  # when to stop
Part = tuple[str, Callable[[], Any]]  # of a check: a name, and what raises where it fails


def late() -> bool:
    """Whether the time of a check is over."""
    return time.perf_counter() > UNTIL[0]


def asked(parts: Iterable[Part]) -> list[tuple[str, Any]]:
    """What each part says, until the time is over.  Those that fail stop none of the others, and all are named."""
    said, wrong = [], []
    for name, part in parts:
        if late():
            break
        try:
            said.append((name, part()))
        except Exception as error:
            wrong.append(f"{name}: {type(error).__name__}: {error}"[:500])
    assert not wrong, "\n".join(wrong)
    return said


def each(parts: list[Part]) -> str:
    """What every part says."""
    said = [f"{name}: {one}" for name, one in asked(parts)]
    return "; ".join([*said, *["the rest LEFT OUT: the time is over"] * (len(said) < len(parts))])


def count(parts: list[Part], what: str) -> str:
    """How many there were, of parts that say nothing."""
    return f"{len(asked(parts))} of {len(parts)} {what}"


def on_both(call: Callable[..., bn.Result]) -> tuple[bn.Result, bn.Result]:
    """The answers of the CPU and of CUDA."""
    return call(device="cpu"), call(device="cuda")


def same_status(cpu: bn.Result, cuda: bn.Result) -> float:
    """Share of all problems."""
    return float((cpu.status == cuda.status).mean())


def same_value(cpu: bn.Result, cuda: bn.Result, rtol: float = 1e-5, atol: float = 1e-8, field: str = "x") -> float:
    """Share of the problems that both solved; 1 where there is none."""
    both = cpu.success & cuda.success
    if not both.any():
        return 1.0
    close = np.isclose(getattr(cuda, field)[both], getattr(cpu, field)[both], rtol=rtol, atol=atol)
    return float(close.reshape(both.sum(), -1).all(1).mean())


def largest_difference(cpu: bn.Result, cuda: bn.Result) -> float:
    """Of x, among the problems that both solved."""
    both = cpu.success & cuda.success
    return float(np.abs(cuda.x[both] - cpu.x[both]).max()) if both.any() else 0.0
