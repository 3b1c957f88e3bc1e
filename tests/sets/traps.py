"""Functions with traps for a minimiser: saddles, maxima, plateaus, poles, valleys, no minimum at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from problems import (
    beale,
    booth,
    double_well,
    himmelblau,
    log_sum_exp,
    mccormick,
    rosenbrock,
    rosenbrock4,
    soft_abs,
    three_hump_camel,
    wood,
)


@dataclass(frozen=True, eq=False)
class Trap:
    """One function from several starts.

    starts    (k, n)
    args      one array (k, ...) for each argument
    solvable  whether it has a strict minimum that a descent from there can reach: one flag, or one a start
    flat      minima whose Hessian is singular but which are strict all the same: success there is no lie
    """

    name: str
    fun: Callable
    starts: Sequence[Sequence[float]]
    args: tuple[Any, ...] = ()
    solvable: bool | Sequence[bool] = True
    flat: tuple[tuple[float, ...], ...] = ()

    @property
    def flags(self) -> np.ndarray:
        """(k,)"""
        return np.broadcast_to(np.asarray(self.solvable), len(self.starts))

    def __repr__(self) -> str:
        return self.name


def six_hump_camel(x):
    return (4 - 2.1 * x[0] ** 2 + x[0] ** 4 / 3) * x[0] ** 2 + x[0] * x[1] + (-4 + 4 * x[1] ** 2) * x[1] ** 2


def goldstein_price(x):
    a, b = x[0], x[1]
    first = 1 + (a + b + 1) ** 2 * (19 - 14 * a + 3 * a**2 - 14 * b + 6 * a * b + 3 * b**2)
    return first * (30 + (2 * a - 3 * b) ** 2 * (18 - 32 * a + 12 * a**2 + 48 * b - 36 * a * b + 27 * b**2))


def branin(x):
    inner = x[1] - 5.1 / (4 * np.pi**2) * x[0] ** 2 + 5 / np.pi * x[0] - 6
    return inner**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x[0]) + 10


def rastrigin(x):
    return sum(10 + x[i] ** 2 - 10 * np.cos(2 * np.pi * x[i]) for i in range(2))


def disk_barrier(x):
    return 3 * x[0] + x[1] - np.log(1 - x[0] ** 2 - x[1] ** 2)


def analytic_centre(x):
    """Of the simplex x >= 0, x0 + x1 <= 1."""
    return -np.log(x[0]) - np.log(x[1]) - np.log(1 - x[0] - x[1])


def peano(x):
    """Along each line through 0 a minimum, but negative between the parabolas."""
    return (x[1] - x[0] ** 2) * (x[1] - 3 * x[0] ** 2)


def ring(x):
    return (x[0] ** 2 + x[1] ** 2 - 1) ** 2


def hyperbola(x, floor):
    return (x[0] * x[1] - 2) ** 2 + floor


def gravity(x):
    """Two bodies repelling near and attracting far (Lennard-Jones), with a flat tail."""
    return x[0] ** -12 - 2 * x[0] ** -6


def wide_scales(x):
    """Minimum at (1e-6, 1e6), scales twelve decades apart."""
    return (1e6 * x[0] - 1) ** 2 + (1e-6 * x[1] - 1) ** 2 + 1e6 * x[0] * 1e-6 * x[1]


def column(*values: float) -> list[list[float]]:
    return [[value] for value in values]


HIMMELBLAU_TOP = (-0.27084459067, -0.92303856100)
HIMMELBLAU_SADDLES = [(0.08667750456, 2.88425470119), (3.38515418446, 0.07385188008), (-3.07302576, -0.08135304429)]

TRAPS = [
    Trap("saddle", lambda x: x[0] ** 2 - x[1] ** 2, [(1, 0), (0, 0), (1e-9, 1)], solvable=False),
    Trap("monkey saddle", lambda x: x[0] ** 3 - 3 * x[0] * x[1] ** 2, [(0, 1), (0, 0), (1e-3, 1e-3)], solvable=False),
    Trap("saddle of order four", lambda x: x[0] ** 2 - x[1] ** 4, [(1, 1e-3), (1, 0), (0, 0), (2, 1)], solvable=False),
    Trap("cusp x² + y³", lambda x: x[0] ** 2 + x[1] ** 3, [(1, 1), (1, 1e-6), (1, 0)], solvable=False),
    Trap("Peano's surface", peano, [(1, 0), (0, 1), (0.1, 0.02), (0, 0), (1e-3, 1)], solvable=False),
    Trap("double well", double_well, [(0, 1), (0, 0), (1e-9, 1), (1e-3, 0), (0, 5), (30, 2)]),
    Trap("three-hump camel", three_hump_camel, [(0, 0), (1.2, 1), (-1.0705, 0.5353), (5, 5)]),
    Trap("six-hump camel", six_hump_camel, [(0, 0), (1, 1), (-3, 2), (1.2302, 0.1623), (0, 1e-8)]),
    Trap("Himmelblau", himmelblau, [(0, 0), HIMMELBLAU_TOP, *HIMMELBLAU_SADDLES, (100, 100)]),
    Trap("Goldstein and Price", goldstein_price, [(0, 0), (2, 2), (-0.5, 0.3)]),
    Trap("Branin", branin, [(0, 0), (2.5, 7.5), (-5, 15), (6, 0)]),
    Trap("Rastrigin", rastrigin, [(0.5, 0.5), (3.3, 0.51), (1e-9, 1e-9), (0.5025, 0)]),
    Trap("McCormick", mccormick, [(0, 0), (1, 1), (2.0, -3.0)]),
    Trap("Rosenbrock", rosenbrock, [(-1.2, 1), (-120, 100), (0, 0), (10, -10), (1, 1), (1e-9, 1e-9)]),
    Trap("Rosenbrock, n = 4", rosenbrock4, [(-1.2, 1, -1.2, 1), (0, 0, 0, 0), (5, -5, 5, -5)]),
    Trap("Beale", beale, [(1, 1), (0, 0), (2, 0.2)]),
    Trap("Wood", wood, [(-3, -1, -3, -1), (0, 0, 0, 0)]),
    Trap("Booth", booth, [(0, 0), (1e6, -1e6)]),
    Trap("cosine", lambda x: np.cos(x[0]), column(0, 1e-8, 3, 100)),
    Trap("x sin x", lambda x: x[0] * np.sin(x[0]), column(2.0, 2.028757838, 0.0, 30.0)),
    Trap(
        "bell", lambda x: -np.exp(-(x[0] ** 2)), column(0.6, 1.5, 3, -5, 40), solvable=(True, True, True, True, False)
    ),
    Trap("rational bell", lambda x: -1 / (1 + x[0] ** 2), column(0.5, 1.0, 10, 1e3)),
    Trap("atoms", gravity, column(0.5, 1.05, 1.3, 3.0)),
    Trap("square root", soft_abs, column(2, 10, 1e3, -1e-3)),
    Trap("log-sum-exp", log_sum_exp, [(1, 1), (5, -3), (-10, 10), (0, 0)]),
    Trap("exponential and line", lambda x: np.exp(x[0]) - 3 * x[0], column(0, -50, 50, 1e-9)),
    Trap("logarithmic barrier", lambda x: x[0] - np.log(x[0]), column(30, 1e-6, 1e6, 1e-20)),
    Trap("barrier of a disk", disk_barrier, [(0, 0), (0.9, 0.1), (0, 0.999), (0.7, 0.7)]),
    Trap("analytic centre", analytic_centre, [(0.3, 0.3), (1e-6, 0.5), (0.01, 0.9899)]),
    Trap("x log x", lambda x: x[0] * np.log(x[0]), column(10, 1e-8, 0.1)),
    Trap("inverse temperature", lambda x: x[0] ** 2 + 1 / x[0], column(1, 1e-3, 1e3)),
    Trap("wide scales", wide_scales, [(1, 1), (1e-6, 1e6), (1e-3, 1e9)]),
    Trap("shallow well", lambda x: 1 + 1e-9 * (x[0] - 1) ** 2, column(2, 100, -3)),
    Trap("small on large", lambda x: 1e8 + (x[0] - 2) ** 2 + x[0] ** 4, column(1, 30, -7)),
    Trap("quartic from almost zero", lambda x: (x[0] - 1) ** 2 + x[0] ** 4, column(1e-9, 1e-30, 1e-100, 0.0, -1e-5)),
    Trap("quadratic from almost zero", lambda x: (x[0] - 1) ** 2, column(1e-9, 1e-30, 1e-100, 0.0)),
    Trap("x^4", lambda x: x[0] ** 4, column(1, 1e-3, 100), flat=((0.0,),)),
    Trap("x² + y^4", lambda x: x[0] ** 2 + x[1] ** 4, [(1, 1), (3, -20)], flat=((0.0, 0.0),)),
    Trap("inflexion x³", lambda x: x[0] ** 3, column(1, -1, 0, 1e-3), solvable=False),
    Trap("inflexion on a slope", lambda x: (x[0] - 1) ** 3 + 5, column(2, 1 + 1e-6, 30), solvable=False),
    Trap("1 / x", lambda x: 1 / x[0], column(1, -1), solvable=False),
    Trap("1 / x²", lambda x: 1 / x[0] ** 2, column(1, -30), solvable=False),
    Trap("exp(-x)", lambda x: np.exp(-x[0]), column(0, 1, -10), solvable=False),
    Trap("exp(-x) on a floor", lambda x: 1 + np.exp(-x[0]), column(0, 1, 30), solvable=False),
    Trap("logarithm", lambda x: np.log(x[0]), column(1, 1e-3), solvable=False),
    Trap("arctan", lambda x: np.arctan(x[0]), column(1, -1, 0), solvable=False),
    Trap("tanh", lambda x: np.tanh(x[0]), column(1, -1), solvable=False),
    Trap("-x²", lambda x: -(x[0] ** 2), column(1, 0, 1e-9), solvable=False),
    Trap("line", lambda x: 3.0 * x[0] - 1, column(1, 0), solvable=False),
    Trap("constant", lambda x: 0.0 * x[0] + 1, column(1, 0), solvable=False),
    Trap(
        "valley, F = 0", lambda x: (x[0] * x[1] - 2) ** 2, [(1, 1), (2, 1), (3, -1), (0, 0), (1.4, 1.5)], solvable=False
    ),
    Trap(
        "valley, F = 1",
        lambda x: (x[0] * x[1] - 2) ** 2 + 1,
        [(1, 1), (2, 1), (3, -1), (0, 0), (1, 2 + 1e-10)],
        solvable=False,
    ),
    Trap("ring of minima", ring, [(2, 1), (0, 0), (1e-5, 0), (0.6, 0.8)], solvable=False),
    Trap("line of minima", lambda x: (x[0] - 1) ** 2 * (1 + x[1] ** 2), [(3, 1), (1, 1), (-2, 1e-3)], solvable=False),
    Trap("undetermined", lambda x: (x[0] + x[1] - 3) ** 2, [(1, 1), (0, 0)], solvable=False),
]
