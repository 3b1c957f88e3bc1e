"""The 35 problems of Moré, Garbow & Hillstrom (1981), in 42 sizes with n <= 12, from 1, 10 and 100 times the start.

Reference: Testing unconstrained optimization software, ACM TOMS 7:17-41; numbers in front are the paper's.  The
values of minima are its "f", sums of squares; more of them, found from other starts, are confirmed by `judge.py`.
Number 11 is used as its authors corrected it, ``exp(-|y - x2|^x3 / x1) - t``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from problems import (
    BARD_U,
    BARD_Y,
    BELL_Y,
    KOWALIK_U,
    KOWALIK_Y,
    bard,
    beale_residuals,
    brown_badly_scaled,
    brown_dennis,
    freudenstein_roth,
    helical_valley,
    jennrich_sampson,
    kowalik_osborne,
    mgh_gaussian,
    powell_badly_scaled,
    rosenbrock_residuals,
)

FACTORS = (1.0, 10.0, 100.0)


@dataclass(frozen=True, eq=False)
class Problem:
    """Residuals with known minima.

    value     sum of squares at the global minimum
    others    sums of squares at further local minima
    points    where F = 0, if that happens at isolated points; () if it does not matter which
    singular  the minima are not isolated, or flat: success must not (or need not) be claimed, reaching them counts
    data      rows to sum over: fun(x, *row)
    """

    name: str
    fun: Callable
    x0: tuple[float, ...]
    value: float = 0.0
    others: tuple[float, ...] = ()
    singular: bool = False
    data: tuple[np.ndarray, ...] = ()

    @property
    def starts(self) -> np.ndarray:
        """(3, n): a start of zeros is replaced by the factor, as in the paper's own driver."""
        x0 = np.array(self.x0)
        return np.array([factor * x0 if x0.any() or factor == 1.0 else np.full(len(x0), factor) for factor in FACTORS])

    def __repr__(self) -> str:
        return self.name


# ---------------------------------------------------------------- fits: one residual a row


def meyer(x, t, y):
    return x[0] * np.exp(x[1] / (t + x[2])) - y


def gulf(x, t, y):
    return np.exp(-(np.abs(y - x[1]) ** x[2]) / x[0]) - t


def box(x, t):
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def osborne1(x, t, y):
    return x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]) - y


def biggs(x, t, y):
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


def osborne2(x, t, y):
    bells = sum(x[k] * np.exp(-((t - x[7 + k]) ** 2) * x[4 + k]) for k in (1, 2, 3))
    return x[0] * np.exp(-t * x[4]) + bells - y


def watson(x, t, inner, first, second):
    """Rows 1 to 29 are ``inner``; the last two pick x1 and x2 - x1² - 1."""
    p, dp = 0.0, 0.0
    for value in [x[j] for j in range(len(x) - 1, -1, -1)]:  # Horner: p(t) = sum_j x_j t^j and its derivative
        p, dp = p * t + value, dp * t + p
    return inner * (dp - p * p - 1) + first * x[0] + second * (x[1] - x[0] ** 2 - 1)


def linear_full_rank(x, own):
    """``own`` is the row of the unit matrix, 0 for rows beyond n."""
    n, m = len(x), 20
    return sum(own[j] * x[j] for j in range(n)) - 2 / m * sum(x[j] for j in range(n)) - 1


def linear_rank_one(x, i):
    return i * sum((j + 1) * x[j] for j in range(len(x))) - 1


def linear_rank_one_zero_columns(x, i):
    """i = 0 in the first row and the last."""
    return i * sum((j + 1) * x[j] for j in range(1, len(x) - 1)) - 1


# ---------------------------------------------------------------- all residuals at once


def powell_singular(x):
    residuals = []
    for k in range(0, len(x), 4):
        a, b, c, d = x[k], x[k + 1], x[k + 2], x[k + 3]
        residuals += [a + 10 * b, np.sqrt(5.0) * (c - d), (b - 2 * c) ** 2, np.sqrt(10.0) * (a - d) ** 2]
    return residuals


