"""The damped oscillation."""

import numpy as np

from .model import Columns, model
from .starts import separable, span


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    first = x[..., :1]

    def basis(frequency: np.ndarray, tau: np.ndarray) -> list[np.ndarray]:
        phase, envelope = 2 * np.pi * frequency * (x - first), np.exp(-(x - first) / tau)
        return [envelope * np.sin(phase), envelope * np.cos(phase), np.ones_like(x)]

    half = max(y.shape[1] // 2, 2)
    frequencies = [cycles / span(x) for cycles in np.arange(0.5, half, 0.5)]
    frequency, tau, sine, cosine, offset = separable(y, basis, frequencies, [span(x) * f for f in (0.1, 0.35, 1.5)])
    at_zero = np.exp(np.ravel(first) / tau)
    phase = np.arctan2(cosine, sine) - 2 * np.pi * frequency * np.ravel(first)
    return np.hypot(sine, cosine) * at_zero, frequency, np.arctan2(np.sin(phase), np.cos(phase)), tau, offset


@model(start, frequency=(0.0, np.inf), tau=(0.0, np.inf))
def damped_sine(x, amplitude, frequency, phase, tau, offset):
    """Damped oscillation, ``amplitude exp(-x / tau) sin(2 pi frequency x + phase) + offset``.

    Parameters
    ----------
    x : time.
    amplitude, offset : in units of y.
    frequency : in cycles, 1 / units of x.
    phase : in radians; the guess lies within (-pi, pi].
    tau : time in which the amplitude falls to 1/e, in units of x.

    Notes
    -----
    The guess tries frequencies up to half a cycle a point (that of Nyquist, for equidistant x); its time grows with
    the square of the number of points.

    References
    ----------
    Landau & Lifshitz (1976), Mechanics, eq. 25.4; Lomb (1976), Astrophys. Space Sci. 39, 447, for the guess.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> t = np.linspace(0, 10, 61)
    >>> y = bn.models.damped_sine(t, 2.0, np.array([[0.4], [1.3]]), 0.6, 4.0, 0.5)
    >>> bn.curve_fit(bn.models.damped_sine, t, y).x.round(6).tolist()
    [[2.0, 0.4, 0.6, 4.0, 0.5], [2.0, 1.3, 0.6, 4.0, 0.5]]
    """
    return amplitude * np.exp(-x / tau) * np.sin(2 * np.pi * frequency * x + phase) + offset
