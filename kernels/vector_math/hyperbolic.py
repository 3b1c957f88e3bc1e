"""sinh, cosh, tanh and their inverses."""

from .bits import Format, copysign, fabs, fma, kernel, power_of_two, where
from .exponential import magic, reduced


def tanh(t: Format):
    ZERO, ONE, TWO, MAGIC, FAR = t.real(0), t.real(1), t.real(2), magic(t), t.pick(20.0, 10.0)
    exp_reduced = reduced(t)

    @kernel
    def tanh(x):
        """tanh|x| = -m / (m + 2) with m = e**(-2|x|) - 1."""
        size = fabs(x)
        r, tail, k = exp_reduced(-TWO * where(FAR < size, FAR, size), ZERO)
        s = power_of_two(k + MAGIC)
        m = fma(s, r + tail, s - ONE)
        return copysign(-m / (m + TWO), x)

    return tanh
