"""atan, atan2, asin, acos.

One division turns y / x into a tangent of at most tan(pi/8), and the angle into 0, pi/4 or pi/2 plus its arctangent
r + r**3 P(r**2) (the reduction of fdlibm's s_atan.c with three intervals in place of five).
"""

from functools import cache
from math import inf

from .bits import Format, copysign, fabs, fma, kernel, polynomial, where

TAN_PI_8 = 0.41421356237309503
ATAN = (
    (-0.333333333333332, 0.1999999999995382, -0.14285714280224662, 0.11111110785038197, -0.0909089780619797,
     0.07692061107030126, -0.0666311433961381, 0.05847964386447193, -0.05039641620379978, 0.038073055138136296,
     -0.017916425581293596),
    (-0.33333316, 0.19998533, -0.1424451, 0.10600166, -0.060927145),
)  # fmt: skip
PI_2 = ((1.5707963267948966, 6.123233995736766e-17), (1.5707963705062866, -4.371138828673793e-08))


@cache
def angle(t: Format):
    ZERO, ONE, HALF, EDGE, P = t.real(0), t.real(1), t.real(0.5), t.real(TAN_PI_8), t.pick(*ATAN)
    RIGHT, RIGHT_LOW = t.pick(*PI_2)

    @kernel
    def angle(y, x):
        """The angle in [0, pi/2] of a point y, x >= 0 that is neither (0, 0) nor infinite in both."""
        low, high = y <= EDGE * x, x <= EDGE * y
        r = where(low, y, where(high, -x, y - x)) / where(low, x, where(high, y, y + x))
        turns = where(low, ZERO, where(high, ONE, HALF))
        z = r * r
        return fma(turns, RIGHT, fma(r * z, polynomial(z, P), fma(turns, RIGHT_LOW, r)))

    return angle


def atan(t: Format):
    ONE, angle_of = t.real(1), angle(t)

    @kernel
    def atan(x):
        return copysign(angle_of(fabs(x), ONE), x)

    return atan
