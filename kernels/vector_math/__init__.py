"""Elementary and special functions that LLVM's loop vectoriser can widen.

Numba's own `math.exp` and the like are calls of the C library, one lane at a time. Here every function is a straight
line of additions, products and selects, for float64 (`exp_f64`) and float32 (`exp_f32`), both from one formula and
two sets of constants; a loop over lanes that calls them becomes vector instructions. `FUNCTIONS[name][dtype]` lists
them; docs/vector_math.md has their measured errors.
"""

from . import arcus, exponential, hyperbolic, logarithm, power, trigonometric
from .bits import F32, F64

_FORMULAS = {
    "exp": exponential.exp,
    "log": logarithm.log,
    "log1p": logarithm.log1p,
    "log2": logarithm.log2,
    "log10": logarithm.log10,
    "sqrt": power.sqrt,
    "sin": trigonometric.sin,
    "cos": trigonometric.cos,
    "tan": trigonometric.tan,
    "atan": arcus.atan,
    "tanh": hyperbolic.tanh,
    "pow": power.pow,
    "floor": power.floor_,
    "fabs": power.fabs_,
    "copysign": power.copysign,
}

FUNCTIONS = {name: {"float64": formula(F64), "float32": formula(F32)} for name, formula in _FORMULAS.items()}

globals().update({f"{name}_f64": pair["float64"] for name, pair in FUNCTIONS.items()})
globals().update({f"{name}_f32": pair["float32"] for name, pair in FUNCTIONS.items()})
