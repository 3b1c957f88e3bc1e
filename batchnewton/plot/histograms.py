"""Histograms of residuals, and of errors in units of their standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from batchnewton.inference.fit import Fit, white_ydata, whitened
from batchnewton.inference.rows import fitted

from .common import DATA, GOOD, answers, drawn_on, some

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def residuals(result: Any, axes: Axes | None = None, *, bins: int = 81, most: int = 20_000) -> Axes:
    """Residuals of all successful fits in units of their standard deviations, with the normal density they should have.

    ``(y - f) / sigma`` where sigma is absolute, else divided by the root of the reduced chi-square, too.  Each fit has
    taken n of m degrees of freedom, so the width of right residuals is ``sqrt((m - n) / m)``.

    Parameters
    ----------
    result : Result
        Of `curve_fit`, by least squares or with a robust loss.
    axes : Axes, optional
        Those of a new figure by default.
    bins : int
        Between -5 and 5; what lies beyond is counted in the legend.
    most : int
        Problems that are looked at, evenly spread over the batch.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For a result or axes that are none; without a curve, or of a likelihood.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.linspace(0, 1, 20)
    >>> y = 1 + x + np.random.default_rng(0).normal(0, 0.1, (500, 20))
    >>> axes = bn.plot.residuals(bn.curve_fit(bn.models.polynomial(1), x, y))
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['normal, width 0.949', '10000 residuals: mean -0.00, width 0.949']
    """
    whole = answers(result)
    if whole.need_curve("a histogram of residuals").noise == "likelihood":
        raise ValueError("residuals of a likelihood have no common distribution; expected least squares or a loss")
    if bins < 1 or most < 1:
        raise ValueError(f"bins is {bins}, most is {most}; expected at least 1 of both")
    axes = drawn_on(axes)
    rows = np.flatnonzero(whole.success)
    if not rows.size:
        raise ValueError("no problem was a success; expected at least one")
    one = some(whole, rows[:: -(-len(rows) // most)])
    values = standardised(one)
    width = np.sqrt(np.mean(one.freedom / one.points))
    normal(axes, float(width), f"normal, width {width:.3f}")
    label = f"{values.size} residuals: mean {values.mean():+.2f}, width {values.std():.3f}{beyond(values)}"
    edges = np.linspace(-5, 5, bins + 1)
    axes.hist(values, edges.tolist(), weights=weights(values, edges), color=GOOD, alpha=0.5, label=label)
    axes.set(xlabel="residual / standard deviation", ylabel="density", xlim=(-5, 5))
    legend_above(axes)
    return axes


def pulls(result: Any, truth: Any, axes: Axes | None = None) -> Axes:
    """Errors of simulated fits in units of their standard errors: right ones have mean 0 and width 1.

    Where sigma is not absolute, right pulls follow Student's t with m - n degrees of freedom, a little wider.

    Parameters
    ----------
    result : Result
        Problems without success, and parameters without a standard error (fixed, at a bound), are left out.
    truth : array_like
        Right parameters, (B, n), or (n,) for all.
    axes : Axes, optional
        Those of a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        For a result or axes that are none, another shape of ``truth``.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.linspace(0, 1, 50)
    >>> y = 1 + x + np.random.default_rng(0).normal(0, 0.1, (2000, 50))
    >>> axes = bn.plot.pulls(bn.curve_fit(bn.models.polynomial(1), x, y), [1.0, 1.0])
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['c0: mean -0.03, width 1.01', 'c1: mean +0.04, width 1.01', 'unit normal']
    """
    fit = answers(result)
    right, x = np.asarray(truth, float), np.asarray(fit.solution.x, float)
    if right.shape not in (x.shape, x.shape[1:]):
        raise ValueError(f"truth has shape {right.shape}; expected {x.shape}, or {x.shape[1:]} for all problems")
    with np.errstate(divide="ignore", invalid="ignore"):
        pulled = (x - right) / fit.stderr
    usable = fit.success[:, None] & np.isfinite(pulled) & (fit.stderr > 0) & np.isfinite(fit.stderr)
    return pulls_histogram(drawn_on(axes), np.where(usable, pulled, np.nan), fit.problem.names)


def pulls_histogram(axes: Axes, pulls: np.ndarray, names: Sequence[str]) -> Axes:
    """Errors in units of their standard errors, (B, n): one outline a parameter, with the unit normal density.

    NaN is left out, and a parameter that has nothing else.
    """
    edges = np.linspace(-5, 5, 81)
    for column, name in zip(pulls.T, names, strict=True):
        seen = column[~np.isnan(column)]
        if seen.size:
            label = f"{name}: mean {seen.mean():+.2f}, width {seen.std():.2f}{beyond(seen)}"
            axes.hist(seen, edges.tolist(), weights=weights(seen, edges), histtype="step", label=label)
    normal(axes, 1.0, "unit normal")
    axes.set(xlabel="(fit - truth) / standard error", ylabel="density", xlim=(-5, 5))
    legend_above(axes)
    return axes


def standardised(fit: Fit) -> np.ndarray:
    """Residuals of the rows that are there, in units of their standard deviations."""
    difference = white_ydata(fit) - whitened(fit, fitted(fit))
    return (difference / np.sqrt(fit.scale)[:, None])[fit.present]


def normal(axes: Axes, width: float, label: str) -> None:
    """The normal density of this width."""
    z = np.linspace(-5, 5, 201)
    axes.plot(z, np.exp(-((z / width) ** 2) / 2) / (np.sqrt(2 * np.pi) * width), "--", color=DATA, label=label)


def legend_above(axes: Axes) -> None:
    """A legend that has room above what is drawn."""
    lines = len(axes.get_legend_handles_labels()[1])
    axes.set_ylim(top=(1 + 0.07 * lines) * axes.get_ylim()[1])
    axes.legend(frameon=False, fontsize="small", loc="upper left")


def beyond(values: np.ndarray) -> str:
    """How many do not fit into the picture."""
    outside = int((np.abs(values) > 5).sum())
    return f"; {outside} beyond 5" if outside else ""


def weights(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """What makes a histogram a density of all values, those beyond its ends included."""
    return np.full(values.shape, 1 / (values.size * (edges[1] - edges[0])))
