"""exp, exp2, expm1 and the pieces that hyperbolic functions, powers and gamma build from.

e**x = 2**k e**r with k the integer nearest x / ln 2 and r = x - k ln 2 in two parts (Cody & Waite 1980, chapter 6).
e**r = 1 + r + r**2 P(r); P is the minimax polynomial for the relative error on |r| <= ln(2)/2, found by Remez' exchange
in 50 digits and rounded coefficient by coefficient, the later ones refitted after each rounding. The same holds for
the tables of the other files.
"""

from functools import cache
from math import inf

from .bits import F64, Format, fabs, fast_two_sum, fma, kernel, polynomial, power_of_two, where

LOG2E = (float.fromhex("0x1.71547652b82fep+0"), float.fromhex("0x1.715476p+0"))
# the high part ends in zeros: its product with an exponent is exact
LN2_HIGH = (float.fromhex("0x1.62e42fefa38p-1"), float.fromhex("0x1.62e4p-1"))
LN2_LOW = (float.fromhex("0x1.ef35793c76730p-45"), float.fromhex("0x1.7f7d1cp-20"))
LOWEST, HIGHEST = (-746.0, -104.0), (710.0, 89.0)  # beyond these exp(x) is 0 or inf

EXP = (
    (0.5000000000000011, 0.16666666666666424, 0.04166666666652559, 0.008333333333483513, 0.0013888888944945774,
     0.00019841269537577202, 2.480149166688743e-05, 2.7557553391131677e-06, 2.7630772639278604e-07,
     2.5011817666881673e-08),
    (0.49999994, 0.16666515, 0.041668084, 0.008369295, 0.0013838612),
)  # fmt: skip


def magic(t: Format):
    """Added to a small number, it leaves the nearest integer in the low bits."""
    return t.real(1.5 * 2.0**t.mantissa)


@cache
def reduced(t: Format):
    LOG2E_, LN2_HIGH_, LN2_LOW_ = t.pick(*LOG2E), t.pick(*LN2_HIGH), t.pick(*LN2_LOW)
    MAGIC, P = magic(t), t.pick(*EXP)

    @kernel
    def reduced(x, x_low):
        """(r, tail, k): e**(x + x_low) = 2**k (1 + r + tail)."""
        k = fma(x, LOG2E_, MAGIC) - MAGIC
        r = fma(-k, LN2_LOW_, fma(-k, LN2_HIGH_, x) + x_low)
        return r, r * r * polynomial(r, P), k

    return reduced


@cache
def scale(t: Format):
    HALF, MAGIC = t.real(0.5), magic(t)

    @kernel
    def scale(x, k):
        """x * 2**k, rounded once also where it is subnormal; 2**k may itself be out of range."""
        shifted = fma(k, HALF, MAGIC)
        return x * power_of_two(shifted) * power_of_two(MAGIC + (k - (shifted - MAGIC)))

    return scale


@cache
def exp_sum(t: Format):
    ZERO, ONE, LOW, HIGH = t.real(0), t.real(1), t.pick(*LOWEST), t.pick(*HIGHEST)
    reduced_, scale_ = reduced(t), scale(t)

    @kernel
    def exp_sum(x, x_low, factor):
        """e**(x + x_low) * factor, for a factor between about 1/8 and 8."""
        bounded = where(LOW > x, LOW, where(HIGH < x, HIGH, x))
        r, tail, k = reduced_(bounded, where(bounded == x, x_low, ZERO))
        return scale_(factor * (ONE + (r + tail)), k)

    return exp_sum


def exp(t: Format):
    ZERO, ONE, LOW, HIGH = t.real(0), t.real(1), t.pick(*LOWEST), t.pick(*HIGHEST)
    reduced_, scale_ = reduced(t), scale(t)

    @kernel
    def exp(x):
        bounded = where(LOW > x, LOW, where(HIGH < x, HIGH, x))
        r, tail, k = reduced_(bounded, ZERO)
        return scale_(ONE + (r + tail), k)

    return exp
