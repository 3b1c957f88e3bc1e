"""Systems of equations with tame and nasty starts, some of them without a root."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from problems import circle_line, colebrook, freudenstein_roth, kepler, powell_badly_scaled, rosenbrock_residuals

from .mgh import (
    brown_almost_linear,
    broyden_banded,
    broyden_tridiagonal,
    discrete_boundary_value,
    ladder,
    powell_singular,
    trigonometric,
)


@dataclass(frozen=True, eq=False)
class System:
    """One system from several starts.

    starts    (k, n)
    args      one array (k, ...) for each argument
    solvable  whether there is a root
    answers   all roots, where high precision cannot find them (singular Jacobian) or the formula has no `Number`
    """

    name: str
    fun: Callable
    starts: Sequence[Sequence[float]]
    args: tuple[Any, ...] = ()
    solvable: bool = True
    answers: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return self.name


def black_scholes_call(volatility: Any, strike: Any, time: Any) -> Any:
    """Price of a call on a share worth 1, without interest, by tails (no cancellation far out of the money)."""
    width = volatility * np.sqrt(time)
    d1 = -np.log(strike) / width + width / 2
    return math.erfc(-d1 / math.sqrt(2)) / 2 - strike * math.erfc((width - d1) / math.sqrt(2)) / 2


def implied_volatility(x, strike, time, price):
    return [black_scholes_call(x[0], strike, time) / price - 1]


def rachford_rice(x, z, k):
    """Vapour fraction of a mixture with feed z and K values k."""
    return [sum(z[i] * (k[i] - 1) / (1 + x[0] * (k[i] - 1)) for i in range(3))]


def van_der_waals(x, pressure, temperature):
    """Reduced volume."""
    return [(pressure + 3 / x[0] ** 2) * (3 * x[0] - 1) - 8 * temperature]


def single_diode(x, voltage):
    """Current of a solar cell: light 3 A, saturation 1e-9 A, series 0.05 Ω, shunt 50 Ω, 1.3 n kT/q."""
    drop = voltage + 0.05 * x[0]
    return [3 - 1e-9 * (np.exp(drop / 0.0336) - 1) - drop / 50 - x[0]]


def diode_clipper(x, source):
    """Two unknown node voltages, two antiparallel diodes."""
    return [
        (x[0] - source) / 1e3 + (x[0] - x[1]) / 2e3,
        (x[1] - x[0]) / 2e3 + 1e-12 * (np.exp(x[1] / 0.0259) - np.exp(-x[1] / 0.0259)),
    ]


def propane(x):
    """Combustion of propane in air (Meintjes & Morgan 1990, reduced system), R = 10."""
    a, b, c, d, e = (x[i] for i in range(5))
    r5, r6, r7 = 0.193, 0.002597 / math.sqrt(40), 0.003448 / math.sqrt(40)
    r8, r9, r10 = 0.00001799 / 40, 0.0002155 / math.sqrt(40), 0.00003846 / 40
    mixed = b * c**2 + r7 * b * c + r9 * b * d + r8 * b
    return [
        a * b + a - 3 * e,
        2 * a * b + a + 3 * r10 * b**2 + mixed - 10 * e,
        2 * b * c**2 + r7 * b * c + 2 * r5 * c**2 + r6 * c - 8 * e,
        r9 * b * d + 2 * d**2 - 40 * e,
        a * b + a + r10 * b**2 + mixed + r5 * c**2 + r6 * c + d**2 - 1,
    ]


def weak_acid(x, total, constant):
    """log10 concentrations of H+, OH-, A-, HA."""
    h, oh, a, ha = (10.0 ** x[i] for i in range(4))
    return [
        x[0] + x[1] + 14,
        x[0] + x[2] - x[3] - np.log(constant) / np.log(10.0),
        (a + ha) / total - 1,
        h / (oh + a) - 1,
    ]


def chandrasekhar(x):
    """H equation with c = 0.9999 on eight points."""
    n, c = len(x), 0.9999
    mu = [(i + 0.5) / n for i in range(n)]
    sums = [sum(mu[i] * x[j] / (mu[i] + mu[j]) for j in range(n)) for i in range(n)]
    return [x[i] - 1 / (1 - c / (2 * n) * sums[i]) for i in range(n)]


def stirred_tank(x, damkohler):
    """Conversion of an exothermic reaction, up to three steady states."""
    return [x[0] - damkohler * (1 - x[0]) * np.exp(10 * x[0] / (1 + 0.5 * x[0]))]


def lambert(x, a):
    return [x[0] * np.exp(x[0]) - a]


def reciprocal(x, a):
    """Newton's own iteration for 1 / a diverges from beyond 2 / a."""
    return [1 / x[0] - a]