def wood(x):
    a, b, c, d = x[0], x[1], x[2], x[3]
    root10 = np.sqrt(10.0)
    return [10 * (b - a**2), 1 - a, np.sqrt(90.0) * (d - c**2), 1 - c, root10 * (b + d - 2), (b - d) / root10]


def extended_rosenbrock(x):
    return [r for k in range(0, len(x), 2) for r in (10 * (x[k + 1] - x[k] ** 2), 1 - x[k])]


def penalty1(x):
    n = len(x)
    return [*(np.sqrt(1e-5) * (x[i] - 1) for i in range(n)), sum(x[i] ** 2 for i in range(n)) - 0.25]


def penalty2(x):
    n, a = len(x), np.sqrt(1e-5)
    e = [np.exp(x[i] / 10) for i in range(n)]
    pairs = [a * (e[i] + e[i - 1] - (np.exp((i + 1) / 10) + np.exp(i / 10))) for i in range(1, n)]
    singles = [a * (e[i] - np.exp(-0.1)) for i in range(1, n)]
    return [x[0] - 0.2, *pairs, *singles, sum((n - i) * x[i] ** 2 for i in range(n)) - 1]


def variably_dimensioned(x):
    n = len(x)
    total = sum((j + 1) * (x[j] - 1) for j in range(n))
    return [*(x[i] - 1 for i in range(n)), total, total**2]


def trigonometric(x):
    n = len(x)
    cosines = [np.cos(x[j]) for j in range(n)]
    total = n - sum(cosines)
    return [total + (i + 1) * (1 - cosines[i]) - np.sin(x[i]) for i in range(n)]


def brown_almost_linear(x):
    n = len(x)
    total, product = sum(x[j] for j in range(n)), 1.0
    for j in range(n):
        product = product * x[j]
    return [*(x[i] + total - (n + 1) for i in range(n - 1)), product - 1]


def discrete_boundary_value(x):
    n = len(x)
    h = 1 / (n + 1)
    y = [0.0, *(x[i] for i in range(n)), 0.0]
    return [2 * y[i] - y[i - 1] - y[i + 1] + h**2 * (y[i] + i * h + 1) ** 3 / 2 for i in range(1, n + 1)]


def discrete_integral_equation(x):
    n = len(x)
    h = 1 / (n + 1)
    t = [(j + 1) * h for j in range(n)]
    cubes = [(x[j] + t[j] + 1) ** 3 for j in range(n)]
    before = [sum(t[j] * cubes[j] for j in range(i + 1)) for i in range(n)]
    after = [sum((1 - t[j]) * cubes[j] for j in range(i + 1, n)) for i in range(n)]
    return [x[i] + h / 2 * ((1 - t[i]) * before[i] + t[i] * after[i]) for i in range(n)]


def broyden_tridiagonal(x):
    n = len(x)
    y = [0.0, *(x[i] for i in range(n)), 0.0]
    return [(3 - 2 * y[i]) * y[i] - y[i - 1] - 2 * y[i + 1] + 1 for i in range(1, n + 1)]


def broyden_banded(x):
    n = len(x)
    near = [[j for j in range(max(0, i - 5), min(n, i + 2)) if j != i] for i in range(n)]
    return [x[i] * (2 + 5 * x[i] ** 2) + 1 - sum(x[j] * (1 + x[j]) for j in near[i]) for i in range(n)]


def chebyquad(x):
    """Means of the shifted Chebyshev polynomials over the n points, minus their integrals over (0, 1)."""
    n = len(x)
    y = [2 * x[j] - 1 for j in range(n)]
    old, now = [1.0] * n, y
    residuals = []
    for i in range(1, n + 1):
        residuals.append(sum(now) / n + (1 / (i * i - 1) if i % 2 == 0 else 0.0))
        old, now = now, [2 * y[j] * now[j] - old[j] for j in range(n)]
    return residuals


