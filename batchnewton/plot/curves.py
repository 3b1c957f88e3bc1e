"""Curves over their data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from batchnewton.inference.bands import band, band_at_data
from batchnewton.inference.fit import Fit, column, sigmas, ydata
from batchnewton.inference.rows import coordinates_of_point

from .common import BAD, DATA, GOOD, GREY, Which, answers, chosen, drawn_on, number, panels, some, status_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def fit(result: Any, i: int = 0, axes: Axes | None = None, *, level: float = 0.95, points: int = 200) -> Axes:
    """The data of one problem, the fitted curve, and the confidence band of `Result.band` around it.

    Rows that were left out are pale crosses.  Where there was no success the curve is dashed and red, and where there
    is no covariance there is no band.  Data of a binomial likelihood are drawn over their ``trials``.

    Parameters
    ----------
    result : Result
        Of `curve_fit`, for curves of one coordinate.
    i : int
        Number of the problem.
    axes : Axes, optional
        Where to draw; those of a new figure by default.  Where its x is logarithmic, so are the points of the curve.
    level : float
        Probability of the band, between 0 and 1.
    points : int
        Points of the curve.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For a result that is none or has no curve of one coordinate; a number, a level, axes that are none.

    Examples
    --------
    >>> import batchnewton as bn
    >>> line = bn.models.polynomial(1)
    >>> res = bn.curve_fit(line, [0.0, 1.0, 2.0, 3.0], [[0.1, 0.9, 2.1, 2.9], [0.0, 1.1, 2.2, 2.7]])
    >>> axes = bn.plot.fit(res, 1)
    >>> axes.get_title()
    'problem 1: CONVERGED'
    """
    whole = of_curves(result)
    i = number(i, whole.problem.size)
    return draw(some(whole, np.array([i])), i, drawn_on(axes), level, points)


def fits(
    result: Any,
    which: Which = "worst",
    count: int = 6,
    axes: Any = None,
    *,
    seed: int = 0,
    level: float = 0.95,
    points: int = 200,
) -> np.ndarray:
    """Several problems, each as `fit` draws it: chosen ones, the worst, or some at random.

    Parameters
    ----------
    result : Result
        Of `curve_fit`, for curves of one coordinate.
    which : {"worst", "random"}, int or sequence of int
        The worst are those without success, then those of the largest ``2 F / (m - n)``, the reduced chi-square of
        least squares.
    count : int
        How many, of "worst" and "random".
    axes : sequence of Axes, optional
        One for each problem; those of a new figure by default.
    seed : int
        Of "random".
    level, points
        See `fit`.

    Returns
    -------
    array of Axes
        In the order of the problems.

    Raises
    ------
    TypeError, ValueError
        As `fit`; for another word, another number of Axes.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x, wobble = np.arange(5.0), np.array([0.0, 1.0, -2.0, 1.0, 0.0])
    >>> res = bn.curve_fit(bn.models.polynomial(1), x, x + np.outer([0.1, 0.3, 0.2], wobble))
    >>> [axes.get_title() for axes in bn.plot.fits(res, "worst", 2)]
    ['problem 1: CONVERGED', 'problem 2: CONVERGED']
    """
    whole = of_curves(result)
    rows = chosen(whole, which, count, seed)
    several = some(whole, rows)
    places = panels(axes, len(rows))
    for at, (i, place) in enumerate(zip(rows, places, strict=True)):
        draw(some(several, np.array([at])), int(i), place, level, points)
        grid = place.get_subplotspec() if axes is None else None
        place.set_ylabel("y" if grid is None or grid.is_first_col() else "")
    if axes is None:
        one_legend(places)
    return places


def one_legend(places: np.ndarray) -> None:
    """The legends of all Axes of a figure become one below them."""
    told: dict[str, Any] = {}
    for place in places:
        handles, labels = place.get_legend_handles_labels()
        told |= zip(labels, handles, strict=True)
        place.get_legend().remove()
    places[0].figure.legend(told.values(), told, loc="outside lower center", ncols=2 + len(places) // 2, frameon=False)


def of_curves(result: Any) -> Fit:
    """The answers, if they are of curves of one coordinate."""
    whole = answers(result)
    whole.need_curve("a picture of a fit")
    if shape := coordinates_of_point(whole.problem):
        raise ValueError(f"the formula takes {shape[0]} coordinates; expected curves of one (images: image_fit)")
    return whole


def draw(one: Fit, i: int, axes: Axes, level: float, points: int) -> Axes:
    """The only problem of these answers, whose number was i."""
    if points < 2:
        raise ValueError(f"points is {points}; expected at least 2")
    x, y, error, there = data_of(one)
    left_out = ~there & np.isfinite(y)
    style: dict[str, Any] = dict(fmt=".", color=DATA, ecolor=GREY, zorder=2)
    axes.errorbar(x[there], y[there], None if error is None else error[there], label="data", **style)
    if left_out.any():
        axes.plot(x[left_out], y[left_out], "x", color=GREY, label="left out")
    fine, (value, lower, upper) = line_of(one, x, level, points, axes.get_xscale() == "log")
    good = bool(one.success[0])
    line, colour, label = ("-", GOOD, "fit") if good else ("--", BAD, "no success")
    axes.plot(fine, value, line, color=colour, label=label, zorder=3)
    if np.isfinite(upper).all() and good:
        axes.fill_between(fine, lower, upper, color=GOOD, alpha=0.25, linewidth=0, label=f"{100 * level:g} % band")
    axes.set(xlabel="x", ylabel="y")
    axes.set_title(f"problem {i}: {status_of(one, 0).name}", fontsize="medium", color="black" if good else BAD)
    axes.legend(frameon=False, fontsize="small")
    return axes


def line_of(one: Fit, x: np.ndarray, level: float, points: int, log: bool) -> tuple[np.ndarray, Iterable[np.ndarray]]:
    """Where the curve is drawn, and its value and band there: at the data alone where the formula uses functions of all
    data points, which are not known elsewhere."""
    seen = x[np.isfinite(x)]
    if not all(one.need_curve("a picture of a fit").columns):
        order = np.argsort(x)
        return x[order], [line[0, order] for line in band_at_data(one, level)]
    fine = (np.geomspace if log else np.linspace)(seen.min(), seen.max(), points)
    return fine, [line[0] for line in band(one, fine, level, "confidence", None)]


def data_of(one: Fit) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray]:
    """x, y, standard deviations (None where none were given) and which rows were fitted, each (m,)."""
    curve, problem = one.need_curve("data"), one.problem
    there = one.present[0]
    if curve.correlated:
        W = problem.array(problem.place("whitening")).astype(np.float64)
        back = np.linalg.inv(W[0] if W.ndim == 3 else W)
        x = np.asarray(problem.array(problem.place("xdata")), np.float64).reshape(problem.m, -1)[:, 0]
        return x, back @ ydata(one)[0], np.sqrt((back**2).sum(1)), there
    x, y = column(one, problem.place("xdata"))[0], ydata(one)[0]
    if curve.likelihood == "binomial":
        y = y / column(one, problem.place("trials"))[0]
    return x, y, sigmas(one)[0] if "sigma" in curve.given else None, there
