"""Looking at a formula: its generated code, and its derivatives beside finite differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import real
from .builder import check_callable, sequence
from .derive import Input, derive
from .function import from_function
from .options import check_choice, check_count
from .schedule import derivatives

KINDS = ("minimize", "least-squares", "gauss-newton", "root", "model")


def source(fun: Callable[..., Any], n: int, args: Any = (), *, kind: str = "minimize", curve: bool = False) -> str:
    """The straight-line code that is generated for a formula, with operation counts.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)``, or with ``curve=True`` ``f(x, a, b, ...)`` as `curve_fit` takes it.
    n : int
        Number of unknowns.
    args : tuple
        Example values of the arguments after x: only their shapes count.
    kind : {"minimize", "least-squares", "gauss-newton", "root", "model"}
        What is derived: value, gradient and Hessian; those of half a sum of squares, exact or by JᵀJ; residuals
        and Jacobian; value and gradient.
    curve : bool
        Whether the unknowns are the separate arguments after the first.

    Returns
    -------
    str

    Raises
    ------
    ValueError, TypeError
        For a bad call, or a formula that cannot be derived.

    Examples
    --------
    >>> import math
    >>> import batchnewton as bn
    >>> print(bn.source(lambda x: math.exp(-x[0] * x[1]), 2))  # doctest: +ELLIPSIS
    # <lambda>: 2 unknowns, ...
    # operations: ...
    """
    check_callable("fun", fun)
    check_count("n", n)
    check_choice("kind", kind, KINDS)
    if curve:
        inputs = [Input("x", (), "row"), *(Input(f"x_{i}") for i in range(n))]
    else:
        shapes = [real(f"args[{i}]", one).shape for i, one in enumerate(sequence("args", args))]
        inputs = [Input("x", (n,)), *(Input(f"problem{i}", shape, "problem") for i, shape in enumerate(shapes))]
    return derive(fun, inputs, kind).source()


@dataclass(frozen=True)
class DerivativeCheck:
    """Derivatives beside finite differences.

    Attributes
    ----------
    gradient, hessian : ndarray
        Ours.
    gradient_error, hessian_error : ndarray
        Difference from central differences, relative to the largest entry of each problem.
    ok : bool
        Whether every error is within what central differences can show.
    """

    gradient: np.ndarray
    hessian: np.ndarray
    gradient_error: np.ndarray
    hessian_error: np.ndarray

    TOLERANCE = 1e-5

    @property
    def ok(self) -> bool:
        errors = (self.gradient_error, self.hessian_error)
        return all(bool(np.all(np.isfinite(error) & (error <= self.TOLERANCE))) for error in errors)

    def __str__(self) -> str:
        lines = [f"derivatives of {len(self.gradient)} problems, {self.gradient.shape[1]} unknowns"]
        for name, error in (("gradient", self.gradient_error), ("Hessian", self.hessian_error)):
            worst = np.unravel_index(np.argmax(np.where(np.isfinite(error), error, np.inf)), error.shape)
            where = f"problem {worst[0]}, entry {tuple(int(i) for i in worst[1:])}"
            lines += [f"  {name:8s} largest relative difference {error[worst]:.1e} ({where})"]
        verdict = "agree with central differences" if self.ok else "DISAGREE with central differences"
        return "\n".join([*lines, f"  {verdict}"])

    __repr__ = __str__


def check_derivatives(
    fun: Callable[..., Any], x: Any, args: Any = (), *, data: Any = (), threads: int = 1
) -> DerivativeCheck:
    """Compare the derived gradient and Hessian with central differences.

    The gradient is compared with differences of the value, the Hessian with differences of the gradient, both with a
    step of ``eps^(1/3) max(|x_i|, 1)``; they agree to some 1e-6 unless x lies next to a kink.

    Parameters
    ----------
    fun, x, args, data
        As for `value_grad_hess`.

    Returns
    -------
    DerivativeCheck
        Prints as a short report; ``.ok`` says whether all agree.

    Raises
    ------
    ValueError, TypeError
        For a bad call.

    Examples
    --------
    >>> import batchnewton as bn
    >>> report = bn.check_derivatives(lambda x: x[0] ** 3 * x[1], [[1.0, 2.0], [3.0, -1.0]])
    >>> report.ok
    True

    References
    ----------
    Nocedal & Wright (2006), Numerical Optimization, section 8.1.
    """
    problem = from_function("minimize", fun, x, args, data)
    at = np.ascontiguousarray(problem.x0, np.float64)
    _, g, h = derivatives(problem, at, "minimize", threads)
    by_value, by_gradient = np.empty_like(g), np.empty_like(h)
    for i in range(problem.n):
        step = np.zeros_like(at)
        step[:, i] = np.cbrt(np.finfo(float).eps) * np.maximum(np.abs(at[:, i]), 1.0)
        f_up, g_up, _ = derivatives(problem, at + step, "minimize", threads)
        f_down, g_down, _ = derivatives(problem, at - step, "minimize", threads)
        width = (at + step)[:, i] - (at - step)[:, i]
        by_value[:, i] = (f_up - f_down) / width
        by_gradient[:, :, i] = (g_up - g_down) / width[:, None]
    return DerivativeCheck(g, h, _relative(by_value - g, g), _relative(by_gradient - h, h))


def _relative(difference: np.ndarray, values: np.ndarray) -> np.ndarray:
    axes = tuple(range(1, values.ndim))
    size = np.max(np.abs(values), axis=axes, keepdims=True)
    return np.abs(difference) / np.maximum(size, 1.0)
