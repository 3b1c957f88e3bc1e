"""The cases that Gpufit's own tests and examples fit: its models, with data whose best fit is known.

Reference: Przybylski, Thies, Kunze, Enderlein (2017), Gpufit: An open-source toolkit for GPU-accelerated curve fitting,
Sci. Rep. 7, 15722, and its documentation, "Fit model functions" (the list of models; formulas are in our own words).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import batchnewton as bn


@dataclass(frozen=True)
class Case:
    """A model and exact data.

    Attributes
    ----------
    formula : callable
        ``f(x, *p)``.
    x : (m,) or (k, m) array
    truth, start : tuple of float
        The parameters of the data, and where the fit begins.
    data : (m,) array, optional
        What is fitted, where it is not the model at the truth.
    counts : bool
        Whether the data can be counts: the model is positive everywhere.
    least : float
        The sum of squares at the best fit.
    """

    name: str
    formula: Callable[..., Any]
    x: np.ndarray
    truth: tuple[float, ...]
    start: tuple[float, ...]
    data: np.ndarray | None = None
    counts: bool = True
    least: float = 0.0

    @property
    def y(self) -> np.ndarray:
        if self.data is not None:
            return self.data
        values = [self.formula(at, *self.truth) for at in (self.x.T if self.x.ndim > 1 else self.x)]
        return np.array(values, float)


def gauss_1d(x, amplitude, centre, width, offset):
    return amplitude * math.exp(-((x - centre) ** 2) / (2 * width**2)) + offset


def gauss_2d(at, amplitude, u, v, width, offset):
    x, y = at
    return amplitude * math.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * width**2)) + offset


def gauss_2d_elliptic(at, amplitude, u, v, across, along, offset):
    x, y = at
    return amplitude * math.exp(-((x - u) ** 2) / (2 * across**2) - (y - v) ** 2 / (2 * along**2)) + offset


def gauss_2d_rotated(at, amplitude, u, v, across, along, offset, angle):
    x, y = at
    cosine, sine = math.cos(angle), math.sin(angle)
    p, q = (x - u) * cosine - (y - v) * sine, (x - u) * sine + (y - v) * cosine
    return amplitude * math.exp(-((p / across) ** 2) / 2 - (q / along) ** 2 / 2) + offset


def cauchy_2d(at, amplitude, u, v, across, along, offset):
    x, y = at
    return amplitude / ((1 + ((x - u) / across) ** 2) * (1 + ((y - v) / along) ** 2)) + offset


def line(x, offset, slope):
    return offset + slope * x


def helix(k, a, b, c):
    """Fletcher and Powell's helical valley: three residuals, all zero at (1, 0, 0)."""
    turn = np.arctan(b / a) / (2 * math.pi) + np.where(a < 0, 0.5, 0.0)
    around = 10 * (c - 10 * turn)
    out = 10 * (np.sqrt(a * a + b * b) - 1)
    return np.where(k < 0.5, around, np.where(k < 1.5, out, c))


def brown_dennis(k, a, b, c, d):
    """Brown and Dennis (1971), as Moré, Garbow and Hillstrom (1981) number 16: the residuals do not vanish."""
    t = k / 5
    return (a + t * b - np.exp(t)) ** 2 + (c + d * np.sin(t) - np.cos(t)) ** 2


def pixels(size: int) -> np.ndarray:
    """Coordinates of a square image, (2, size²)."""
    return np.stack(np.meshgrid(np.arange(float(size)), np.arange(float(size)), indexing="ij")).reshape(2, -1)


def grid(*axes: np.ndarray) -> np.ndarray:
    return np.stack(np.meshgrid(*axes, indexing="ij")).reshape(len(axes), -1)


def bump(*axes: np.ndarray) -> np.ndarray:
    """A smooth positive shape, not symmetric."""
    parts = [np.exp(-((one - 0.2 * i) ** 2) / (3 + i)) for i, one in enumerate(axes)]
    return np.multiply.reduce(np.meshgrid(*parts, indexing="ij"))


def splines() -> list[Case]:
    found = []
    for d, points in ((1, np.linspace(-3, 3, 25)), (2, np.linspace(-2, 2, 7)), (3, np.linspace(-1.5, 1.5, 4))):
        nodes = np.linspace(-4, 4, 17 if d == 1 else 9) if d < 3 else np.linspace(-4, 4, 4)
        model = bn.models.spline(bump(*[nodes] * d), float(nodes[0]), float(nodes[1] - nodes[0]))
        x = points if d == 1 else grid(*[points] * d)
        shift, begin = (0.3, -0.2, 0.25)[:d], (0.0,) * d
        found += [Case(f"spline {d}-D", model.formula, x, (50.0, *shift, 10.0), (40.0, *begin, 8.0))]
    return found


MINIMUM = (-11.594439904762162, 13.203630051207202, -0.4034394881768612, 0.2367787744557347)
CASES = [
    Case("Gauss 1-D", gauss_1d, np.arange(20.0), (100.0, 9.5, 2.0, 10.0), (80.0, 9.0, 2.5, 8.0)),
    Case("Gauss 2-D", gauss_2d, pixels(9), (100.0, 4.2, 3.9, 1.3, 10.0), (80.0, 4.0, 4.0, 1.6, 8.0)),
    Case("Gauss 2-D elliptic", gauss_2d_elliptic, pixels(9), (100.0, 4.2, 3.9, 1.2, 1.9, 10.0),
         (80.0, 4.0, 4.0, 1.5, 1.6, 8.0)),
    Case("Gauss 2-D rotated", gauss_2d_rotated, pixels(9), (100.0, 4.2, 3.9, 1.2, 2.2, 10.0, 0.5),
         (80.0, 4.0, 4.0, 1.4, 2.0, 8.0, 0.4)),
    Case("Cauchy 2-D elliptic", cauchy_2d, pixels(9), (100.0, 4.2, 3.9, 1.5, 2.0, 10.0),
         (80.0, 4.0, 4.0, 1.8, 1.7, 12.0)),
    Case("linear", line, np.arange(20.0), (5.0, 2.0), (1.0, 1.0)),
    Case("Fletcher-Powell helix", helix, np.arange(3.0), (1.0, 0.0, 0.0), (-1.0, 0.1, 0.1), np.zeros(3), False),
    Case("Brown-Dennis", brown_dennis, np.arange(1.0, 21.0), MINIMUM, (25.0, 5.0, -5.0, -1.0), np.zeros(20), False,
         85822.20162635628),
    *splines(),
]  # fmt: skip
