"""Independent judges: is this point a minimum, is it a root?  In 60 digits, with nothing of the project's.

A `Number` goes through a formula written with NumPy's functions; derivatives are central differences with a step of
1e-18, whose error (1e-36, relative) no double can see.  From the point that is judged plain Newton steps are taken:
it is what it claims to be if they end close by, and the Hessian there is positive definite (the residuals zero).
"""

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

DIGITS = 60
STEP = mpmath.mpf("1e-18")
FUNCTIONS = {
    "exp": mpmath.exp,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "sqrt": mpmath.sqrt,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tanh": mpmath.tanh,
    "arctan": mpmath.atan,
    "absolute": abs,
    "negative": lambda a: -a,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "maximum": max,
    "greater": lambda a, b: a > b,
}


class Number(np.lib.mixins.NDArrayOperatorsMixin):
    """A number of many digits that NumPy's functions take."""

    def __init__(self, value: Any) -> None:
        self.value = mpmath.mpf(value)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        found = FUNCTIONS[ufunc.__name__](*(one.value if isinstance(one, Number) else _exact(one) for one in inputs))
        return found if isinstance(found, bool) else Number(found)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        assert function is np.where
        condition, yes, no = args
        return yes if condition else no


def _exact(value: Any) -> Any:
    return int(value) if float(value).is_integer() else mpmath.mpf(float(value))


def _values(fun: Callable[..., Any], x: Sequence[Any], args: Sequence[float]) -> list[Any]:
    """fun at x, as a list of mpf."""
    out = fun([Number(one) for one in x], *args)
    flat = out if isinstance(out, (list, tuple)) else [out]
    return [one.value if isinstance(one, Number) else mpmath.mpf(one) for one in flat]


def _shifted(x: Sequence[Any], *moves: tuple[int, Any]) -> list[Any]:
    moved = list(x)
    for i, by in moves:
        moved[i] += by
    return moved


def gradient_and_hessian(
    fun: Callable[..., Any], x: Sequence[Any], args: Sequence[float] = (), step: Any = STEP
) -> tuple[Any, Any]:
    """By central differences in many digits."""
    n = len(x)
    h = [step * max(abs(one), mpmath.mpf("1e-6")) for one in x]

    def f(*moves: tuple[int, Any]) -> Any:
        return _values(fun, _shifted(x, *moves), args)[0]

    middle = f()
    plus, minus = [f((i, h[i])) for i in range(n)], [f((i, -h[i])) for i in range(n)]
    g = mpmath.matrix([(plus[i] - minus[i]) / (2 * h[i]) for i in range(n)])
    H = mpmath.matrix(n, n)
    for i in range(n):
        H[i, i] = (plus[i] - 2 * middle + minus[i]) / h[i] ** 2
        for j in range(i):
            cross = f((i, h[i]), (j, h[j])) - f((i, h[i]), (j, -h[j]))
            cross += f((i, -h[i]), (j, -h[j])) - f((i, -h[i]), (j, h[j]))
            H[i, j] = H[j, i] = cross / (4 * h[i] * h[j])
    return g, H


def _near(x: Any, answer: Sequence[Any], tolerance: float, unit: Any) -> bool:
    y = np.array([float(one) for one in answer])
    return bool(np.all(np.abs(np.asarray(x, float) - y) <= tolerance * np.maximum(np.abs(y), unit)))


def is_strict_minimum(
    fun: Callable[..., Any], x: Any, args: Sequence[float] = (), tolerance: float = 1e-6, x0: Any = 0.0
) -> bool:
    """Whether a minimum with a positive definite Hessian lies within ``tolerance max(|x_i|, |x0_i| / 100, 1e-3)`` of x.

    Positive definite: the least eigenvalue of H, its diagonal scaled to 1, is above 1e-13; and the diagonal is not
    just the remainder of the differences (of x⁴ at 0), which would grow with their step.
    """
    free = list(range(len(x)))
    with mpmath.workdps(DIGITS):
        at = _newton(fun, [mpmath.mpf(float(one)) for one in x], args, free)
        return at is not None and _definite(fun, at, args, free) and _near(x, at, tolerance, _unit(x0))


