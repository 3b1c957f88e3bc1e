"""The special functions on numbers, against SciPy's."""

import numpy as np
import scipy.special

from batchnewton import special


def test_special_on_numbers():
    x = np.linspace(-30, 30, 121)
    for ours, theirs in [
        ("normal_cdf", "ndtr"),
        ("log_normal_cdf", "log_ndtr"),
        ("sigmoid", "expit"),
        ("i0e", "i0e"),
        ("log_sigmoid", "log_expit"),
        ("erfcx", "erfcx"),
        ("i1", "i1"),
    ]:
        np.testing.assert_allclose(getattr(special, ours)(x), getattr(scipy.special, theirs)(x), rtol=1e-13)
    positive = x[x > 0]
    for name in ("gamma", "gammaln", "digamma"):
        np.testing.assert_allclose(getattr(special, name)(positive), getattr(scipy.special, name)(positive), rtol=1e-13)
    sigma, gamma = np.geomspace(1e-2, 1e2, 9)[:, None, None], np.geomspace(1e-4, 1e2, 7)[:, None]
    ours, theirs = (module.voigt_profile(x, sigma, gamma) for module in (special, scipy.special))
    np.testing.assert_array_less(np.abs(ours - theirs) * sigma, 3e-15)
    assert special.xlogy(0.0, 0.0) == 0.0
    assert special.softplus(-1000.0) == 0.0 and special.softplus(1000.0) == 1000.0
