"""Drawn problems, solved and judged: each success in 60 digits, by its standard errors, and from beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

import batchnewton as bn

from .drawn import Drawn, T
from .exact import DIGITS, Number, is_strict_minimum, is_strict_minimum_in_box

TOLERANCE = {"float64": 1e-6, "mixed": 1e-6, "float32": 3e-3}  # of x, relative
ASIDE = 1e-3  # how far beside a success another start is, of its size
BASIN = 1e-2  # how far from it a lower end belongs to it
LOWER = {"float64": 1e-10, "mixed": 1e-10, "float32": 1e-4}  # of F, relative: more than rounding ...
FLOOR = {"float64": 1e-12, "mixed": 1e-12, "float32": 1e-3}  # ... or of this


EPS = 1.2e-7  # of float32
ROUNDING = 1e-14  # of the residuals of a curve, relative to its data


@dataclass(frozen=True)
class Verdict:
    """What was found of one problem in one precision."""

    drawn: Drawn
    dtype: str
    successes: int
    false: list[str]
    statuses: dict[str, int]

    def __str__(self) -> str:
        return f"{self.drawn.family} {self.dtype}: {self.statuses}"


def solve(drawn: Drawn, dtype: str, starts: np.ndarray, **options: Any) -> bn.Result:
    """All starts of a problem."""
    if drawn.box is not None:
        options["bounds"] = drawn.box
    if drawn.kind == "curve_fit":
        y = np.broadcast_to(np.asarray(drawn.y), (len(starts), len(T)))
        return bn.curve_fit(drawn.fun, T, y, starts, dtype=dtype, **options)
    return getattr(bn, drawn.kind)(drawn.fun, starts, dtype=dtype, **options)


def clusters(x: np.ndarray, at: np.ndarray, tolerance: float) -> list[list[int]]:
    """Ends that are the same but for ``tolerance``: those of each of them."""
    found: list[list[int]] = []
    for i in at:
        for one in found:
            first = x[one[0]]
            if np.all(np.abs(x[i] - first) <= tolerance * np.maximum(np.abs(first), 1e-3)):
                one.append(int(i))
                break
        else:
            found.append([int(i)])
    return found


def strict(drawn: Drawn, x: np.ndarray, dtype: str, x0: np.ndarray) -> bool:
    """Whether a strict minimum lies at x."""
    if drawn.box is None:
        return is_strict_minimum(drawn.objective, x, (), TOLERANCE[dtype], x0)
    lower, upper = (np.asarray(one, float) for one in drawn.box)
    return is_strict_minimum_in_box(drawn.objective, x, lower, upper, TOLERANCE[dtype], x0)


def left_for_less(drawn: Drawn, result: bn.Result, at: Sequence[int], dtype: str, seed: int, **options: Any) -> Any:
    """Which successes a start beside them leaves for a lower F in the same basin."""
    rng = np.random.default_rng(seed)
    x = result.x[at].astype(float)
    size = np.maximum(np.abs(x), 1e-2)
    starts = x + ASIDE * size * rng.choice([-1.0, 1.0], x.shape)
    if drawn.box is not None:
        starts = np.clip(starts, *drawn.box)
    other = solve(drawn, "float64", starts, **options)
    near = np.all(np.abs(other.x - x) <= BASIN * size, axis=1)
    before, after = ([value(drawn, one) for one in ends] for ends in (x, other.x))
    size = 0.0 if drawn.y is None else float(np.abs(drawn.y).sum())
    allowed = [LOWER[dtype] * max(abs(was), FLOOR[dtype]) + ROUNDING * size * abs(float(was)) ** 0.5 for was in before]
    if dtype == "float32":  # of x alone
        rounded = [value(drawn, one * (1 + EPS * (-1.0) ** np.arange(len(one)))) for one in x]
        allowed = [least + 4 * abs(one - was) for least, one, was in zip(allowed, rounded, before, strict=True)]
    lower = [was - now > least for was, now, least in zip(before, after, allowed, strict=True)]
    return near & np.array(lower)


def value(drawn: Drawn, x: np.ndarray) -> Any:
    """F at x in 60 digits."""
    with mpmath.workdps(DIGITS):
        return drawn.objective([Number(float(one)) for one in x]).value


def judged(drawn: Drawn, dtype: str, seed: int = 0, **options: Any) -> Verdict:
    """One problem in one precision."""
    with np.errstate(all="ignore"):
        result = solve(drawn, dtype, drawn.starts, **options)
        won, false = np.flatnonzero(result.success), []
        for cluster in clusters(result.x.astype(float), won, 10 * TOLERANCE[dtype]):
            i = cluster[0]
            if not strict(drawn, result.x[i].astype(float), dtype, drawn.starts[i]):
                false.append(f"{len(cluster)} at {result.x[i]} from {drawn.starts[i]}: no strict minimum")
        if drawn.kind != "minimize":
            for i in won[~np.isfinite(result.stderr[won]).all(1)]:
                false.append(f"at {result.x[i]} from {drawn.starts[i]}: stderr {result.stderr[i]}")
        if len(won):
            for i in won[left_for_less(drawn, result, won, dtype, seed, **options)]:
                false.append(f"at {result.x[i]} from {drawn.starts[i]}: left for a lower F")
    names, counts = np.unique([bn.Status(int(one)).name for one in result.status], return_counts=True)
    return Verdict(drawn, dtype, len(won), false, dict(zip(map(str, names), map(int, counts), strict=True)))
