"""Pictures of results, with matplotlib, which is imported when the first one is drawn.

Each function takes Axes, or makes its own, and returns what it drew on; a window opens only at ``pyplot.show()``.
"""

from .convergence import convergence, convergence_order
from .correlations import correlation
from .curves import fit, fits
from .histograms import pulls, pulls_histogram, residuals
from .images import image_fit, image_fits_and_pulls
from .maps import parameter_map, parameter_maps, status_map

__all__ = [
    "convergence",
    "convergence_order",
    "correlation",
    "fit",
    "fits",
    "image_fit",
    "image_fits_and_pulls",
    "parameter_map",
    "parameter_maps",
    "pulls",
    "pulls_histogram",
    "residuals",
    "status_map",
]
