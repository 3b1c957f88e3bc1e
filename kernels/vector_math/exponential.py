"""exp, exp2, expm1 and the pieces that hyperbolic functions, powers and gamma build from.

e**x = 2**k e**r with k the integer nearest x / ln 2 and r = x - k ln 2 in two parts (Cody & Waite 1980, chapter 6).
e**r = 1 + r + r**2 P(r), where P is the minimax polynomial for the relative error on |r| <= ln(2)/2: found by Remez'
exchange algorithm in 50 digits, then rounded, leading coefficients first and the others refitted after each, or all at
once and improved by a search among their neighbours. The tables of the other files are made the same way.
"""

from functools import cache
from math import inf

from .bits import Format, add_exponent, clamp, fabs, fast_two_sum, fma, kernel, polynomial, power_of_two, where

LOG2E = (float.fromhex("0x1.71547652b82fep+0"), float.fromhex("0x1.715476p+0"))
# the high part ends in zeros: its product with an exponent is exact
LN2_HIGH = (float.fromhex("0x1.62e42fefa38p-1"), float.fromhex("0x1.62e4p-1"))
LN2_LOW = (float.fromhex("0x1.ef35793c76730p-45"), float.fromhex("0x1.7f7d1cp-20"))
LARGEST_EXP = (709.782712893384, 88.72283905206835)  # beyond this exp(x) is inf
LOWEST, HIGHEST = (-746.0, -104.0), (710.0, 89.0)  # beyond these exp(x) is 0 or inf

EXP = (
    (0.5000000000000011, 0.16666666666666424, 0.04166666666652559, 0.008333333333483513, 0.0013888888944945774,
     0.00019841269537577202, 2.480149166688743e-05, 2.7557553391131677e-06, 2.7630772639278604e-07,
     2.5011817666881673e-08),
    (0.49999994, 0.16666515, 0.041668084, 0.008369295, 0.0013838612),
)  # fmt: skip
# (2**x - 1) / x on |x| <= 1/2
EXP2 = (
    (0.6931471805599457, 0.240226506959101, 0.055504108664786445, 0.00961812910760502, 0.0013333558154357353,
     0.00015403530445609587, 1.5252726631988307e-05, 1.3215439966505553e-06, 1.0180890475647568e-07,
     7.07314010021842e-09, 4.053085425935216e-10),
    (0.6931472, 0.2402265, 0.05550378, 0.0096180085, 0.0013385768, 0.00015543774),
)  # fmt: skip


@cache
def reduced(t: Format):
    INVERSE, HIGH, LOW = t.pick(*LOG2E), t.pick(*LN2_HIGH), t.pick(*LN2_LOW)
    MAGIC, P = t.magic, t.pick(*EXP)

    @kernel
    def reduced(x, x_low):
        """(r, tail, k): e**(x + x_low) = 2**k (1 + r + tail)."""
        k = fma(x, INVERSE, MAGIC) - MAGIC
        r = fma(-k, LOW, fma(-k, HIGH, x) + x_low)
        return r, r * r * polynomial(r, P), k

    return reduced


@cache
def scale(t: Format):
    HALF, MAGIC = t.real(0.5), t.magic

    @kernel
    def scale(x, k):
        """x * 2**k, rounded once also where it is subnormal; 2**k may itself be out of range."""
        shifted = fma(k, HALF, MAGIC)
        return x * power_of_two(shifted) * power_of_two(MAGIC + (k - (shifted - MAGIC)))

    return scale


@cache
def exp_sum(t: Format):
    ZERO, LOW, HIGH = t.real(0), t.pick(*LOWEST), t.pick(*HIGHEST)
    reduce, rescale = reduced(t), scale(t)

    @kernel
    def exp_sum(x, x_low, factor):
        """e**(x + x_low) * factor; where x is out of range, x_low may be anything."""
        bounded = clamp(x, LOW, HIGH)
        r, tail, k = reduce(bounded, where(bounded == x, x_low, ZERO))
        return rescale(fma(factor, r + tail, factor), k)

    return exp_sum


@cache
def exp(t: Format):
    """24 instructions in float64: 2**k is added to the exponent, and only results that may be subnormal are lifted
    by 2**LIFT before and sunk after, so that they are rounded once."""
    ZERO, ONE, INVERSE, MAGIC = t.real(0), t.real(1), t.pick(*LOG2E), t.magic
    HIGH, LOW, P = t.pick(*LN2_HIGH), t.pick(*LN2_LOW), t.pick(*EXP)
    LOWEST_X, DEEP, LARGEST = t.pick(-746.0, -104.0), t.pick(-700.0, -80.0), t.pick(*LARGEST_EXP)
    LIFT, SINK, INFINITY = t.pick(128.0, 64.0), t.pick(2.0**-128, 2.0**-64), t.real(inf)

    @kernel
    def exp(x):
        bounded = where(x < LOWEST_X, LOWEST_X, x)
        deep = bounded < DEEP
        shifted = fma(bounded, INVERSE, MAGIC)
        k = shifted - MAGIC
        r = fma(-k, LOW, fma(-k, HIGH, bounded))
        y = ONE + fma(r * r, polynomial(r, P), r)
        y = add_exponent(y, shifted + where(deep, LIFT, ZERO)) * where(deep, SINK, ONE)
        return where(x <= LARGEST, y, x * INFINITY)

    return exp


def exp2(t: Format):
    ONE, LOW, HIGH = t.real(1), t.pick(-1076.0, -151.0), t.pick(1025.0, 129.0)
    MAGIC, P, rescale = t.magic, t.pick(*EXP2), scale(t)

    @kernel
    def exp2(x):
        bounded = clamp(x, LOW, HIGH)
        k = (bounded + MAGIC) - MAGIC
        r = bounded - k
        return rescale(fma(r, polynomial(r, P), ONE), k)

    return exp2


@cache
def quarter_expm1(t: Format):
    ZERO, TWO, QUARTER = t.reals(0, 2, 0.25)
    MAGIC, reduce = t.magic, reduced(t)

    @kernel
    def quarter_expm1(x):
        """(e**x - 1) / 4, for x between -50 (f32: -50) and 710.6 (89.6)."""
        r, tail, k = reduce(x, ZERO)
        s = power_of_two(MAGIC + (k - TWO))
        y, y_low = fast_two_sum(s - QUARTER, s * r)
        return y + fma(s, tail, y_low)

    return quarter_expm1


def expm1(t: Format):
    LOW, HIGH, TINY, FOUR = t.real(-50), t.pick(*HIGHEST), t.real(2.0 ** -(t.mantissa + 2)), t.real(4)
    quarter = quarter_expm1(t)

    @kernel
    def expm1(x):
        y = FOUR * quarter(clamp(x, LOW, HIGH))
        return where(fabs(x) < TINY, x, y)

    return expm1
