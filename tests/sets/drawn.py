"""Formulas drawn at random, of the kinds on which a success is easily false; and ordinary ones, that recall is seen.

Each family is a function of a generator; what it draws is a `Drawn` with starts.  Numbers are rounded to float32, so
that the problem is the same in each precision.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

STARTS = 100
T = np.linspace(0.25, 5, 14).astype(np.float32).astype(float)


@dataclass(frozen=True)
class Drawn:
    """A problem with many starts.

    ``fun(x, *args)`` is what is minimised; of a curve, ``fun(t, *x)`` with its data ``y``; of least squares, residuals.
    ``box`` holds bounds (lower, upper).  ``solvable`` says that each start should lead to a minimum.
    """

    family: str
    kind: str
    fun: Callable[..., Any]
    starts: np.ndarray
    y: np.ndarray | None = None
    box: tuple[Sequence[float], Sequence[float]] | None = None
    solvable: bool = False

    def objective(self, x: Sequence[Any]) -> Any:
        """What is minimised, for numbers of any kind."""
        if self.kind == "minimize":
            return self.fun(x)
        if self.kind == "least_squares":
            return sum(0.5 * r * r for r in self.fun(x))
        assert self.y is not None
        return sum(0.5 * (self.fun(t, *x) - y) ** 2 for t, y in zip(T, self.y, strict=True))


def single(values: Any) -> Any:
    """Numbers that float32 holds."""
    return np.asarray(values, np.float32).astype(float)


def number(rng: np.random.Generator, low: float, high: float) -> float:
    return float(single(rng.uniform(low, high)))


def spread(rng: np.random.Generator, *ranges: tuple[float, float]) -> np.ndarray:
    """Starts within ranges."""
    return single(np.stack([rng.uniform(low, high, STARTS) for low, high in ranges], 1))


def noisy(rng: np.random.Generator, values: np.ndarray, exact: bool) -> np.ndarray:
    return single(values + (0.0 if exact else rng.normal(0, 0.02, len(T))))


def redundant(rng: np.random.Generator) -> Drawn:
    """Two parameters of which only a combination counts."""
    k, y = number(rng, 1, 4), rng.uniform(0.5, 3) * np.exp(-T / 2)
    y = noisy(rng, y, rng.random() < 0.3)
    which = rng.integers(7)
    fun, count = [
        (lambda t, a, b: a * np.exp(b - t / k), 2),
        (lambda t, a, b, c: a * b * np.exp(-t / k) + c, 3),
        (lambda t, a, b, c: (a + k * b) * np.exp(-t / k) + c, 3),
        (lambda t, a, b, c: np.exp(-t / k) / np.sqrt(a * a + b * b + c * c), 3),
        (lambda t, a, b, c: ((a + b) / 2 - a * b / k) * np.exp(-t / k) + c, 3),
        (lambda t, a, b, c: a * np.exp(-(t - b) / (c * c + 0.5)), 3),
        (lambda t, a, b, c: a / (b + c * t), 3),
    ][which]
    return Drawn(f"redundant {which}", "curve_fit", fun, spread(rng, *[(-2.0, 2.0), (0.3, 3.0), (0.3, 3.0)][:count]), y)


def absent(rng: np.random.Generator) -> Drawn:
    """A component that exact data do not have."""
    a, k = number(rng, 0.5, 2), number(rng, 1, 3)
    which = rng.integers(5)
    fun, y, starts = [
        (lambda t, a, b: np.exp(a) * np.exp(-((t - k) ** 2)) + b, 0 * T + a, [(-3, 3)] * 2),
        (lambda t, a, b: a * a * t + b, 0 * T + a, [(-3, 3)] * 2),
        (lambda t, a, b, c: a * np.exp(-t / b) + c, 0 * T + a, [(0.3, 2), (0.3, 3), (-1, 1)]),
        (lambda t, a, p, b, q: a * np.exp(-t / p) + b * np.exp(-t / q), a * np.exp(-T / k), [(0.3, 2), (0.3, 3)] * 2),
        (lambda t, a, m, b, p: a * np.exp(-((t - m) ** 2)) + b * np.exp(-((t - p) ** 2) / 2),
         a * np.exp(-((T - k) ** 2)), [(0.3, 2), (0.5, 5)] * 2),
    ][which]  # fmt: skip
    return Drawn(f"absent {which}", "curve_fit", fun, spread(rng, *starts), single(y))


def valley(rng: np.random.Generator) -> Drawn:
    """A curve of minima, with or without a third unknown that is determined, and a floor."""
    a, b, c = number(rng, 0.3, 2), number(rng, -1, 1), number(rng, 0.5, 3)
    floor = float(rng.choice([0.0, 1.0, -3.0]))
    which = rng.integers(6)
    inner = [
        lambda x, y: (x + y) / 2 - a * x * y,
        lambda x, y: x * y - c,
        lambda x, y: a * x * x + b * x - y,
        lambda x, y: np.exp(a * x) - y + b,
        lambda x, y: a * x + b * y - c,
        lambda x, y: np.sin(a * x) + b * x - y,
    ][which]
    more = rng.random() < 0.4
    far = float(rng.choice([2.0, 10.0]))

    def fun(x):
        value = inner(x[0], x[1]) ** 2 + floor
        return value + a * (x[2] - c) ** 2 if more else value

    return Drawn(
        f"valley {which}{' and one' * more}", "minimize", fun, spread(rng, *[(-far, far)] * (3 if more else 2))
    )


def ring(rng: np.random.Generator) -> Drawn:
    """Rings of minima around a point, which may be a minimum itself."""
    a, p, q = number(rng, 0.3, 2), number(rng, -5, 5), number(rng, -5, 5)
    which = rng.integers(4)
    outer = [
        lambda s: (s - a) ** 2,
        lambda s: 0.1 * s - np.cos(5 * np.sqrt(s)),
        lambda s: -(1 + np.cos(6 * np.sqrt(s))) / (0.5 * s + 2),
        lambda s: np.cos(s / a) + a,
    ][which]
    return Drawn(
        f"ring {which}",
        "minimize",
        lambda x: outer((x[0] - p) ** 2 + (x[1] - q) ** 2),
        spread(rng, (p - 5, p + 5), (q - 5, q + 5)),
    )


def kink(rng: np.random.Generator) -> Drawn:
    """A sharp valley, at whose bottom no derivative is."""
    a, b, c = number(rng, 0.5, 2), number(rng, -2, 2), number(rng, 1e-4, 1e-2)
    which = rng.integers(6)
    fun = [
        lambda x: c * (abs(x[0] ** 2 - a) + (x[1] - b) ** 4) ** 2,
        lambda x: (abs(np.sin(x[0])) + c + (x[1] - b) ** 2) ** 2,
        lambda x: abs(x[0] - a) + (x[1] - b) ** 2 * (1 + a * x[0] ** 2),
        lambda x: np.maximum(x[0] ** 2 + a * x[1], (x[0] - b) ** 2 + (x[1] - 1) ** 2),
        lambda x: abs(x[0] * x[1] - a) + (x[0] - b) ** 2,
        lambda x: np.where(x[0] > b, a * (x[0] - b), b - x[0]) ** 2 + abs(x[1] - x[0]) * (1 + x[1] ** 2),
    ][which]
    return Drawn(f"kink {which}", "minimize", fun, spread(rng, (-4, 4), (-4, 4)))


def vanishing(rng: np.random.Generator) -> Drawn:
    """A minimum at which the Hessian is singular."""
    a, b = number(rng, -2, 2), number(rng, 0.5, 2)
    which = rng.integers(6)
    kind, fun = [
        ("least_squares", lambda x: [(x[0] - a) ** 2, b * (x[1] - 2)]),
        ("least_squares", lambda x: [(x[0] - x[1]) ** 2, x[0] + b * x[1] - 2]),
        ("minimize", lambda x: (x[0] - a) ** 4 + b * (x[1] - 2) ** 2),
        ("minimize", lambda x: (x[0] - a) ** 4 + (x[0] - a) ** 2 * x[1] ** 2 + x[1] ** 6 + b),
        ("minimize", lambda x: (x[0] + b * x[1] - a) ** 4 + (x[0] - x[1]) ** 2),
        ("least_squares", lambda x: [(x[0] - a) ** 3 * b, np.exp(x[1]) - b, x[0] * 0 + 1.0]),
    ][which]
    return Drawn(f"vanishing {which}", kind, fun, spread(rng, (-5, 5), (-5, 5)))


def at_bound(rng: np.random.Generator) -> Drawn:
    """A bound with a multiplier of zero: a minimum there, or a redundant unknown."""
    a, b = number(rng, 0.5, 2), number(rng, -1, 1)
    which = rng.integers(5)
    if which == 0:  # the minimum lies on the bound
        box = [a, -np.inf], [np.inf, np.inf]
        return Drawn("at bound 0", "minimize", lambda x: (x[0] - a) ** 2 + (x[1] - b) ** 2 + (x[0] - a) * (x[1] - b),
                     np.maximum(spread(rng, (0, 4), (-3, 3)), [a, -9]), box=box, solvable=True)  # fmt: skip
    if which == 1:

        def light(x):
            lam = 7 * x[1] + 50 - 10 * x[0]
            return lam - 50 * np.log(lam) + a * x[0] ** 2 / 2

        return Drawn("at bound 1", "minimize", light, spread(rng, (-3, 3), (0, 5)), box=([-np.inf, 0], [np.inf] * 2),
                     solvable=True)  # fmt: skip
    y = noisy(rng, 2 * np.exp(-0.7 * (T - 0.4)), rng.random() < 0.3)
    if which == 2:
        return Drawn("at bound 2", "curve_fit", lambda t, p, q, s: p * np.exp(q * (t - s)),
                     spread(rng, (0.5, 3), (-2, -0.2), (0, 3)), y, ([-np.inf, -np.inf, 0], [np.inf] * 3))  # fmt: skip
    if which == 3:
        return Drawn("at bound 3", "minimize", lambda x: (x[0] + x[1] - a) ** 2, spread(rng, (0, 3), (0, 3)),
                     box=([0, 0], [4, 4]))  # fmt: skip
    return Drawn("at bound 4", "curve_fit", lambda t, p, q, c: p * np.exp(-q * t) + c,
                 spread(rng, (0.5, 3), (0.2, 2), (0, 1)), y, ([0, 0, 0], [10, 10, 10]), True)  # fmt: skip


def towards_infinity(rng: np.random.Generator) -> Drawn:
    """Nothing but a slope that ends nowhere."""
    a, b = number(rng, 0.5, 2), number(rng, -1, 1)
    which = rng.integers(5)
    fun = [
        lambda x: np.log1p(np.exp(a * x[0])) + (x[1] - b) ** 2,
        lambda x: np.log1p(np.exp(x[0] - x[1])) + np.log1p(np.exp(-a * x[0] - x[1])),
        lambda x: np.exp(-a * x[0]) + (x[1] - b * x[0]) ** 2,
        lambda x: 1 / (1 + a * x[0] ** 2) + (x[1] - b) ** 2,
        lambda x: np.arctan(a * x[0]) + (x[1] - b) ** 2 + 2,
    ][which]
    return Drawn(f"towards infinity {which}", "minimize", fun, spread(rng, (-5, 5), (-3, 3)))


def ordinary(rng: np.random.Generator) -> Drawn:
    """What people fit; some of it badly conditioned, none of it singular."""
    a, k, c = number(rng, 0.5, 2), number(rng, 0.7, 3), number(rng, 0, 0.5)
    which, exact = rng.integers(8), rng.random() < 0.3
    if which == 0:
        y, box = noisy(rng, a * np.exp(-T / k) + c, exact), [(0.5, 2), (0.5, 3), (0, 0.5)]
        return Drawn("decay", "curve_fit", lambda t, a, k, c: a * np.exp(-t / k) + c, spread(rng, *box), y,
                     solvable=True)  # fmt: skip
    if which == 1:
        y, box = (
            noisy(rng, a * np.exp(-((T - k) ** 2)) + c, exact),
            [(0.5, 2), (k - 0.4, k + 0.4), (0.7, 1.4), (0, 0.5)],
        )
        return Drawn("peak", "curve_fit", lambda t, a, m, s, c: a * np.exp(-(((t - m) / s) ** 2)) + c,
                     spread(rng, *box), y, solvable=True)  # fmt: skip
    if which == 2:
        y = noisy(rng, c - a * T + 0.3 * T**2 - 0.01 * T**4, exact)
        return Drawn("polynomial", "curve_fit",
                     lambda t, a, b, c, d, e: a + t * (b + t * (c + t * (d + t * e))), spread(rng, *[(-1, 1)] * 5), y,
                     solvable=True)  # fmt: skip
    if which == 3:
        return Drawn("Rosenbrock", "minimize", lambda x: (a - x[0]) ** 2 + 100 * k * (x[1] - x[0] ** 2) ** 2 + c,
                     spread(rng, (-2, 2), (-2, 2)), solvable=True)  # fmt: skip
    if which == 4:
        y = single(a * np.exp(-T / 0.4) + 2 * np.exp(-T / 3) + (0 if exact else rng.normal(0, 1e-4, len(T))))
        return Drawn("two decays", "curve_fit", lambda t, a, p, b, q: a * np.exp(-t / p) + b * np.exp(-t / q),
                     spread(rng, (0.7 * a, 1.3 * a), (0.3, 0.6), (1.5, 2.5), (2, 4)), y, solvable=True)  # fmt: skip
    if which == 5:
        return Drawn("bowl", "minimize",
                     lambda x: a * (x[0] - k) ** 2 + (x[0] - k) ** 4 + np.exp(x[1]) - (1 + c) * x[1],
                     spread(rng, (-5, 5), (-3, 3)), solvable=True)  # fmt: skip
    if which == 6:
        y = noisy(rng, c + a / (1 + np.exp(-2 * (T - k))), exact)
        return Drawn("logistic", "curve_fit", lambda t, a, s, k, c: c + a / (1 + np.exp(-s * (t - k))),
                     spread(rng, (0.7 * a, 1.3 * a), (1, 3), (k - 0.5, k + 0.5), (0, 0.5)), y,
                     solvable=True)  # fmt: skip
    size = float(10.0 ** rng.integers(3, 8))
    return Drawn("offset", "curve_fit", lambda t, a, b: a + b * t, spread(rng, (0.5 * size, size), (-2, 2)),
                 single(size + a * T), solvable=True)  # fmt: skip


FAMILIES = (redundant, absent, valley, ring, kink, vanishing, at_bound, towards_infinity, ordinary)


def draw(count: int, seed: int) -> list[Drawn]:
    """So many problems, family after family."""
    rng = np.random.default_rng(seed)
    return [FAMILIES[i % len(FAMILIES)](rng) for i in range(count)]