def arm(x, u, v):
    """Two links of length 1 reach (u, v)."""
    return [np.cos(x[0]) + np.cos(x[0] + x[1]) - u, np.sin(x[0]) + np.sin(x[0] + x[1]) - v]


def column(*values: float) -> list[list[float]]:
    return [[value] for value in values]


def kepler_cases() -> tuple[list[list[float]], tuple[np.ndarray, np.ndarray]]:
    """From the mean anomaly, and from afar."""
    pairs = [(0.8, 0.4848), (0.1, 0.999), (0.01, 0.9999), (1e-3, 0.999999), (3.1, 0.999999), (1e-6, 0.999999)]
    far = [(0.2, 0.99, 10.0), (0.2, 0.99, -20.0), (0.05, 0.99999, 3.0), (1e-3, 0.999999, 0.5), (2.0, 0.9, 100.0)]
    cases = [(m, e, m) for m, e in pairs] + far
    return column(*(start for _, _, start in cases)), (np.array(cases)[:, 0], np.array(cases)[:, 1])


def option_cases() -> tuple[list[list[float]], tuple[np.ndarray, ...], tuple[tuple[float], ...]]:
    """At, in and far out of the money; the volatility that made the price is the answer."""
    quotes = [(1.0, 1.0, 0.2), (1.3, 0.5, 0.3), (2.0, 0.25, 0.3), (2.0, 0.1, 0.5), (3.0, 1.0, 0.25), (0.7, 1.0, 0.4)]
    starts, args, answers = [], [], []
    for strike, time, volatility in quotes:
        price = float(black_scholes_call(volatility, strike, time))
        for start in (volatility * 1.2, 1.0, 0.5 * volatility):
            starts.append([start])
            args.append((strike, time, price))
            answers.append((volatility,))
    return starts, tuple(np.array(args).T), tuple(answers)


KEPLER_STARTS, KEPLER_ARGS = kepler_cases()
OPTION_STARTS, OPTION_ARGS, VOLATILITIES = option_cases()
FEED = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.9, 0.05, 0.05]])
K_VALUES = np.array([[4.2, 1.75, 0.74], [10.0, 1.1, 0.01], [1.2, 0.9, 1e-3]])
TANKS = (0.01, 0.02, 0.03, 0.05, 0.5)

