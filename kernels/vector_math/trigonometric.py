"""sin, cos and tan, and sin, cos of multiples of pi.

x = k pi + r (tan: k pi/2) with pi in three parts: the first fused step is exact because k times the first part, x and
r are all multiples of one unit, so r keeps its relative accuracy near the zeros (Cody & Waite 1980, chapter 8). Then
sin r = r + r**3 P(r**2) on |r| <= 1.67, from which cos differs by a shift of pi/2: one polynomial, no choice.

Beyond 2**49 (f32: 2**20), where neighbouring floats are an eighth of a radian or more apart, the answer is NaN.
"""

from functools import cache
from math import nan

from .bits import Format, clamp, fabs, flip_sign, fma, is_odd, kernel, polynomial, where

PI = (
    tuple(map(float.fromhex, ("0x1.921fb54442d18p+1", "0x1.1a62633145c07p-53", "-0x1.f1976b7ed8fbcp-109"))),
    tuple(map(float.fromhex, ("0x1.921fb6p+1", "-0x1.777a5cp-24", "-0x1.ee59dap-49"))),
)
ONE_OVER_PI = (float.fromhex("0x1.45f306dc9c883p-2"), float.fromhex("0x1.45f306p-2"))
FARTHEST = (2.0**49, 2.0**20)
TINY = (2.0**-27, 2.0**-13)  # below, sin x = x

SIN = (
    (-0.16666666666666663, 0.008333333333332924, -0.0001984126984111512, 2.755731919572749e-06,
     -2.5052105530378066e-08, 1.605887569681501e-10, -7.641414575623387e-13, 2.7054763715399758e-15),
    (-0.16666667, 0.008333332, -0.00019840682, 2.7516448e-06, -2.3737824e-08),
)  # fmt: skip
# on |r| <= 0.89, for tan
SIN_QUARTER = (
    (-0.16666666666666666, 0.00833333333333309, -0.00019841269841055313, 2.755731913517714e-06,
     -2.5052089069538252e-08, 1.605679796857768e-10, -7.517649735616022e-13),
    (-0.16666667, 0.008333367, -0.00019847156, 2.766714e-06),
)  # fmt: skip
COS_QUARTER = (
    (1.0, -0.5, 0.041666666666666366, -0.0013888888888837433, 2.4801587268733838e-05, -2.7557308926829727e-07,
     2.0875055194684718e-09, -1.1328260295112502e-11),
    (1.0, -0.5, 0.041666623, -0.0013886321, 2.433014e-05),
)  # fmt: skip


@cache
def remainder(t: Format, divisor: int):
    P1, P2, P3 = (p / t.real(divisor) for p in t.pick(*PI))

    @kernel
    def remainder(x, k):
        """x - k pi/divisor."""
        return fma(-k, P3, fma(-k, P2, fma(-k, P1, x)))

    return remainder


def sin(t: Format):
    MAGIC, C, P = t.magic, t.pick(*ONE_OVER_PI), t.pick(*SIN)
    ONE, NAN, FAR, SMALL = t.real(1), t.real(nan), t.pick(*FARTHEST), t.pick(*TINY)
    rest_of = remainder(t, 1)

    @kernel
    def sin(x):
        shifted = fma(x, C, MAGIC)
        r = rest_of(x, shifted - MAGIC)
        z = r * r
        y = clamp(flip_sign(fma(r * z, polynomial(z, P), r), shifted), -ONE, ONE)
        size = fabs(x)
        return where(size <= FAR, where(size < SMALL, x, y), NAN)

    return sin


def cos(t: Format):
    MAGIC, C, P = t.magic, t.pick(*ONE_OVER_PI), t.pick(*SIN)
    ONE, HALF, NAN, FAR = *t.reals(1, 0.5, nan), t.pick(*FARTHEST)
    rest_of = remainder(t, 1)

    @kernel
    def cos(x):
        """With x = k pi + r and k + 1/2 whole, cos x = (-1)**(k + 1/2) sin r."""
        size = fabs(x)
        shifted = fma(size, C, -HALF) + MAGIC
        r = -rest_of(size, (shifted - MAGIC) + HALF)
        z = r * r
        y = clamp(flip_sign(fma(r * z, polynomial(z, P), r), shifted), -ONE, ONE)
        return where(size <= FAR, y, NAN)

    return cos


def tan(t: Format):
    MAGIC, C = t.magic, t.pick(*ONE_OVER_PI) * t.real(2)
    SINE, COSINE = t.pick(*SIN_QUARTER), t.pick(*COS_QUARTER)
    NAN, FAR, SMALL = t.real(nan), t.pick(*FARTHEST), t.pick(*TINY)
    rest_of = remainder(t, 2)

    @kernel
    def tan(x):
        """tan r = sin r / cos r, and tan(r + pi/2) = -cos r / sin r."""
        shifted = fma(x, C, MAGIC)
        r = rest_of(x, shifted - MAGIC)
        z = r * r
        sine, cosine = fma(r * z, polynomial(z, SINE), r), polynomial(z, COSINE)
        odd = is_odd(shifted)
        y = where(odd, cosine, sine) / where(odd, -sine, cosine)
        size = fabs(x)
        return where(size <= FAR, where(size < SMALL, x, y), NAN)

    return tan
