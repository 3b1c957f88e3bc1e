"""How a search went, evaluation by evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .common import BAD, GOOD, Which, answers, chosen, drawn_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from batchnewton.inference.fit import Fit

BEYOND = 1e3  # times the largest gradient at a start: what lies further up is not shown


def convergence(
    result: Any, which: Which = "random", count: int = 20, axes: Axes | None = None, *, seed: int = 0
) -> Axes:
    """``max |g_i|`` against the number of the evaluation, on a logarithmic axis; red where there was no success.

    Where Newton's method converges, the number of right digits doubles: the curve bends down.  What a refused step
    met far above all starts lies outside the picture.

    Parameters
    ----------
    result : Result
        Of a solve with ``history=True``.
    which, count, seed
        Which problems; see `fits`.
    axes : Axes, optional
        Those of a new figure by default.

    Returns
    -------
    Axes
        A line for each problem; a gradient that is exactly zero is not on it.

    Raises
    ------
    TypeError, ValueError
        For a result or axes that are none; without a history.

    Examples
    --------
    >>> import batchnewton as bn
    >>> res = bn.minimize(lambda x: x[0] ** 2 + (x[0] - 1) ** 4, [[3.0], [5.0]], history=True)
    >>> len(bn.plot.convergence(res).lines)
    2
    """
    fit = answers(result)
    axes = drawn_on(axes)
    rows = chosen(fit, which, count, seed)
    told = gradients(fit, rows)
    for i, g in zip(rows, told, strict=True):
        style: dict[str, Any] = dict(marker=".", linewidth=1, alpha=0.6 if len(rows) > 1 else 1.0)
        axes.plot(np.arange(1, len(g) + 1), g, color=GOOD if fit.success[i] else BAD, label=f"problem {i}", **style)
    highest = max((BEYOND * g[0] for g in told if g.size and np.isfinite(g[0])), default=np.inf)
    axes.set(yscale="log")
    if highest < axes.get_ylim()[1]:
        axes.set_ylim(min(np.nanmin(g) for g in told if np.isfinite(g).any()) / 3, highest)
    axes.set(xlabel="evaluation", ylabel="max |gradient|", title="convergence")
    return axes


def convergence_order(
    result: Any, which: Which = "random", count: int = 200, axes: Axes | None = None, *, seed: int = 0
) -> Axes:
    """Each ``max |g_i|`` against the one before it, both logarithmic: the slope is the order of convergence.

    ``|g_k+1| ~ C |g_k|^p``: p = 1 for linear convergence, 2 for Newton's method near a minimum whose Hessian is
    definite.  A line of slope 2 is drawn through the middle of the steps that gained something from below the
    median, one of slope 1 where nothing is gained.

    Parameters
    ----------
    result : Result
        Of a solve with ``history=True``.
    which, count, seed
        Which problems; see `fits`.
    axes : Axes, optional
        Those of a new figure by default.

    Returns
    -------
    Axes
        The first line holds the points of all problems, those behind it the slopes.

    Raises
    ------
    TypeError, ValueError
        For a result or axes that are none; without a history.

    References
    ----------
    Nocedal & Wright (2006), Numerical Optimization, theorem 3.5.

    Examples
    --------
    >>> import batchnewton as bn
    >>> res = bn.minimize(lambda x: x[0] ** 2 + (x[0] - 1) ** 4, [[3.0], [5.0]], history=True)
    >>> [line.get_label() for line in bn.plot.convergence_order(res).lines]
    ['steps', 'slope 1', 'slope 2']
    """
    fit = answers(result)
    axes = drawn_on(axes)
    told = gradients(fit, chosen(fit, which, count, seed))
    before, after = (np.concatenate([g[part] for g in told]) for part in (slice(None, -1), slice(1, None)))
    both = np.isfinite(before) & np.isfinite(after)
    before, after = before[both], after[both]
    axes.plot(before, after, ".", color=GOOD, alpha=0.4, label="steps", zorder=2)
    if before.size:
        ends = np.array([after.min(), before.max()])
        axes.plot(ends, ends, "--", color="0.6", linewidth=1, label="slope 1")
        late = (before <= np.median(before)) & (after <= before)
        late = late if late.any() else np.ones_like(late)
        factor = np.exp(np.median((np.log(after) - 2 * np.log(before))[late]))
        ends = np.clip(np.sqrt(np.array([after.min(), after.max()]) / factor), before.min(), before.max())
        axes.plot(ends, factor * ends**2, ":", color=BAD, label="slope 2")
    axes.set(xscale="log", yscale="log", xlabel="max |gradient|", ylabel="max |gradient| after the next evaluation")
    axes.set_title("order of convergence")
    axes.legend(frameon=False, fontsize="small")
    return axes


def gradients(fit: Fit, rows: np.ndarray) -> list[np.ndarray]:
    """``max |g_i|`` of each evaluation of some problems; NaN where it is zero."""
    if not fit.options.history:
        raise ValueError("the result has no history; expected one of a solve with history=True")
    told = fit.solution.history()[rows, :, 1]
    lengths = np.asarray(fit.solution.nfev)[rows]
    return [np.where(g[:length] > 0, g[:length], np.nan) for g, length in zip(told, lengths, strict=True)]