ROOTS = [
    System("Kepler", kepler, KEPLER_STARTS, KEPLER_ARGS),
    System("implied volatility", implied_volatility, OPTION_STARTS, OPTION_ARGS, answers=VOLATILITIES),
    System(
        "Colebrook",
        colebrook,
        column(0.02, 0.02, 0.1, 1.0, 1e-4, 10.0),
        (np.array([0.01, 0.0, 0.001, 0.01, 0.05, 0.0]), np.array([1e5, 1e6, 1e4, 1e5, 1e8, 1e7])),
    ),
    System(
        "Rachford-Rice",
        rachford_rice,
        column(0.5, 0.5, 0.5, 0.01, 0.99, 0.9),
        (np.tile(FEED, (2, 1)), np.tile(K_VALUES, (2, 1))),
    ),
    System(
        "van der Waals",
        van_der_waals,
        column(10.0, 1.0, 0.4, 0.34, 100.0, 1.0),
        (np.array([0.5, 1.0, 2.0, 0.6, 0.01, 1.0]), np.array([1.1, 1.05, 0.9, 0.9, 1.0, 1.2])),
    ),
    System("single diode", single_diode, column(3, 3, 3, 0, 0, 0.1), (np.array([0.0, 0.5, 0.7, 0.73, 0.8, 1.0]),)),
    System(
        "diode clipper", diode_clipper, [(1.0, 0.5), (0.1, 0.1), (10.0, 0.6), (5.0, 5.0)], (np.array([1, 5, 100, 0.1]),)
    ),
    System("Powell singular", powell_singular, [(3, -1, 0, 1), (30, -10, 0, 10)], answers=((0.0,) * 4,)),
    System("Powell badly scaled", powell_badly_scaled, [(0, 1), (1e-5, 9), (1, 1)]),
    System("Rosenbrock", rosenbrock_residuals, [(-1.2, 1), (-120, 100), (6, 6), (1e-9, 1e-9)]),
    System("Broyden tridiagonal", broyden_tridiagonal, [(-1.0,) * 10, (-100.0,) * 10, (1.0,) * 10]),
    System("Broyden banded", broyden_banded, [(-1.0,) * 10, (-100.0,) * 10, (1.0,) * 10]),
    System("Freudenstein-Roth", freudenstein_roth, [(4.5, 4.5), (15, -2), (0.5, -2), (50, 20), (-10, 10)]),
    System("Brown almost linear", brown_almost_linear, [(0.5,) * 5, (5.0,) * 5, (0.9, 1.1, 0.9, 1.1, 1.0)]),
    System("discrete boundary value", discrete_boundary_value, [ladder(10), tuple(100 * one for one in ladder(10))]),
    System("trigonometric", trigonometric, [(0.2,) * 5, (0.1,) * 5]),
    System("circle and line", circle_line, [(1, 2), (100, -3), (1e-6, 2e-6)]),
    System(
        "two-link arm", arm, [(0.1, 0.1), (2.0, -1.0), (10.0, 5.0)], (np.array([1.0, 0.5, -1.9]), np.array([1, 0, 0.1]))
    ),
    System("propane", propane, [(0.01, 30, 0.05, 0.8, 0.05), (1, 10, 1, 1, 1)]),
    System(
        "weak acid", weak_acid, [(-7, -7, -3, -3), (-3, -11, -3, -1)], (np.array([0.1, 1e-4]), np.array([1.8e-5, 1e-9]))
    ),
    System("Chandrasekhar", chandrasekhar, [(1.0,) * 8, (3.0,) * 8]),
    System("stirred tank", stirred_tank, column(0.5, 0.0, 0.5, 1.0, 0.1), (np.array(TANKS),)),
    System("Lambert's W", lambert, column(1, 1, 10, -0.5, -0.99), (np.array([1.0, 1e6, 1e-3, -0.3, -0.36]),)),
    System("reciprocal", reciprocal, column(0.1, 1.0, 100.0, 1e-6), (np.array([3.0, 3.0, 3.0, 1e-3]),)),
    System("Newton's cycle", lambda x: [x[0] ** 3 - 2 * x[0] + 2], column(0.0, 1.0, 0.5, -2.0, 10.0)),
    System("arctan", lambda x: [np.arctan(x[0])], column(3.0, 10.0, -100.0)),
    System(
        "exponential", lambda x, a: [np.exp(x[0]) / a - 1], column(1, -10, 50, 1e-9), (np.array([2.0, 1e10, 3, 1e3]),)
    ),
    System("logarithm", lambda x: [np.log(x[0]) - 3], column(1.0, 100.0, 1e-6, 1e6)),
    System("double root", lambda x: [(x[0] - 1) ** 2], column(2.0, 30.0), answers=((1.0,),)),
    System("triple root", lambda x: [(x[0] - 1) ** 3, x[1] - x[0]], [(2.0, 3.0), (-4.0, 1.0)], answers=((1.0, 1.0),)),
    System("no root: parabola", lambda x: [x[0] ** 2 + 1], column(1.0, -3.0, 1e-3, 100.0), solvable=False),
    System("no root: just above", lambda x: [x[0] ** 2 + 1e-6], column(1.0, -3.0), solvable=False),
    System("no root: exponential", lambda x: [np.exp(x[0])], column(0.0, 5.0), solvable=False),
    System("no root: parallel lines", lambda x: [x[0] + x[1] - 1, x[0] + x[1] + 1], [(0, 0), (3, 1)], solvable=False),
    System(
        "no root: circle too small",
        lambda x: [x[0] ** 2 + x[1] ** 2 + 0.1, x[0] - x[1]],
        [(1, 2), (1, 1)],
        solvable=False,
    ),
    System("no root: 1 / x", lambda x: [1 / x[0]], column(1.0, -2.0), solvable=False),
]
