"""How parameters hang together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .common import answers, drawn_on, number, some

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 20_000  # problems of which the median is taken, evenly spread over the batch


def correlation(result: Any, i: int | None = None, axes: Axes | None = None) -> Axes:
    """Correlation of the parameters, ``cov_ij / (stderr_i stderr_j)``: of one problem, or the median of all.

    Parameters
    ----------
    result : Result
    i : int, optional
        Number of a problem; by default the median over the successful ones, element by element (of at most 20,000).
    axes : Axes, optional
        Those of a new figure by default; a colour bar takes some of their room.

    Returns
    -------
    Axes
        Its image holds the matrix; NaN where there is no covariance.

    Raises
    ------
    TypeError, ValueError
        For a result or axes that are none, a number that is none.

    Examples
    --------
    >>> import batchnewton as bn
    >>> res = bn.curve_fit(bn.models.polynomial(1), [0.0, 1.0, 2.0, 3.0], [0.1, 0.9, 2.1, 2.9])
    >>> axes = bn.plot.correlation(res)
    >>> axes.images[0].get_array().round(4).tolist()
    [[1.0, -0.8018], [-0.8018, 1.0]]
    """
    fit = answers(result)
    if i is not None:
        i = number(i, fit.problem.size)
        rows, title = np.array([i]), f"problem {i}"
    else:
        rows = np.flatnonzero(fit.success)
        rows = rows[:: max(1, -(-len(rows) // MOST))]
        title = f"median of {len(rows)} problems"
    axes = drawn_on(axes)
    names, n = fit.problem.names, fit.problem.n
    matrix = np.full((n, n), np.nan)
    if rows.size:
        each = some(fit, rows).correlation
        usable = each[np.isfinite(each).all((1, 2))]
        matrix = np.median(usable, 0) if len(usable) else each[0]
    picture = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    axes.figure.colorbar(picture, ax=axes, shrink=0.8)
    for (row, column), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            colour = "white" if abs(value) > 0.6 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize="small")
    axes.set_xticks(range(n), names, rotation=45, ha="right")
    axes.set_yticks(range(n), names)
    axes.set_title(f"correlation, {title}", fontsize="medium")
    return axes