def is_strict_minimum_in_box(
    fun: Callable[..., Any], x: Any, lower: Any, upper: Any, tolerance: float = 1e-6, x0: Any = 0.0
) -> bool:
    """The same within bounds: for the unknowns that are not at one, and for those at one whose multiplier is less than
    1e-10 of their curvature; no multiplier points into the box by more than that."""
    n, x = len(x), np.asarray(x, float)
    ends = np.where(x <= lower, 1, np.where(x >= upper, -1, 0))
    free = [i for i in range(n) if ends[i] == 0]
    with mpmath.workdps(DIGITS):
        at = _newton(fun, [mpmath.mpf(float(one)) for one in x], (), free)
        if at is None:
            return False
        g, H = gradient_and_hessian(fun, at)
        units = np.maximum(np.abs(x), np.broadcast_to(_unit(x0), n))
        least = [1e-10 * units[i] * abs(H[i, i]) for i in range(n)]
        outward = [ends[i] * g[i] for i in range(n)]
        if any(outward[i] < -least[i] for i in range(n) if ends[i]):
            return False
        free += [i for i in range(n) if ends[i] and outward[i] <= least[i]]
        return _definite(fun, at, (), sorted(free)) and _near(x, at, tolerance, _unit(x0))


def _unit(x0: Any) -> Any:
    return np.maximum(1e-3, np.abs(x0) / 100)


def _newton(fun: Callable[..., Any], at: list[Any], args: Sequence[float], free: list[int]) -> list[Any] | None:
    """Where plain Newton steps of the unknowns ``free`` lead; None where they do not converge."""
    try:
        for _ in range(30 if free else 0):
            g, H = gradient_and_hessian(fun, at, args)
            g, H = mpmath.matrix([g[i] for i in free]), mpmath.matrix([[H[i, j] for j in free] for i in free])
            step = mpmath.lu_solve(H, -g)
            for i, by in zip(free, step, strict=True):
                at[i] += by
            size = [abs(at[i]) + mpmath.mpf("1e-9") for i in free]
            if all(abs(by) <= mpmath.mpf("1e-18") * one for one, by in zip(size, step, strict=True)):
                return at
    except (ZeroDivisionError, ValueError, TypeError):
        return None
    return None if free else at


def _definite(fun: Callable[..., Any], at: list[Any], args: Sequence[float], free: list[int]) -> bool:
    """Whether H of the unknowns ``free`` is positive definite, and no remainder of differences."""
    if not free:
        return True
    try:
        H, wider = (gradient_and_hessian(fun, at, args, step)[1] for step in (STEP, 10 * STEP))
        if any(abs(wider[i, i] - H[i, i]) > 1e-6 * abs(H[i, i]) for i in free):
            return False
        size = {i: mpmath.sqrt(abs(H[i, i])) for i in free}
        scaled = mpmath.matrix([[H[i, j] / (size[i] * size[j]) for j in free] for i in free])
        return bool(min(mpmath.eigsy(scaled, eigvals_only=True)) > 1e-13)
    except (ZeroDivisionError, ValueError, TypeError):
        return False


def is_root(fun: Callable[..., Any], x: Any, args: Sequence[float] = (), tolerance: float = 1e-6) -> bool:
    """Whether a root lies within ``tolerance max(|x_i|, 1e-3)`` of x."""
    n = len(x)
    with mpmath.workdps(DIGITS):
        at = [mpmath.mpf(float(one)) for one in x]
        try:
            for _ in range(60):
                r = _values(fun, at, args)
                if max(map(abs, r)) <= mpmath.mpf("1e-40"):
                    break
                J = mpmath.matrix(n, n)
                for k in range(n):
                    h = STEP * max(abs(at[k]), mpmath.mpf("1e-6"))
                    ahead, behind = (_values(fun, _shifted(at, (k, by)), args) for by in (h, -h))
                    for i in range(n):
                        J[i, k] = (ahead[i] - behind[i]) / (2 * h)
                at = [a + b for a, b in zip(at, mpmath.lu_solve(J, -mpmath.matrix(r)), strict=True)]
            else:
                return False
        except (ZeroDivisionError, ValueError, TypeError):
            return False
        return _near(x, at, tolerance, 1e-3)
