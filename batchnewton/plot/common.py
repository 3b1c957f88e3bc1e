"""What the pictures share: Axes, which problems, colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from batchnewton.arrays import on_host
from batchnewton.inference.fit import Fit
from batchnewton.result import Result
from batchnewton.solution import Solution
from batchnewton.status import Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Which = int | str | Sequence[int] | np.ndarray

DATA, GOOD, BAD, GREY = "0.25", "tab:blue", "tab:red", "0.8"
COLOURS = {
    Status.CONVERGED: "#4477aa",
    Status.CONVERGED_AT_BOUND: "#66ccee",
    Status.SADDLE: "#aa3377",
    Status.SINGULAR: "#ee99aa",
    Status.STALLED: "#ccbb44",
    Status.MAX_ITER: "#ee7733",
    Status.NOT_FINITE_AT_START: "#bb5566",
    Status.NOT_FINITE: "#882255",
    Status.UNBOUNDED: "#cc3311",
    Status.TOO_FEW_POINTS: "#bbbbbb",
    Status.NO_ROOT: "#228833",
    Status.KINK: "#332288",
    Status.NOT_RUN: "#eeeeee",
}


def drawn_on(axes: Any) -> Axes:
    """The Axes that were given, or those of a new figure."""
    pyplot = matplotlib_pyplot()
    if axes is None:
        return pyplot.figure(layout="constrained").add_subplot()
    from matplotlib.axes import Axes

    if not isinstance(axes, Axes):
        raise TypeError(f"axes is {kind(axes)}; expected matplotlib Axes, or None for a new figure")
    return axes


def panels(axes: Any, count: int, width: float = 3.2, height: float = 2.6) -> np.ndarray:
    """So many Axes: those that were given, or those of a new figure, at most four side by side."""
    if axes is None:
        columns = min(count, 4)
        rows = -(-count // columns)
        figure = matplotlib_pyplot().figure(figsize=(width * columns, height * rows), layout="constrained")
        return np.array([figure.add_subplot(rows, columns, i + 1) for i in range(count)], object)
    given = np.array(axes, object).ravel()
    if len(given) != count:
        raise ValueError(f"axes holds {len(given)} Axes; expected {count}, one for each picture")
    return np.array([drawn_on(one) for one in given], object)


def matplotlib_pyplot() -> Any:
    """matplotlib's pyplot, or how to get it."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("matplotlib is not installed; pip install 'batchnewton[plot]' brings it") from error
    return pyplot


def kind(value: Any) -> str:
    """What came, for an error."""
    return f"a {type(value).__name__}"


def answers(result: Any) -> Fit:
    """The answers of a result, with a batch axis."""
    if not isinstance(result, Result):
        raise TypeError(f"result is {kind(result)}; expected what curve_fit and the other front doors return")
    return result._fit


def some(fit: Fit, rows: np.ndarray) -> Fit:
    """The answers of some problems."""
    all_of = fit.solution
    x, fun, status, nit, nfev = (
        on_host(array)[rows] for array in (all_of.x, all_of.fun, all_of.status, all_of.nit, all_of.nfev)
    )
    return Fit(fit.problem.take(rows), fit.options, Solution(x, fun, status, nit, nfev), fit.absolute)


def number(i: Any, size: int) -> int:
    """The number of one problem; negative ones count from the end."""
    if isinstance(i, bool) or not isinstance(i, int | np.integer):
        raise TypeError(f"i is {kind(i)}; expected the number of a problem")
    if not -size <= i < size:
        raise ValueError(f"i is {i}; expected the number of a problem, 0 to {size - 1}")
    return int(i) % size


def chosen(fit: Fit, which: Which, count: int, seed: int) -> np.ndarray:
    """Numbers of the problems: those given, or ``count`` that are the "worst" or at "random".

    The worst are those without success, then those of the largest ``2 F / (m - n)`` (F where there are no data).
    """
    size = fit.problem.size
    if isinstance(which, str):
        if which not in ("worst", "random"):
            raise ValueError(f"which is {which!r}; expected 'worst', 'random', or numbers of problems")
        if count < 1:
            raise ValueError(f"count is {count}; expected at least 1")
        if which == "random":
            return np.sort(np.random.default_rng(seed).choice(size, min(count, size), replace=False))
        cost = fit.variance if fit.problem.kind == "least-squares" else on_host(fit.solution.fun)
        return np.lexsort((-np.nan_to_num(cost, nan=np.inf), fit.success))[:count]
    return np.array([number(i, size) for i in np.atleast_1d(np.asarray(which))], int)


def status_of(fit: Fit, i: int) -> Status:
    """How a problem ended."""
    return Status(int(fit.solution.status[i]))
