"""Batches that are images: a pixel a problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from batchnewton.arrays import on_host, real
from batchnewton.options import nearest
from batchnewton.status import Status

from .common import COLOURS, GREY, answers, drawn_on, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def status_map(result: Any, shape: Sequence[int], axes: Axes | None = None) -> Axes:
    """How each pixel's problem ended, with the share of each `Status` in the legend.

    Parameters
    ----------
    result : Result
    shape : (int, int)
        Rows and columns of the image; problems follow each other along the rows.
    axes : Axes, optional
        Those of a new figure by default.

    Returns
    -------
    Axes
        Its image holds the statuses' numbers in order of their frequency, as the legend has them.

    Raises
    ------
    TypeError, ValueError
        For a result or axes that are none, a shape that does not hold the problems.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> res = bn.root(lambda x, a: x[0] * x[0] - a, np.ones((6, 1)), (np.arange(-1.0, 5.0),))
    >>> axes = bn.plot.status_map(res, (2, 3))
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['CONVERGED 83.3 %', 'NO_ROOT 16.7 %']
    """
    fit = answers(result)
    image = image_shape(shape, fit.problem.size)
    return status_image(drawn_on(axes), on_host(fit.solution.status).reshape(image))


def status_image(axes: Axes, status: np.ndarray) -> Axes:
    """Statuses (rows, columns) in their colours, with the share of each."""
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    found, where, counts = np.unique(status, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    names = [Status(int(code)) for code in found[order]]
    picture = np.argsort(order)[where].reshape(status.shape)
    colours = ListedColormap([COLOURS[name] for name in names])
    axes.imshow(picture, cmap=colours, vmin=-0.5, vmax=len(names) - 0.5, interpolation="nearest")
    shares = 100 * counts[order] / status.size
    patches = [
        Patch(color=COLOURS[name], label=f"{name.name} {share:.3g} %")
        for name, share in zip(names, shares, strict=True)
    ]
    axes.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False, fontsize="small")
    axes.set(xticks=[], yticks=[], title="status")
    return axes


def parameter_map(
    result: Any,
    what: Any,
    shape: Sequence[int],
    axes: Axes | None = None,
    *,
    quantiles: tuple[float, float] = (0.02, 0.98),
    cmap: str = "viridis",
) -> Axes:
    """A parameter, or any number of each problem, as an image; what was no success is grey.

    The colours span the quantiles of the successful problems, so that a few wild ones do not bleach all others; the
    ends of the colour bar are pointed where something lies beyond.

    Parameters
    ----------
    result : Result
    what : str or (B,) array
        Name of a parameter, or values such as ``res.stderr[:, 0]``.
    shape : (int, int)
        Rows and columns of the image.
    axes : Axes, optional
        Those of a new figure by default; a colour bar takes some of their room.
    quantiles : (float, float)
        Ends of the colours; (0, 1) for all values.
    cmap : str
        Name of matplotlib's colour map.

    Returns
    -------
    Axes
        Its image is a masked array.

    Raises
    ------
    KeyError
        For a name that is no parameter.
    TypeError, ValueError
        For a result or axes that are none; another shape; quantiles out of order.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> res = bn.root(lambda x, a: x[0] * x[0] - a, np.ones((6, 1)), (np.arange(-1.0, 5.0),))
    >>> picture = bn.plot.parameter_map(res, "x0", (2, 3)).images[0].get_array()
    >>> picture.mask.tolist(), float(picture[1, 2].round(4))
    ([[True, False, False], [False, False, False]], 2.0)
    """
    fit = answers(result)
    image = image_shape(shape, fit.problem.size)
    low, high = quantiles
    if not 0 <= low < high <= 1:
        raise ValueError(f"quantiles is {quantiles}; expected two numbers, 0 <= lower < upper <= 1")
    title, values = values_of(result, what, fit.problem.size)
    picture = np.ma.masked_where(~fit.success, values).reshape(image)
    return value_image(drawn_on(axes), picture, title, quantiles, cmap)


def value_image(
    axes: Axes,
    values: np.ma.MaskedArray,
    title: str,
    quantiles: tuple[float, float] = (0.02, 0.98),
    cmap: str = "viridis",
) -> Axes:
    """Values (rows, columns), coloured over their quantiles, with a colour bar; grey if masked or not finite."""
    shown = np.ma.masked_invalid(values)
    seen = shown.compressed()
    ends = np.quantile(seen, quantiles) if seen.size else np.array([0.0, 1.0])
    beyond = (bool((seen < ends[0]).any()), bool((seen > ends[1]).any()))
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[beyond]
    limits = dict(vmin=ends[0], vmax=ends[1], interpolation="nearest")
    picture = axes.imshow(shown, cmap=cmap, **limits)
    axes.figure.colorbar(picture, ax=axes, extend=extend, shrink=0.8)
    axes.set_facecolor(GREY)
    axes.set(xticks=[], yticks=[], title=title)
    return axes


def parameter_maps(
    result: Any, shape: Sequence[int], names: Sequence[str] | None = None, axes: Any = None, **more: Any
) -> np.ndarray:
    """A `parameter_map` of each parameter.

    Parameters
    ----------
    result : Result
    shape : (int, int)
        Rows and columns of the image.
    names : sequence of str, optional
        Parameters; all by default.
    axes : sequence of Axes, optional
        One a parameter; those of a new figure by default.
    **more
        ``quantiles``, ``cmap``.

    Returns
    -------
    array of Axes

    Raises
    ------
    KeyError, TypeError, ValueError
        As `parameter_map`; for another number of Axes.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> line = bn.models.polynomial(1)
    >>> res = bn.curve_fit(line, np.arange(3.0), np.add.outer(np.arange(4.0), [0.0, 1.0, 2.0]))
    >>> [axes.get_title() for axes in bn.plot.parameter_maps(res, (2, 2))]
    ['c0', 'c1']
    """
    wanted = tuple(answers(result).problem.names) if names is None else tuple(names)
    places = panels(axes, len(wanted))
    return np.array(
        [parameter_map(result, name, shape, place, **more) for name, place in zip(wanted, places, strict=True)], object
    )


def image_shape(shape: Any, size: int) -> tuple[int, int]:
    """Rows and columns that hold all problems."""
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise ValueError(f"shape is {shape!r}; expected (rows, columns)")
    if shape[0] * shape[1] != size:
        raise ValueError(f"shape is {tuple(shape)}; expected (rows, columns) that hold {size} problems")
    return int(shape[0]), int(shape[1])


def values_of(result: Any, what: Any, size: int) -> tuple[str, np.ndarray]:
    """A title and a number of each problem."""
    if isinstance(what, str):
        names = answers(result).problem.names
        if what not in names:
            raise KeyError(f"{what!r} is no parameter{nearest(what, names)}")
        return what, np.asarray(on_host(answers(result).solution.x)[:, names.index(what)], float)
    values = on_host(real("what", what)).astype(float)
    if values.shape != (size,):
        raise ValueError(f"what has shape {values.shape}; expected ({size},), or the name of a parameter")
    return "", values