# ---------------------------------------------------------------- data


def numbers(text: str) -> np.ndarray:
    return np.array(text.split(), float)


MEYER_Y = numbers("34780 28610 23650 19630 16370 13720 11540 9744 8261 7030 6005 5147 4427 3820 3307 2872")
GULF_T = np.arange(1, 100) / 100
GULF_Y = 25 + (-50 * np.log(GULF_T)) ** (2 / 3)
BOX_T = np.arange(1, 11) / 10
OSBORNE1_Y = numbers("""
    .844 .908 .932 .936 .925 .908 .881 .850 .818 .784 .751 .718 .685 .658 .628 .603 .580 .558 .538 .522 .506 .490 .478
    .467 .457 .448 .438 .431 .424 .420 .414 .411 .406""")
BIGGS_T = np.arange(1, 14) / 10
BIGGS_Y = np.exp(-BIGGS_T) - 5 * np.exp(-10 * BIGGS_T) + 3 * np.exp(-4 * BIGGS_T)
OSBORNE2_Y = numbers("""
    1.366 1.191 1.112 1.013 .991 .885 .831 .847 .786 .725 .746 .679 .608 .655 .616 .606 .602 .626 .651 .724 .649 .649
    .694 .644 .624 .661 .612 .558 .533 .495 .500 .423 .395 .375 .372 .391 .396 .405 .428 .429 .523 .562 .607 .653 .672
    .708 .633 .668 .645 .632 .591 .559 .597 .625 .739 .710 .729 .720 .636 .581 .428 .292 .162 .098 .054""")
ROW = np.arange(31)
WATSON_ROWS = ((ROW + 1) / 29 * (ROW < 29), 1.0 * (ROW < 29), 1.0 * (ROW == 29), 1.0 * (ROW == 30))
RANK_ONE_I = np.arange(1.0, 21.0)
ZERO_COLUMNS_I = np.array([0.0, *range(1, 19), 0.0])


def ladder(n: int) -> tuple[float, ...]:
    """``t (t - 1)`` at the inner points of (0, 1)."""
    t = np.arange(1, n + 1) / (n + 1)
    return tuple(t * (t - 1))


def grid(n: int) -> tuple[float, ...]:
    return tuple(np.arange(1, n + 1) / (n + 1))


