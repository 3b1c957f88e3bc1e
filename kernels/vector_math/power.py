"""pow, cbrt, hypot, and the functions that are one instruction."""

from math import inf, nan

from . import bits
from .bits import Format, fabs, fast_two_sum, floor, fma, kernel, two_product, where
from .exponential import exp_sum
from .logarithm import log_sum


def pow(t: Format):
    ZERO, ONE, HALF, INF, NAN = t.reals(0, 1, 0.5, inf, nan)
    log_of, exp_of = log_sum(t), exp_sum(t)

    @kernel
    def pow(x, y):
        """e**(y log|x|), the logarithm in two parts, with the signs and limits of C's pow (C23, F.10.4.4)."""
        a = fabs(x)
        h, low = log_of(a)
        limit = where(a == ZERO, -INF, INF)
        h = where((a > ZERO) & (a < INF), h, limit)
        p = h * y
        p_low = fma(low, y, fma(h, y, -p))
        power = exp_of(p, where(fabs(p_low) < ONE, p_low, ZERO), ONE)
        power = where((a == ONE) | (y == ZERO), ONE, where((x == x) & (y == y), power, NAN))
        whole, half = floor(y) == y, HALF * y
        odd = whole & (floor(half) != half)
        power = where((x < ZERO) & (a < INF) & (fabs(y) < INF), where(whole, power, NAN), power)
        power = bits.copysign(power, where(odd, x, ONE))
        return where((x == ONE) | (y == ZERO), ONE, power)

    return pow


def sqrt(t: Format):
    @kernel
    def sqrt(x):
        return bits.sqrt(x)

    return sqrt


def floor_(t: Format):
    @kernel
    def floor(x):
        return bits.floor(x)

    return floor


def fabs_(t: Format):
    @kernel
    def fabs(x):
        return bits.fabs(x)

    return fabs


def copysign(t: Format):
    @kernel
    def copysign(x, y):
        return bits.copysign(x, y)

    return copysign
