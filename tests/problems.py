"""THE table of problems with known answers; every test and benchmark that needs one takes it from here.

Formulas are plain Python on an indexable x, with NumPy's functions, so that they run on floats, on the jets of
`reference.py` and traced. A problem's `answers` are all the points at which success may be claimed; where the list
is empty, claiming success is an error. References: MGH is Moré, Garbow & Hillstrom (1981), ACM TOMS 7:17-41.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from batchnewton import nist


@dataclass(frozen=True, eq=False)
class Problem:
    """One problem: what to call, from where, and what is right.

    kind      "curve_fit" (data = (x, y)), "least_squares", "minimize" or "root": the front door
    fun, args as that front door takes them, for one problem
    data      rows to sum over, each entry (m, ...): fun(x, *args, *row)
    answers   acceptable answers, each (n,); for kinds other than root all are minima
    must      has to be solved at the default options (otherwise it may fail, but not claim success elsewhere)
    status    names of statuses, one of which must be given; () if it does not matter
    """

    name: str
    kind: str
    fun: Callable
    x0: tuple[float, ...]
    answers: tuple[tuple[float, ...], ...]
    args: tuple = ()
    data: tuple = ()
    must: bool = True
    status: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return len(self.x0)

    def error(self, x) -> float:
        """Largest relative error of x against the nearest answer, absolute where that is 0; inf without answers."""
        x = np.asarray(x, float)
        if not self.answers or not np.all(np.isfinite(x)):
            return np.inf
        return min(float(np.max(np.abs(x - a) / np.where(a == 0, 1.0, np.abs(a)))) for a in np.array(self.answers))

    @property
    def tolerance(self) -> float:
        """The error of a success is less.  At x⁴-like minima the last digits of x do not change f at all; NIST's
        problems are judged by four digits."""
        if self.name in ("x^4", "powell singular"):
            return 1e-3
        return 1e-4 if self.kind == "curve_fit" else 1e-6

    def __repr__(self) -> str:  # pytest's test ids
        return self.name


# ---------------------------------------------------------------- minimisation


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def rosenbrock4(x):
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(3))


def valley(x, a, b):
    return (a - x[0]) ** 2 + b * (x[1] - x[0] ** 2) ** 2


def beale(x):
    return sum((y - x[0] * (1 - x[1] ** i)) ** 2 for i, y in ((1, 1.5), (2, 2.25), (3, 2.625)))


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def booth(x):
    return (x[0] + 2 * x[1] - 7) ** 2 + (2 * x[0] + x[1] - 5) ** 2


def wood(x):
    a, b, c, d = x[0], x[1], x[2], x[3]
    first = 100 * (b - a**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2
    return first + 10 * (b + d - 2) ** 2 + 0.1 * (b - d) ** 2


def powell_singular(x):
    a, b, c, d = x[0], x[1], x[2], x[3]
    return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4


def three_hump_camel(x):
    return 2 * x[0] ** 2 - 1.05 * x[0] ** 4 + x[0] ** 6 / 6 + x[0] * x[1] + x[1] ** 2


def mccormick(x):
    return np.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1


def trid(x):
    """Quadratic, minimum at i (n + 1 - i)."""
    return sum((x[i] - 1) ** 2 for i in range(5)) - sum(x[i] * x[i - 1] for i in range(1, 5))


def log_cosh(x):
    return np.log(np.exp(x[0] - 1) + np.exp(1 - x[0])) + np.log(np.exp(x[1] + 2) + np.exp(-x[1] - 2))


def soft_abs(x):
    """Pure Newton from |x| > 1 diverges: x → -x³."""
    return np.sqrt(1 + x[0] ** 2)


def log_sum_exp(x):
    """Boyd & Vandenberghe (2004), eq. 9.20, under a logarithm."""
    a, b = x[0], x[1]
    return np.log(np.exp(a + 3 * b - 0.1) + np.exp(a - 3 * b - 0.1) + np.exp(-a - 0.1))


def poisson_term(x, t, count):
    eta = x[0] + x[1] * t
    return np.exp(eta) - count * eta


MINIMIZE = [
    Problem("rosenbrock", "minimize", rosenbrock, (-1.2, 1.0), ((1, 1),)),
    Problem(
        "rosenbrock4",
        "minimize",
        rosenbrock4,
        (-1.2, 1.0, -1.2, 1.0),
        ((1, 1, 1, 1), (-0.7756592265653526, 0.6130933654850433, 0.382062846338393, 0.1459720185521945)),
    ),
    Problem("valley", "minimize", valley, (-1.2, 1.0), ((1.5, 2.25),), args=(1.5, 50.0)),
    Problem("beale", "minimize", beale, (1.0, 1.0), ((3, 0.5),)),
    Problem(
        "himmelblau",
        "minimize",
        himmelblau,
        (0.0, 0.0),
        (
            (3, 2),
            (-2.805118086952745, 3.131312518250573),
            (-3.779310253377747, -3.283185991286170),
            (3.5844283403304917, -1.8481265269644036),
        ),
    ),
    Problem("booth", "minimize", booth, (0.0, 0.0), ((1, 3),)),
    Problem("wood", "minimize", wood, (-3.0, -1.0, -3.0, -1.0), ((1, 1, 1, 1),)),
    Problem("powell singular", "minimize", powell_singular, (3.0, -1.0, 0.0, 1.0), ((0, 0, 0, 0),), must=False),
    Problem(
        "three-hump camel",
        "minimize",
        three_hump_camel,
        (1.2, 1.0),
        ((0, 0), (1.7475523458302893, -0.8737761729151446), (-1.7475523458302893, 0.8737761729151446)),
    ),
    Problem(
        "mccormick",
        "minimize",
        mccormick,
        (1.0, 1.0),
        tuple((0.5 - np.pi / 3 + k * np.pi, -0.5 - np.pi / 3 + k * np.pi) for k in range(-3, 4)),
    ),
    Problem("trid", "minimize", trid, (0.0,) * 5, ((5, 8, 9, 8, 5),)),
    Problem("log-cosh", "minimize", log_cosh, (5.0, -9.0), ((1, -2),)),
    Problem("soft abs", "minimize", soft_abs, (2.0,), ((0,),)),
    Problem("log-sum-exp", "minimize", log_sum_exp, (1.0, 1.0), ((-np.log(2) / 2, 0),)),
    Problem(
        "poisson regression",
        "minimize",
        poisson_term,
        (0.0, 0.0),
        ((0.3836666328084645, 0.5217629871469305),),
        data=(np.array([-1.0, 0.0, 1.0, 2.0, 3.0]), np.array([1.0, 1.0, 3.0, 4.0, 7.0])),
    ),
]

# ---------------------------------------------------------------- least squares


def rosenbrock_residuals(x):
    return [10 * (x[1] - x[0] ** 2), 1 - x[0]]


def freudenstein_roth(x):
    a, b = x[0], x[1]
    return [-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b]


def powell_badly_scaled(x):
    return [1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001]


def brown_badly_scaled(x):
    return [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2]


def beale_residuals(x):
    return [y - x[0] * (1 - x[1] ** i) for i, y in ((1, 1.5), (2, 2.25), (3, 2.625))]


def jennrich_sampson(x):
    return [2 + 2 * i - (np.exp(i * x[0]) + np.exp(i * x[1])) for i in range(1, 11)]


def helical_valley(x):
    """The angle of (x0, x1) in turns, continued to x0 < 0."""
    turn = np.arctan(x[1] / x[0]) / (2 * np.pi) + np.where(x[0] > 0, 0.0, 0.5)
    return [10 * (x[2] - 10 * turn), 10 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]]


def bard(x, u, v, w, y):
    return y - (x[0] + u / (v * x[1] + w * x[2]))


def kowalik_osborne(x, u, y):
    return y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def brown_dennis(x, t):
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def mgh_gaussian(x, t, y):
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2) - y


BARD_Y = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])
BARD_U = np.arange(1.0, 16.0)
KOWALIK_Y = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
KOWALIK_U = np.array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
HALF_BELL = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
BELL_Y = np.array([*HALF_BELL, 0.3989, *HALF_BELL[::-1]])

LEAST_SQUARES = [
    Problem("rosenbrock residuals", "least_squares", rosenbrock_residuals, (-1.2, 1.0), ((1, 1),)),
    Problem("rosenbrock residuals, far", "least_squares", rosenbrock_residuals, (-120.0, 100.0), ((1, 1),)),
    Problem(  # the start leads to the local minimum
        "freudenstein-roth",
        "least_squares",
        freudenstein_roth,
        (0.5, -2.0),
        ((5, 4), (11.41277898690206, -0.8968052532744794)),
    ),
    Problem(
        "powell badly scaled",
        "least_squares",
        powell_badly_scaled,
        (0.0, 1.0),
        ((1.0981593296998026e-05, 9.106146739866647),),
        must=False,
    ),
    Problem("brown badly scaled", "least_squares", brown_badly_scaled, (1.0, 1.0), ((1e6, 2e-6),), must=False),
    Problem("beale residuals", "least_squares", beale_residuals, (1.0, 1.0), ((3, 0.5),)),
    Problem(
        "jennrich-sampson", "least_squares", jennrich_sampson, (0.3, 0.4), ((0.2578252136703641, 0.2578252136703641),)
    ),
    Problem("helical valley", "least_squares", helical_valley, (-1.0, 0.0, 0.0), ((1, 0, 0),)),
    Problem(
        "bard",
        "least_squares",
        bard,
        (1.0, 1.0, 1.0),
        ((0.082410559749789, 1.1330360920297229, 2.3436951786425357),),
        data=(BARD_U, 16 - BARD_U, np.minimum(BARD_U, 16 - BARD_U), BARD_Y),
    ),
    Problem(
        "kowalik-osborne",
        "least_squares",
        kowalik_osborne,
        (0.25, 0.39, 0.415, 0.39),
        ((0.1928069345790379, 0.19128232873436676, 0.12305650692632081, 0.13606233068379472),),
        data=(KOWALIK_U, KOWALIK_Y),
    ),
    Problem(
        "brown-dennis",
        "least_squares",
        brown_dennis,
        (25.0, 5.0, -5.0, -1.0),
        ((-11.594439904762165, 13.203630051207202, -0.4034394881768595, 0.23677877445573609),),
        data=(np.arange(1, 21) / 5,),
    ),
    Problem(
        "mgh gaussian",
        "least_squares",
        mgh_gaussian,
        (0.4, 1.0, 0.0),
        ((0.39895613783875666, 1.0000190844878059, 0.0),),
        data=((8 - np.arange(1.0, 16.0)) / 2, BELL_Y),
    ),
]

# ---------------------------------------------------------------- roots


def kepler(x, anomaly, eccentricity):
    return [x[0] - eccentricity * np.sin(x[0]) - anomaly]


def colebrook(x, roughness, reynolds):
    """Darcy friction factor x of a rough pipe."""
    inner = roughness / 3.7 + 2.51 / (reynolds * np.sqrt(x[0]))
    return [1 / np.sqrt(x[0]) + 2 * np.log(inner) / np.log(10.0)]


def broyden(n: int) -> Callable:
    """Tridiagonal equations (MGH 30)."""

    def equations(x):
        left, right = [0.0, *(x[i] for i in range(n - 1))], [*(x[i] for i in range(1, n)), 0.0]
        return [(3 - 2 * x[i]) * x[i] - left[i] - 2 * right[i] + 1 for i in range(n)]

    return equations


def brown_almost_linear(x):
    n = 4
    total, product = sum(x[i] for i in range(n)), x[0] * x[1] * x[2] * x[3]
    return [*(x[i] + total - (n + 1) for i in range(n - 1)), product - 1]


def circle_line(x):
    return [x[0] ** 2 + x[1] ** 2 - 4, x[0] - x[1]]


ROOTS = [
    Problem("kepler", "root", kepler, (0.8,), ((1.2618463507197448,),), args=(0.8, 0.4848)),
    Problem("kepler, eccentric", "root", kepler, (0.1,), ((0.8515505079998895,),), args=(0.1, 0.999)),
    Problem("colebrook", "root", colebrook, (0.02,), ((0.03850354352733511,),), args=(0.01, 1e5)),
    Problem("colebrook, smooth", "root", colebrook, (0.02,), ((0.011645040997991626,),), args=(0.0, 1e6)),
    Problem("circle and line", "root", circle_line, (1.0, 2.0), ((2**0.5, 2**0.5), (-(2**0.5), -(2**0.5)))),
    Problem("freudenstein-roth system", "root", freudenstein_roth, (15.0, -2.0), ((5, 4),), must=False),
    Problem("rosenbrock system", "root", rosenbrock_residuals, (-1.2, 1.0), ((1, 1),)),
    Problem(
        "broyden tridiagonal",
        "root",
        broyden(5),
        (-1.0,) * 5,
        ((-0.5648283986150789, -0.6662737178046930, -0.6609170444367877, -0.5950500473798939, -0.4162011077382610),),
    ),
    Problem(
        "brown almost linear",
        "root",
        brown_almost_linear,
        (0.5,) * 4,
        ((1, 1, 1, 1), (0.8688768520958193, 0.8688768520958193, 0.8688768520958193, 1.524492591616723)),
    ),
    Problem(
        "newton's cycle", "root", lambda x: [x[0] ** 3 - 2 * x[0] + 2], (0.0,), ((-1.7692923542386314,),), must=False
    ),
    Problem("arctan, far", "root", lambda x: [np.arctan(x[0])], (3.0,), ((0,),)),
]

# ---------------------------------------------------------------- traps: a false success is the worst bug


def double_well(x):
    return x[0] ** 4 / 4 - x[0] ** 2 / 2 + x[1] ** 2 / 2


WELLS = ((1.0, 0.0), (-1.0, 0.0))
TRAPS = [
    Problem("saddle", "minimize", lambda x: x[0] ** 2 - x[1] ** 2, (1.0, 0.0), ()),
    Problem("double well, from its ridge", "minimize", double_well, (0.0, 1.0), WELLS, must=False),
    Problem("double well, at its saddle", "minimize", double_well, (0.0, 0.0), WELLS, must=False),
    Problem("double well, beside its saddle", "minimize", double_well, (1e-9, 1.0), WELLS),
    Problem("monkey saddle", "minimize", lambda x: x[0] ** 3 - 3 * x[0] * x[1] ** 2, (0.0, 1.0), ()),
    Problem("bell, from its flank", "minimize", lambda x: -np.exp(-(x[0] ** 2)), (1.5,), ((0,),)),
    Problem("bell, from its plateau", "minimize", lambda x: -np.exp(-(x[0] ** 2)), (10.0,), ((0,),), must=False),
    Problem(
        "cosine, at its maximum",
        "minimize",
        lambda x: np.cos(x[0]),
        (0.0,),
        tuple((k * np.pi,) for k in range(-9, 10, 2)),
        must=False,
    ),
    Problem("x^4", "minimize", lambda x: x[0] ** 4, (1.0,), ((0,),), must=False),
    Problem("inflexion x^3", "minimize", lambda x: x[0] ** 3, (1.0,), ()),
    Problem("unbounded x^3", "minimize", lambda x: x[0] ** 3, (-1.0,), ()),
    Problem("unbounded -x^2", "minimize", lambda x: -(x[0] ** 2), (1.0,), ()),
    Problem("unbounded line", "minimize", lambda x: 3.0 * x[0] - 1, (1.0,), ()),
    Problem("infimum at infinity, exp", "minimize", lambda x: np.exp(x[0]), (0.0,), ()),
    Problem("infimum at infinity, 1/x", "minimize", lambda x: 1 / x[0] ** 2, (1.0,), ()),
    Problem("constant", "minimize", lambda x: 0.0 * x[0] + 1, (1.0,), ()),
    Problem(
        "log of a negative number",
        "minimize",
        lambda x: x[0] - np.log(x[0]),
        (-1.0,),
        (),
        status=("NOT_FINITE_AT_START",),
    ),
    Problem("log, far from its pole", "minimize", lambda x: x[0] - np.log(x[0]), (30.0,), ((1,),)),
    Problem(
        "redundant parameters", "least_squares", lambda x, t: x[0] * x[1] - t, (1.0, 1.0), (), data=(np.ones(3) * 2,)
    ),
    Problem("no root, parabola", "root", lambda x: [x[0] ** 2 + 1], (1.0,), ()),
    Problem("no root, exp", "root", lambda x: [np.exp(x[0])], (0.0,), ()),
    Problem("no root, parallel lines", "root", lambda x: [x[0] + x[1] - 1, x[0] + x[1] + 1], (0.0, 0.0), ()),
    Problem("no root, freudenstein-roth's trap", "root", freudenstein_roth, (0.5, -2.0), ((5, 4),), must=False),
    Problem("root behind a maximum", "root", lambda x: [x[0] * np.exp(-(x[0] ** 2))], (2.0,), ((0,),), must=False),
]

# ---------------------------------------------------------------- measured data with certified answers (NIST StRD)

NIST = [
    Problem(
        f"{p.name}, start {which}",
        "curve_fit",
        p.formula,
        tuple(map(float, start)),
        (tuple(map(float, p.certified)),),
        data=(p.x, p.y),
        must=False,  # tests/test_table.py counts them: at least 48 of the 54
    )
    for p in nist.problems()
    for which, start in enumerate(p.starts, start=1)
]

PROBLEMS: list[Problem] = MINIMIZE + LEAST_SQUARES + ROOTS + TRAPS + NIST


def of_kind(*kinds: str) -> list[Problem]:
    """The problems of these kinds, NIST's left out."""
    return [problem for problem in PROBLEMS if problem.kind in kinds and problem.kind != "curve_fit"]
