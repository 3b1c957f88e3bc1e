"""pow, cbrt, hypot, and the functions that are one instruction."""

from math import inf, nan

from . import bits
from .bits import Format, clamp, copysign, fabs, floor, fma, kernel, polynomial, power_of_two, two_product, where
from .exponential import exp_sum
from .logarithm import log_sum, split


def pow(t: Format):
    ZERO, ONE, HALF, INF, NAN, MOST = *t.reals(0, 1, 0.5, inf, nan), t.pick(2.0**1000, 2.0**100)
    log_of, exp_of = log_sum(t), exp_sum(t)

    @kernel
    def pow(x, y):
        """e**(y log|x|), the logarithm in two parts, with the signs and limits of C's pow (C23, F.10.4.4)."""
        a = fabs(x)
        h, low = log_of(a)
        h = where(a < INF, where(a > ZERO, h, -INF), a)
        factor = clamp(y, -MOST, MOST)
        p, p_low = two_product(h, factor)
        power = exp_of(p, fma(low, factor, p_low), ONE)
        half = HALF * y
        fractional, even = floor(y) != y, floor(half) == half
        power = copysign(power, where(fractional | even, ONE, x))
        power = where((x < ZERO) & (a < INF) & fractional, NAN, power)
        return where((x == ONE) | (y == ZERO), ONE, power)

    return pow


# 1 / cbrt(m) on sqrt(1/2) <= m < sqrt(2)
INVERSE_CBRT = (
    (1.874522177155897, -1.861843278983135, 1.5613233540652303, -0.7023976603322101, 0.1283719997066293),
    (1.5581234755839688, -0.7671339614661548, 0.2096172537996939),
)


def cbrt(t: Format):
    ZERO, ONE, TWO, HALF, THIRD, INF = t.reals(0, 1, 2, 0.5, 1 / 3, inf)
    UP, DOWN = t.reals(2 ** (1 / 3), 2 ** (-1 / 3))
    MAGIC, P, SERIES = t.magic, t.pick(*INVERSE_CBRT), t.reals(1 / 3, 2 / 9, 14 / 81)
    split_x = split(t)

    @kernel
    def cbrt(x):
        """x = b 2**(3 q), 1/3 < b < 3; z = b**(-1/3) from its series in 1 - b z**3, then a Newton step on y**3 = b."""
        a = fabs(x)
        m, k = split_x(a)
        shifted = fma(k, THIRD, MAGIC)
        q = shifted - MAGIC
        rest = k - (q + q + q)
        b = m * where(rest > ZERO, TWO, where(rest < ZERO, HALF, ONE))
        z = polynomial(m, P) * where(rest > ZERO, DOWN, where(rest < ZERO, UP, ONE))
        e = fma(-b * z, z * z, ONE)
        z = fma(z * e, polynomial(e, SERIES), z)
        y = b * z * z
        square, square_low = two_product(y, y)
        residual = fma(-square, y, b) - square_low * y
        y = fma(residual, z * z * THIRD, y) * power_of_two(shifted)
        return where((a > ZERO) & (a < INF), copysign(y, x), x)

    return cbrt


def hypot(t: Format):
    ONE, INF = t.reals(1, inf)
    LARGE, SMALL, DOWN, UP = t.pick((2.0**500, 2.0**-500, 2.0**-600, 2.0**600), (2.0**60, 2.0**-60, 2.0**-80, 2.0**100))

    @kernel
    def hypot(x, y):
        """sqrt(x**2 + y**2), both scaled by a power of two where the squares would leave the range."""
        x, y = fabs(x), fabs(y)
        big, small = where(x > y, x, y), where(x > y, y, x)
        factor = where(big > LARGE, DOWN, where(big < SMALL, UP, ONE))
        back = where(big > LARGE, ONE / DOWN, where(big < SMALL, ONE / UP, ONE))
        big, small = big * factor, small * factor
        return where((x == INF) | (y == INF), INF, bits.sqrt(fma(big, big, small * small)) * back)

    return hypot


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


def copysign_(t: Format):
    @kernel
    def copysign(x, y):
        return bits.copysign(x, y)

    return copysign
