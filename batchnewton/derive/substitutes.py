"""What formulas see in the place of `math`, of `min` and `max`, and of the functions of NumPy that make arrays."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from batchnewton.derive.arrays import call_function, has_traced
from batchnewton.derive.numpy_functions import MAKERS, logsumexp, softmax
from batchnewton.derive.scalar import TracedScalar, apply
from batchnewton.derive.vocabulary import VOCABULARY
from batchnewton.derive.whole import Whole
from batchnewton.derive.whole_functions import rows_of_argument


def _math_function(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: apply(name, *args) if has_traced(list(args)) else real(*args)


def _log(x: Any, *base: Any) -> Any:
    if not has_traced([x, *base]):
        return math.log(x, *base)
    return apply("log", x) / apply("log", base[0]) if base else apply("log", x)


def _fsum(values: Iterable[Any]) -> Any:
    values = list(values)
    return sum(values) if has_traced(values) else math.fsum(values)


def _dist(p: Any, q: Any) -> Any:
    return apply("sqrt", sum((a - b) * (a - b) for a, b in zip(p, q, strict=True)))


def _extreme(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def function(*args: Any, **options: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], Whole):
            return call_function(getattr(np, name), args, {})
        values = list(args[0]) if len(args) == 1 else list(args)
        if options or not has_traced(values):
            return real(*([values] if len(args) == 1 else args), **options)
        return functools.reduce(functools.partial(apply, name), values)

    return function


def _total(values: Any, *start: Any) -> Any:
    return call_function(np.sum, (values,), {}) if isinstance(values, Whole) and not start else sum(values, *start)


def _of_all(real: Callable[..., Any], numpys: Callable[..., Any]) -> Callable[..., Any]:
    return lambda values: call_function(numpys, (values,), {}) if isinstance(values, Whole) else real(values)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, TracedScalar) or np.isscalar(value)


MATH: dict[Any, Callable[..., Any]] = {
    **{
        getattr(math, name): _math_function(name, getattr(math, name))
        for name in dir(math)
        if name in VOCABULARY and callable(getattr(math, name))
    },
    math.log: _log,
    math.remainder: _math_function("ieee_remainder", math.remainder),  # NumPy's of that name is `%`
    math.fsum: _fsum,
    math.dist: _dist,
}
BUILTINS: dict[Any, Callable[..., Any]] = {
    min: _extreme("min", min),
    max: _extreme("max", max),
    len: rows_of_argument,
    sum: _total,
    any: _of_all(any, np.any),
    all: _of_all(all, np.all),
}
SUBSTITUTES: dict[Any, Callable[..., Any]] = {**MATH, **BUILTINS, **MAKERS, np.isscalar: _is_scalar}


def scipy_functions() -> dict[Any, Callable[..., Any]]:
    """SciPy's functions that are no ufuncs, if SciPy is in use."""
    special = sys.modules.get("scipy.special")
    return {} if special is None else {special.logsumexp: logsumexp, special.softmax: softmax}
