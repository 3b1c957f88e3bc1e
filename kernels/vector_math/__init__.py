"""Elementary and special functions that LLVM's loop vectoriser can widen.

Numba's own `math.exp` and the like are calls of the C library, one lane at a time. Here every function is a straight
line of additions, products and selects, for float64 (`exp_f64`) and float32 (`exp_f32`), both from one formula and
two sets of constants; a loop over lanes that calls them becomes vector instructions. `FUNCTIONS[name][dtype]` lists
them; docs/vector_math.md has their measured errors.
"""

from . import bessel, error, exponential, gamma, hyperbolic, inverse_trigonometric, logarithm, power, trigonometric
from .bits import F32, F64

_FORMULAS = {
    "exp": exponential.exp,
    "expm1": exponential.expm1,
    "exp2": exponential.exp2,
    "log": logarithm.log,
    "log1p": logarithm.log1p,
    "log2": logarithm.log2,
    "log10": logarithm.log10,
    "sqrt": power.sqrt,
    "cbrt": power.cbrt,
    "hypot": power.hypot,
    "pow": power.pow,
    "sin": trigonometric.sin,
    "cos": trigonometric.cos,
    "tan": trigonometric.tan,
    "asin": inverse_trigonometric.asin,
    "acos": inverse_trigonometric.acos,
    "atan": inverse_trigonometric.atan,
    "atan2": inverse_trigonometric.atan2,
    "sinh": hyperbolic.sinh,
    "cosh": hyperbolic.cosh,
    "tanh": hyperbolic.tanh,
    "asinh": hyperbolic.asinh,
    "acosh": hyperbolic.acosh,
    "atanh": hyperbolic.atanh,
    "erf": error.erf,
    "erfc": error.erfc,
    "erfcx": error.erfcx,
    "gamma": gamma.either(gamma.gamma),
    "lgamma": gamma.either(gamma.lgamma),
    "digamma": gamma.either(gamma.digamma),
    "trigamma": gamma.either(gamma.trigamma),
    "i0e": bessel.i0e,
    "i1e": bessel.i1e,
    "floor": power.floor_,
    "fabs": power.fabs_,
    "copysign": power.copysign_,
}

FUNCTIONS = {name: {"float64": formula(F64), "float32": formula(F32)} for name, formula in _FORMULAS.items()}

globals().update({f"{name}_f64": pair["float64"] for name, pair in FUNCTIONS.items()})
globals().update({f"{name}_f32": pair["float32"] for name, pair in FUNCTIONS.items()})
