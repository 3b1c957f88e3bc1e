"""The package's own functions, written out as in a CUDA kernel, but compiled for the CPU: the bits of `vector_math`."""

import numpy as np
import pytest
from numba import njit
from numba.core.extending import intrinsic

from batchnewton.kernels import device_math, vector_math

POINTS = np.concatenate([np.linspace(-9.75, 30, 500), np.geomspace(1e-300, 1e300, 200), [0.0, np.inf, np.nan]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", device_math.OWN)
def test_same_bits(name, dtype, monkeypatch):
    function = vector_math.FUNCTIONS[name][dtype]
    for one in ("fabs", "floor", "rint", "copysign", "sqrt", "fma"):  # libdevice is not there on a CPU
        monkeypatch.delitem(device_math.LIBDEVICE, one)

    @intrinsic
    def written_out(typing, x):
        def generate(context, builder, signature, values):
            return device_math.Inlined(builder).call(function, values)

        return x(x), generate

    @njit(error_model="numpy")
    def both(x, here, there):
        for i in range(x.size):
            here[i] = written_out(x[i])
            there[i] = function(x[i])

    with np.errstate(over="ignore"):
        x = POINTS.astype(dtype)
    here, there = np.empty_like(x), np.empty_like(x)
    both(x, here, there)
    np.testing.assert_array_equal(here, there)
    assert np.isfinite(here).sum() > len(x) // 2


def test_what_libdevice_lacks_is_listed():
    assert set(vector_math.FUNCTIONS) - set(device_math.LIBDEVICE) == set(device_math.OWN)
