"""The extended Tofts model of contrast-enhanced imaging."""

from collections.abc import Sequence

import numpy as np

from .model import Columns, Model
from .starts import separable, span

WEINMANN = (0.399, 0.478), (0.144, 0.0111)  # mmol/l, 1/min: 0.1 mmol/kg times (3.99, 4.78) kg/l


def extended_tofts_of(amplitudes: Sequence[float], rates: Sequence[float]) -> Model:
    """The extended Tofts model for plasma ``C_p(t) = sum_i amplitudes_i exp(-rates_i t)`` after t = 0.

    Parameters
    ----------
    amplitudes : sequence of float
        In units of concentration.
    rates : sequence of float
        In 1 / units of time.

    Examples
    --------
    >>> import batchnewton as bn
    >>> bn.models.extended_tofts_of([0.5], [0.2]).names
    ('ktrans', 've', 'vp')
    """
    terms = tuple((float(a), float(m)) for a, m in zip(amplitudes, rates, strict=True))

    def extended_tofts(x, ktrans, ve, vp):
        """Concentration in tissue, ``vp C_p(t) + ktrans (C_p * exp(-ktrans t / ve))(t)``, * being the convolution.

        Parameters
        ----------
        x : time since the bolus, not negative; minutes for the default plasma curve (Weinmann's, 0.1 mmol/kg).
        ktrans : transfer constant, in 1 / units of time.
        ve, vp : volume fractions of the extravascular extracellular space and of plasma, 0 to 1.

        References
        ----------
        Tofts (1997), J. Magn. Reson. Imaging 7, 91; the plasma curve: Tofts & Kermode (1991),
        Magn. Reson. Med. 17, 357.

        Examples
        --------
        >>> import numpy as np
        >>> import batchnewton as bn
        >>> t = np.linspace(0, 6, 40)
        >>> y = bn.models.extended_tofts(t, 0.25, 0.3, 0.05)
        >>> bn.curve_fit(bn.models.extended_tofts, t, y).x.round(6).tolist()
        [0.25, 0.3, 0.05]
        """
        return vp * plasma(x) + ktrans * leaked(x, ktrans / ve)

    def plasma(t):
        total = 0.0
        for a, m in terms:
            total = total + a * np.exp(-m * t)
        return total

    def leaked(t, kep):
        """The convolution: ``sum_i a_i (exp(-m_i t) - exp(-kep t)) / (kep - m_i)``, by a series for kep near m_i."""
        total = 0.0
        for a, m in terms:
            u = (kep - m) * t
            near = abs(u) < 1e-3
            safe = np.where(near, 1.0, u)
            ratio = np.where(near, 1 - u / 2 + u * u / 6 - u**3 / 24 + u**4 / 120, -np.expm1(-safe) / safe)
            total = total + a * t * np.exp(-m * t) * ratio
        return total

    def start(x: np.ndarray, y: np.ndarray) -> Columns:
        def basis(kep: float) -> list[np.ndarray]:
            return [np.asarray(leaked(x, kep)), np.asarray(plasma(x))]

        kep, ktrans, vp = separable(y, basis, [factor / span(x) for factor in np.geomspace(0.15, 50, 16)])
        return ktrans, ktrans / kep, vp

    limits = {"ktrans": (0.0, np.inf), "ve": (0.0, 1.0), "vp": (0.0, 1.0)}
    return Model(extended_tofts, start, limits, origin=(extended_tofts_of, (amplitudes, rates)))


extended_tofts = extended_tofts_of(*WEINMANN)
