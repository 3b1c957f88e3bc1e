"""Images with their fits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .histograms import pulls_histogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def image_fit(axes: "Axes", image: np.ndarray, model: np.ndarray, centre: np.ndarray) -> "Axes":
    """An image (rows, columns) in grey, contours of its fit at 20 to 80 % of its range, a cross at its centre (x, y).

    The model is sampled over the area of the image, at any resolution.
    """
    rows, columns = image.shape
    axes.imshow(image, cmap="gray", origin="lower")
    levels = model.min() + np.array([0.2, 0.4, 0.6, 0.8]) * np.ptp(model)
    if np.ptp(model) > 0:
        x, y = (np.linspace(-0.5, n - 0.5, k) for n, k in zip((columns, rows), model.shape[::-1], strict=True))
        axes.contour(x, y, model, levels=levels, colors="tab:orange", linewidths=1)
    axes.plot(*centre, "+", color="tab:red", markersize=9)
    axes.set(xticks=[], yticks=[], xlim=(-0.5, columns - 0.5), ylim=(-0.5, rows - 0.5))
    return axes


def image_fits_and_pulls(
    images: np.ndarray, models: np.ndarray, centres: np.ndarray, pulls: np.ndarray, names: Sequence[str]
) -> "Figure":
    """Images (k, rows, columns) with their fits (k, any, any), above the histogram of all pulls."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.5), layout="constrained")
    grid = figure.add_gridspec(2, 1, height_ratios=[1, 3])
    upper, lower = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    upper.suptitle("images, contours of their fits, fitted centres", fontsize="medium")
    for i, (image, model, centre) in enumerate(zip(images, models, centres, strict=True)):
        image_fit(upper.add_subplot(1, len(images), i + 1), image, model, centre)
    pulls_histogram(lower.add_subplot(), pulls, names)
    return figure
