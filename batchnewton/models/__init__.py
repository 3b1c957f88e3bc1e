"""Ready models: formulas with names, natural bounds and a guess of where to start.

Each is a `batchnewton.Model`, which `curve_fit` takes as it takes a function; ``p0`` may then be left out.  `ALL` maps
names to models; `polynomial` and `extended_tofts_of` make models; `add` and `multiply` (or ``+`` and ``*``) combine
them.

>>> import batchnewton as bn
>>> bn.models.gaussian.names
('amplitude', 'center', 'sigma', 'offset')
>>> len(bn.models.ALL) > 15
True
"""

from .biexponential import biexponential
from .composite import add, multiply
from .damped_sine import damped_sine
from .exponential_decay import exponential_decay
from .extended_tofts import extended_tofts, extended_tofts_of
from .gaussian import gaussian
from .gaussian_2d import gaussian_2d
from .gaussian_2d_elliptic import gaussian_2d_elliptic
from .gaussian_2d_rotated import gaussian_2d_rotated
from .hill import hill
from .inversion_recovery import inversion_recovery
from .ivim import ivim
from .logistic_4pl import logistic_4pl
from .logistic_5pl import logistic_5pl
from .logistic_growth import logistic_growth
from .lorentzian import lorentzian
from .michaelis_menten import michaelis_menten
from .model import Model
from .polynomial import polynomial
from .power_law import power_law
from .pseudo_voigt import pseudo_voigt
from .spline import spline
from .stretched_exponential import stretched_exponential
from .voigt import voigt

ALL: dict[str, Model] = {name: value for name, value in sorted(globals().items()) if isinstance(value, Model)}
"""Every ready model, by name."""
