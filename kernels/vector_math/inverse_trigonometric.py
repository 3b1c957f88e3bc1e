"""atan, atan2, asin, acos.

One division turns y / x into a tangent of at most tan(pi/8), and the angle into 0, pi/4 or pi/2 plus its arctangent
r + r**3 P(r**2) (the reduction of fdlibm's s_atan.c with three intervals in place of five).
"""

from functools import cache
from math import inf

from .bits import Format, copysign, fabs, fma, kernel, polynomial, sqrt, where

TAN_PI_8 = 0.41421356237309503
ATAN = (
    (-0.333333333333332, 0.1999999999995382, -0.14285714280224662, 0.11111110785038197, -0.0909089780619797,
     0.07692061107030126, -0.0666311433961381, 0.05847964386447193, -0.05039641620379978, 0.038073055138136296,
     -0.017916425581293596),
    (-0.33333316, 0.19998533, -0.1424451, 0.10600166, -0.060927145),
)  # fmt: skip
# asin on |x| <= 1/2
ASIN = (
    (0.16666666666665375, 0.0750000000034495, 0.044642856821848334, 0.030381959400908876, 0.022371751803685485,
     0.01735979772459041, 0.013884329255211313, 0.012175085833555126, 0.0065028808853787945, 0.019596139476846314,
     -0.016329586195867867, 0.03198371875794943),
    (0.16666754, 0.07495249, 0.045476753, 0.024147118, 0.042222414),
)  # fmt: skip
PI_2 = ((1.5707963267948966, 6.123233995736766e-17), (1.5707963705062866, -4.371138828673793e-08))


@cache
def angle(t: Format):
    ZERO, ONE, HALF, EDGE, P = *t.reals(0, 1, 0.5), t.real(TAN_PI_8), t.pick(*ATAN)
    RIGHT, RIGHT_LOW = t.pick(*PI_2)

    @kernel
    def angle(y, x):
        """The angle in [0, pi/2] of a point y, x >= 0 that is neither (0, 0) nor infinite in both."""
        low, high = y <= EDGE * x, x <= EDGE * y
        r = where(low, y, where(high, -x, y - x)) / where(low, x, where(high, y, y + x))
        turns = where(low, ZERO, where(high, ONE, HALF))
        z = r * r
        y = fma(r * z, polynomial(z, P), fma(turns, RIGHT_LOW, r))
        return fma(turns, RIGHT, y)

    return angle


def atan(t: Format):
    ONE, angle_of = t.real(1), angle(t)

    @kernel
    def atan(x):
        return copysign(angle_of(fabs(x), ONE), x)

    return atan


def atan2(t: Format):
    ZERO, ONE, INF, HUGE, DOWN = t.reals(0, 1, inf, 2.0 ** (t.bias - 10), 0.25)
    TWO, RIGHT, RIGHT_LOW = t.real(2), *t.pick(*PI_2)
    angle_of = angle(t)

    @kernel
    def atan2(y, x):
        """The angle of the point (x, y) in [-pi, pi], with the signs and limits of C's atan2 (C23, F.10.1.4)."""
        a, b = fabs(y), fabs(x)
        down = where((a > HUGE) | (b > HUGE), DOWN, ONE)
        both = (a == INF) & (b == INF)
        none = (a == ZERO) & (b == ZERO)
        first = angle_of(where(both, ONE, a * down), where(both | none, ONE, b * down))
        obtuse = TWO * RIGHT - (first - TWO * RIGHT_LOW)
        return copysign(where(copysign(ONE, x) < ZERO, obtuse, first), y)

    return atan2


@cache
def half_angle(t: Format):
    ONE, HALF, P = t.real(1), t.real(0.5), t.pick(*ASIN)

    @kernel
    def half_angle(size):
        """asin(size) up to 1/2, and above asin(sqrt((1 - size)/2)) = acos(size) / 2; NaN above 1."""
        above = size > HALF
        z = where(above, HALF * (ONE - size), size * size)
        s = where(above, sqrt(z), size)
        return fma(s * z, polynomial(z, P), s)

    return half_angle


def asin(t: Format):
    HALF, TWO, RIGHT, RIGHT_LOW = t.real(0.5), t.real(2), *t.pick(*PI_2)
    part = half_angle(t)

    @kernel
    def asin(x):
        size = fabs(x)
        p = part(size)
        return copysign(where(size > HALF, RIGHT - (TWO * p - RIGHT_LOW), p), x)

    return asin


def acos(t: Format):
    ZERO, HALF, TWO, RIGHT, RIGHT_LOW = *t.reals(0, 0.5, 2), *t.pick(*PI_2)
    part = half_angle(t)

    @kernel
    def acos(x):
        p = part(fabs(x))
        outer = where(x > ZERO, TWO * p, TWO * (RIGHT - (p - RIGHT_LOW)))
        return where(fabs(x) > HALF, outer, RIGHT - (copysign(p, x) - RIGHT_LOW))

    return acos