P = partial(Problem)
MGH = [
    P("01 Rosenbrock", rosenbrock_residuals, (-1.2, 1.0)),
    P("02 Freudenstein and Roth", freudenstein_roth, (0.5, -2.0), others=(48.9842536792400,)),
    P("03 Powell badly scaled", powell_badly_scaled, (0.0, 1.0)),
    P("04 Brown badly scaled", brown_badly_scaled, (1.0, 1.0)),
    P("05 Beale", beale_residuals, (1.0, 1.0)),
    P("06 Jennrich and Sampson", jennrich_sampson, (0.3, 0.4), 124.362182355615),
    P("07 helical valley", helical_valley, (-1.0, 0.0, 0.0)),
    P(
        "08 Bard",
        bard,
        (1.0, 1.0, 1.0),
        8.21487730657896e-3,
        data=(BARD_U, 16 - BARD_U, np.minimum(BARD_U, 16 - BARD_U), BARD_Y),
    ),
    P(
        "09 Gaussian",
        mgh_gaussian,
        (0.4, 1.0, 0.0),
        1.12793276961912e-8,
        data=((8 - np.arange(1.0, 16.0)) / 2, BELL_Y),
    ),
    P("10 Meyer", meyer, (0.02, 4000.0, 250.0), 87.9458551709, data=(np.arange(50.0, 126.0, 5.0), MEYER_Y)),
    P("11 Gulf research and development", gulf, (5.0, 2.5, 0.15), data=(GULF_T, GULF_Y)),
    P("12 Box three-dimensional", box, (0.0, 10.0, 20.0), singular=True, data=(BOX_T,)),
    P("13 Powell singular", powell_singular, (3.0, -1.0, 0.0, 1.0), singular=True),
    P("14 Wood", wood, (-3.0, -1.0, -3.0, -1.0)),
    P(
        "15 Kowalik and Osborne",
        kowalik_osborne,
        (0.25, 0.39, 0.415, 0.39),
        3.07505603849239e-4,
        data=(KOWALIK_U, KOWALIK_Y),
    ),
    P("16 Brown and Dennis", brown_dennis, (25.0, 5.0, -5.0, -1.0), 85822.2016263563, data=(np.arange(1, 21) / 5,)),
    P(
        "17 Osborne 1",
        osborne1,
        (0.5, 1.5, -1.0, 0.01, 0.02),
        5.46489469748e-5,
        data=(np.arange(0.0, 330.0, 10.0), OSBORNE1_Y),
    ),
    P("18 Biggs EXP6", biggs, (1.0, 2.0, 1.0, 1.0, 1.0, 1.0), others=(5.6556499255e-3,), data=(BIGGS_T, BIGGS_Y)),
    P(
        "19 Osborne 2",
        osborne2,
        (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5),
        4.01377362935e-2,
        data=(np.arange(65) / 10, OSBORNE2_Y),
    ),
    P("20 Watson, n = 6", watson, (0.0,) * 6, 2.28767005355e-3, data=WATSON_ROWS),
    P("20 Watson, n = 9", watson, (0.0,) * 9, 1.39976013814e-6, data=WATSON_ROWS),
    P("20 Watson, n = 12", watson, (0.0,) * 12, 4.72238e-10, data=WATSON_ROWS),
    P("21 extended Rosenbrock", extended_rosenbrock, (-1.2, 1.0) * 5),
    P("22 extended Powell singular", powell_singular, (3.0, -1.0, 0.0, 1.0) * 3, singular=True),
    P("23 penalty I, n = 4", penalty1, tuple(range(1, 5)), 2.24997750038e-5),
    P("23 penalty I, n = 10", penalty1, tuple(range(1, 11)), 7.08765146709e-5),
    P("24 penalty II, n = 4", penalty2, (0.5,) * 4, 9.37629e-6),
    P("24 penalty II, n = 10", penalty2, (0.5,) * 10, 2.93660e-4),
    P("25 variably dimensioned", variably_dimensioned, tuple(1 - np.arange(1, 11) / 10)),
    P("26 trigonometric", trigonometric, (0.1,) * 10, others=(2.79506e-5,)),
    P("27 Brown almost linear", brown_almost_linear, (0.5,) * 10, others=(1.0,)),
    P("28 discrete boundary value", discrete_boundary_value, ladder(10)),
    P("29 discrete integral equation", discrete_integral_equation, ladder(10)),
    P("30 Broyden tridiagonal", broyden_tridiagonal, (-1.0,) * 10),
    P("31 Broyden banded", broyden_banded, (-1.0,) * 10),
    P("32 linear, full rank", linear_full_rank, (1.0,) * 10, 10.0, data=(np.eye(20, 10),)),
    P("33 linear, rank 1", linear_rank_one, (1.0,) * 10, 190 / 41, singular=True, data=(RANK_ONE_I,)),
    P(
        "34 linear, rank 1, zero columns",
        linear_rank_one_zero_columns,
        (1.0,) * 10,
        454 / 74,
        singular=True,
        data=(ZERO_COLUMNS_I,),
    ),
    P("35 Chebyquad, n = 5", chebyquad, grid(5)),
    P("35 Chebyquad, n = 8", chebyquad, grid(8), 3.51687372567e-3),
    P("35 Chebyquad, n = 9", chebyquad, grid(9)),
    P("35 Chebyquad, n = 10", chebyquad, grid(10), 4.77271369637e-3, others=(6.50395480e-3,)),
]
