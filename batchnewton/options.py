"""Tolerances and limits of a solve, each with the inequality that it enters."""

from __future__ import annotations

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .cores import default_threads
from .gpus import count, obstacle
from .methods import METHODS

DEFAULTS = {"float64": {"ftol": 1e-18, "xtol": 1e-6}, "float32": {"ftol": 1e-6, "xtol": 1e-3}}
PRECISIONS = {name: np.dtype(name) for name in DEFAULTS}
EPS = {dtype: float(np.finfo(dtype).eps) for dtype in PRECISIONS.values()}


@dataclass(frozen=True)
class Options:
    """Tolerances and limits.

    With the Newton step ``d = -H⁻¹ g``, x is accepted as a minimum where H is positive definite and

    Attributes
    ----------
    ftol : float
        ``gᵀ H⁻¹ g / 2 <= ftol |F|`` (what the step still promises, relative to F), and
    xtol : float
        ``|d_i| <= xtol max(|x_i|, |x0_i| / 100)`` for every i.  Convergence is quadratic: the distance to the minimum
        is about the square of this.
    gtol : float
        Alternative to ftol: ``max |g_i| <= gtol``.
    max_iter : int
        Evaluations that a problem may take, over all phases: by default 500; 1000 of "bfgs", 2000 of "lbfgs", 10,000 of
        "gradient-descent"; certificates included.  What ends without a success has the best point that it met (of the
        last three, and "newton-pure": where it ended).
    dtype : numpy.dtype
        float32 or float64: precision of the answers.
    history : bool
        Whether to keep F and ``max |g_i|`` of every evaluation.
    mixed : bool
        Whether float32 leads near the minimum and float64 ends there; ftol and xtol are those of the end.
    threads : int
        Threads of the CPU.  By default all cores that this process may use; one in a thread of a pool or in a worker
        process (joblib, Dask, multiprocessing), unless ``OMP_NUM_THREADS`` or ``NUMBA_NUM_THREADS`` say otherwise to
        the process; the rule is in `batchnewton.cores`.
    gpus : tuple of int, optional
        Numbers of the GPUs to use; () for the CPU, None if what is there decides.
    method : str, optional
        A row of `batchnewton.methods.METHODS`; None for the default.
    """

    ftol: float
    xtol: float
    gtol: float
    max_iter: int
    dtype: np.dtype
    threads: int
    history: bool = False
    mixed: bool = False
    gpus: tuple[int, ...] | None = None
    method: str | None = None

    @property
    def eps(self) -> float:
        """Precision of the answers."""
        return EPS[self.dtype]

    @property
    def rough(self) -> tuple[float, float, float]:
        """ftol, xtol, gtol of float32 on the way to float64."""
        least = DEFAULTS["float32"]
        return max(self.ftol, least["ftol"]), max(self.xtol, least["xtol"]), self.gtol


def options(
    kind: str,
    method: str | None,
    ftol: float | None,
    xtol: float | None,
    gtol: float | None,
    max_iter: int | None,
    dtype: Any,
    device: str,
    threads: int | None,
    history: Any,
) -> Options:
    """Check what a front door was given; defaults depend on the precision.  The same again is the same object."""
    workers = default_threads() if threads is None else check_count("threads", threads)
    given = kind, method, ftol, xtol, gtol, max_iter, dtype, check_device(device), workers, history
    try:
        return checked(*given)
    except TypeError:  # a bad one; or a good one that cannot be a key
        return checked.__wrapped__(*given)


