"""sinh, cosh, tanh and their inverses, from e**x - 1 and log(1 + x)."""

from math import nan

from .bits import Format, at_most, copysign, fabs, fma, kernel, power_of_two, sqrt, where
from .exponential import quarter_expm1, reduced
from .logarithm import log1p

FARTHEST = (710.6, 89.6)  # beyond, sinh and cosh are infinite


def sinh(t: Format):
    ONE, TWO, FOUR, FAR, TINY = *t.reals(1, 2, 4), t.pick(*FARTHEST), t.real(2.0 ** -(t.mantissa // 2 + 3))
    quarter = quarter_expm1(t)

    @kernel
    def sinh(x):
        """With m = e**|x| - 1, sinh|x| = (m + m / (m + 1)) / 2."""
        size = fabs(x)
        q = quarter(at_most(size, FAR))
        return where(size < TINY, x, copysign(TWO * (q + q / fma(FOUR, q, ONE)), x))

    return sinh


def cosh(t: Format):
    ZERO, ONE, TWO, SIXTEENTH, FAR, MAGIC = *t.reals(0, 1, 2, 1 / 16), t.pick(*FARTHEST), t.magic
    exp_reduced = reduced(t)

    @kernel
    def cosh(x):
        """With w = e**|x| / 4, cosh x = 2 (w + 1 / (16 w))."""
        size = fabs(x)
        r, tail, k = exp_reduced(at_most(size, FAR), ZERO)
        w = power_of_two(MAGIC + (k - TWO)) * (ONE + (r + tail))
        return TWO * (w + SIXTEENTH / w)

    return cosh


def tanh(t: Format):
    ZERO, ONE, TWO, MAGIC, FAR = *t.reals(0, 1, 2), t.magic, t.pick(20.0, 10.0)
    exp_reduced = reduced(t)

    @kernel
    def tanh(x):
        """With m = e**(-2|x|) - 1, tanh|x| = -m / (m + 2)."""
        size = fabs(x)
        r, tail, k = exp_reduced(-TWO * at_most(size, FAR), ZERO)
        s = power_of_two(k + MAGIC)
        m = fma(s, r + tail, s - ONE)
        return copysign(-m / (m + TWO), x)

    return tanh


def asinh(t: Format):
    ZERO, ONE, LN2, FAR = *t.reals(0, 1, 0.6931471805599453), t.pick(2.0**28, 2.0**13)
    log_1p = log1p(t)

    @kernel
    def asinh(x):
        """log(1 + a + a**2 / (1 + sqrt(1 + a**2))) with a = |x|; far out log(a) + log(2)."""
        a = fabs(x)
        far = a > FAR
        square = a * a
        y = where(far, a - ONE, a + square / (ONE + sqrt(ONE + square)))
        return copysign(log_1p(y) + where(far, LN2, ZERO), x)

    return asinh


def acosh(t: Format):
    ZERO, ONE, TWO, LN2, NAN, FAR = *t.reals(0, 1, 2, 0.6931471805599453, nan), t.pick(2.0**28, 2.0**13)
    log_1p = log1p(t)

    @kernel
    def acosh(x):
        """log(1 + s + sqrt(s**2 + 2 s)) with s = x - 1; far out log(x) + log(2)."""
        s = x - ONE
        far = x > FAR
        y = log_1p(where(far, s, s + sqrt(fma(s, s, TWO * s)))) + where(far, LN2, ZERO)
        return where(x >= ONE, y, NAN)

    return acosh


def atanh(t: Format):
    ONE, TWO, HALF = t.reals(1, 2, 0.5)
    log_1p = log1p(t)

    @kernel
    def atanh(x):
        """log(1 + 2 a / (1 - a)) / 2 with a = |x|."""
        a = fabs(x)
        return copysign(HALF * log_1p(TWO * a / (ONE - a)), x)

    return atanh
