"""Running derived code, in floats and in mpmath, and an oracle that knows only the formula."""

import math

import mpmath as mp
import numpy as np

from batchnewton import special
from batchnewton.derive import Input, derive, numeric

NUMPY_NAMES = "exp expm1 exp2 log log1p log2 log10 sqrt cbrt sin cos tan sinh cosh tanh hypot floor fabs copysign"
FLOATS = {name: getattr(np, name) for name in NUMPY_NAMES.split()}
FLOATS |= {"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2, "pow": np.power}
FLOATS |= {"asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh}
FLOATS |= {name: numeric.FUNCTIONS[name] for name in numeric.FUNCTIONS if name not in FLOATS}

MP_NAMES = (
    "exp expm1 log log1p log10 sqrt cbrt sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh erf erfc"
)
EXACT = {name: getattr(mp, name) for name in MP_NAMES.split()}
EXACT |= {
    "exp2": lambda x: mp.power(2, x),
    "log2": lambda x: mp.log(x, 2),
    "gamma": mp.gamma,
    "lgamma": lambda x: mp.log(abs(mp.gamma(x))),
    "digamma": lambda x: mp.psi(0, x),
    "trigamma": lambda x: mp.psi(1, x),
    "hypot": mp.hypot,
    "pow": mp.power,
    "floor": mp.floor,
    "fabs": abs,
    "copysign": lambda x, y: abs(x) if y >= 0 else -abs(x),
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "i0e": lambda x: mp.exp(-abs(x)) * mp.besseli(0, x),
    "i1e": lambda x: mp.exp(-abs(x)) * mp.besseli(1, x),
}


def _voigt_profile(x, sigma, gamma):
    z = mp.mpc(x, gamma) / (sigma * mp.sqrt(2))
    return (mp.exp(-z * z) * mp.erfc(-1j * z)).real / (sigma * mp.sqrt(2 * mp.pi))


FORMULA_EXACT = EXACT | {
    "pi": mp.pi,
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "arctan2": mp.atan2,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
    "absolute": abs,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "sign": mp.sign,
    "power": mp.power,
    "minimum": min,
    "maximum": max,
    "clip": lambda x, low, high: min(max(x, low), high),
    "where": lambda c, x, y: x if c else y,
    "logaddexp": lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "sinc": lambda x: mp.sinc(mp.pi * x),
    "radians": lambda x: x * mp.pi / 180,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "log_sigmoid": lambda x: -mp.log(1 + mp.exp(-x)),
    "softplus": lambda x: mp.log(1 + mp.exp(x)),
    "normal_cdf": mp.ncdf,
    "log_normal_cdf": lambda x: mp.log(mp.ncdf(x)),
    "xlogy": lambda x, y: x * mp.log(y),
    "gammaln": lambda x: mp.log(abs(mp.gamma(x))),
    "i0": lambda x: mp.besseli(0, x),
    "voigt_profile": _voigt_profile,
    "i1": lambda x: mp.besseli(1, x),
}
FORMULA_TRACED = {name: getattr(special, name, None) or getattr(np, name, None) for name in FORMULA_EXACT}


def formula_of(text, names, namespace):
    """A function of `names` from the text of its expression."""
    scope = dict(namespace)
    exec(f"def formula({', '.join(names)}):\n    return {text}", scope)
    return scope["formula"]


def run(program, values, functions=FLOATS, number=np.float64):
    """Outputs of a program at the values of its inputs' scalars."""
    scope = {name: number(value) for name, value in (program.constants | values).items()} | functions
    with np.errstate(all="ignore"):
        for statements in program.stages.values():
            for statement in statements:
                scope[statement.name] = eval(statement.expression, {"__builtins__": {}}, scope)
    found = {key: scope[name] for key, (_, name) in program.outputs.items()}
    for more in (program.shares, program.bases):
        found |= {key: found[key] + scope[name] for key, (_, name) in more.items()}
    return found


def dense(outputs, n):
    """f, g and the full H from a program's outputs."""
    g = [outputs.get(f"g_{i}", 0) for i in range(n)]
    h = [[outputs.get(f"h_{max(i, j)}_{min(i, j)}", 0) for j in range(n)] for i in range(n)]
    return outputs["f"], g, h


STEP = mp.mpf(10) ** -30


def exact_derivatives(function, point):
    """f, g, H by central differences in 130 digits, which leaves about 60."""
    n = len(point)

    def at(*moves):
        moved = list(point)
        for i, sign in moves:
            moved[i] += sign * STEP
        return function(*moved)

    with mp.workdps(130):
        point = [mp.mpf(value) for value in point]
        f = at()
        plus, minus = [at((i, 1)) for i in range(n)], [at((i, -1)) for i in range(n)]
        g = [(p - m) / (2 * STEP) for p, m in zip(plus, minus, strict=True)]
        h = [[mp.mpf(0)] * n for _ in range(n)]
        for i in range(n):
            h[i][i] = (plus[i] - 2 * f + minus[i]) / STEP**2
            for j in range(i):
                corners = sum(s * t * at((i, s), (j, t)) for s in (1, -1) for t in (1, -1))
                h[i][j] = h[j][i] = corners / (4 * STEP**2)
    return f, g, h


def relative_error(found, expected):
    """Largest error of f, g and H, each relative to its largest entry (or to 1e-3 of the largest of all)."""
    flat = [([f], g, [x for row in h for x in row]) for f, g, h in (found, expected)]
    largest = max(abs(x) for part in flat[1] for x in part)
    errors = []
    for mine, true in zip(*flat, strict=True):
        scale = max(max(abs(x) for x in true), largest * mp.mpf("1e-3"), mp.mpf("1e-300"))
        errors += [
            abs(mp.mpf(float(a)) - b) / scale if math.isfinite(a) else mp.inf for a, b in zip(mine, true, strict=True)
        ]
    return float(max(errors))


def check(text, values, kind="minimize", data="xy", digits=1e-13):
    """Compare a formula's derived code with the oracle at `values`; names in `data` are not unknowns."""
    unknowns = [name for name in values if name not in data]
    given = [name for name in values if name in data]
    inputs = [Input(name) for name in unknowns] + [Input(name, (), "point") for name in given]
    program = derive(formula_of(text, [*unknowns, *given], FORMULA_TRACED), inputs, kind)
    exact = formula_of(text, [*unknowns, *given], FORMULA_EXACT)
    fixed = [mp.mpf(values[name]) for name in given]
    expected = exact_derivatives(lambda *x: exact(*x, *fixed), [values[name] for name in unknowns])
    found = dense(run(program, values), program.n)
    error = relative_error(found, expected)
    assert error < digits, f"{text} at {values}: {error:.1e}\n{program.source()}"
    return program