@functools.lru_cache(maxsize=256, typed=True)
def checked(
    kind: str,
    method: str | None,
    ftol: float | None,
    xtol: float | None,
    gtol: float | None,
    max_iter: int | None,
    dtype: Any,
    gpus: tuple[int, ...] | None,
    threads: int,
    history: Any,
) -> Options:
    """`options`, of what does not depend on the machine."""
    check_choice("method", method, METHODS[kind])
    default = next(iter(METHODS[kind]))
    row = METHODS[kind][method or default]
    mixed = isinstance(dtype, str) and dtype == "mixed"
    precision = check_dtype("float64" if mixed else dtype)
    defaults = DEFAULTS["float32" if precision.itemsize == 4 else "float64"]
    if mixed and method not in (None, default):
        raise ValueError(f"dtype='mixed' needs method={default!r}, not {method!r}; expected 'float64' or 'float32'")
    return Options(
        check_tolerance("ftol", defaults["ftol"] if ftol is None else ftol),
        check_tolerance("xtol", defaults["xtol"] if xtol is None else xtol),
        check_tolerance("gtol", -1.0 if gtol is None else gtol, gtol is None),
        row.max_iter if max_iter is None else check_count("max_iter", max_iter),
        precision,
        threads,
        check_flag("history", history),
        mixed,
        gpus,
        None if method == default else method,
    )


HABITS = {
    "jac": "derivatives are exact, and derived from the formula",
    "hess": "derivatives are exact, and derived from the formula",
    "x_scale": "the method does not depend on units",
    "full_output": "the result holds everything",
    "check_finite": "NaN in ydata is left out; nan='raise' refuses it",
    "nan_policy": "NaN in ydata is left out; nan='raise' refuses it",
    "tol": "there are ftol, xtol and gtol",
}
"""Keywords of SciPy that are not needed here, and why."""


def check_keywords(unknown: dict[str, Any], door: Callable[..., Any]) -> None:
    """A keyword that this front door does not know."""
    for name in unknown:
        known = [one for one in inspect.signature(door).parameters if one != "unknown"]
        hint = f"; not needed: {HABITS[name]}" if name in HABITS else nearest(name, known)
        raise TypeError(f"{door.__name__} got an unknown keyword argument {name!r}{hint}")


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint at the most similar known word."""
    words = list(words)
    found = difflib.get_close_matches(word, words, 1, 0.5)
    return f"; did you mean {found[0]!r}?" if found else f"; expected one of {', '.join(map(repr, words))}"


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """One of a few words."""
    if value is not None and value not in choices:
        raise ValueError(f"{name}={value!r} is not known{nearest(str(value), choices)}")


def check_dtype(dtype: Any) -> np.dtype:
    """Precision in which to solve."""
    if isinstance(dtype, str) and dtype in PRECISIONS:
        return PRECISIONS[dtype]
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise ValueError(f"dtype={dtype!r} is not a precision; expected 'float32', 'float64' or 'mixed'") from error
    if found.name not in DEFAULTS:
        raise ValueError(f"dtype={dtype!r} is not supported; expected 'float32', 'float64' or 'mixed'")
    return found


def check_device(device: Any) -> tuple[int, ...] | None:
    """Numbers of the GPUs to use; none for the CPU; None if what is there decides ("auto")."""
    if device == "auto":
        return None
    if device == "cpu":
        return ()
    kind, _, number = device.partition(":") if isinstance(device, str) else ("", "", "")
    if kind != "cuda" or (":" in device and not number.isdecimal()):
        raise ValueError(f"device={device!r} is not known; expected 'auto', 'cpu', 'cuda' or 'cuda:0'")
    if obstacle():
        raise ValueError(f"device={device!r}: {obstacle()}; device='cpu' or 'auto' runs here")
    if number and int(number) >= count():
        raise ValueError(f"device={device!r}: there are {count()} GPUs; expected 'cuda:0' to 'cuda:{count() - 1}'")
    return (int(number),) if number else tuple(range(count()))


def check_tolerance(name: str, value: Any, unset: bool = False) -> float:
    """A finite number, not negative."""
    if unset:
        return float(value)
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a number") from error
    if not math.isfinite(number) or number < 0.0:
        raise ValueError(f"{name}={value!r}; expected a finite number, not negative")
    return number


def check_flag(name: str, value: Any) -> bool:
    """True or False."""
    if type(value) is not bool and not isinstance(value, np.bool_):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected True or False")
    return bool(value)


def check_count(name: str, value: Any) -> int:
    """A whole number of at least one."""
    if type(value) is not int and (isinstance(value, bool) or not isinstance(value, int | np.integer)):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; expected a whole number")
    if value < 1:
        raise ValueError(f"{name}={value!r}; expected at least 1")
    return int(value)
