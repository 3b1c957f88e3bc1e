"""erf, erfc, erfcx.

|x| < 1: erf x = x + x P(x**2). Above, erf x = 1 - e**-Q(|x| - 1) with Q = -log erfc, weighted by how much erfc weighs.
erfcx x = e**(x**2) erfc x for x >= 0 is R(t) / (x + 7/8) with t = (x - 4) / (x + 4) (Shepherd & Laframboise 1981,
Math. Comp. 36, 249; their 1 + 2 x is 7/8 + x here, which makes R flat at x = 0, where t is least accurate). erfc is its
product with e**(-x**2), whose argument is carried in two parts.
"""

from functools import cache

from .bits import Format, at_most, copysign, fabs, fma, kernel, polynomial, power_of_two, two_product, where
from .exponential import exp_sum, reduced

ERF = (
    (0.12837916709551256, -0.3761263890318341, 0.11283791670942123, -0.026866170643087082, 0.0052239776077065,
     -0.0008548326064379071, 0.0001205529880639242, -1.4924827981448994e-05, 1.644868148753383e-06,
     -1.6218776805947373e-07, 1.3766413039323356e-08, -7.884425505107388e-10),
    (0.12837917, -0.37612626, 0.11283579, -0.026853347, 0.005187162, -0.0007997852, 7.806889e-05),
)  # fmt: skip
ERF_FAR = (
    (1.8496055099332485, 2.638967514234717, 0.8431072563626613, 0.04156109795630331, -0.010033824436969594,
     0.001977896502051085, -0.0002372972517479792, -2.6349129793432212e-05, 2.7300843694637075e-05,
     -9.812330496232065e-06, 2.273684862766447e-06, -3.0890923202763556e-07, -2.3939369018746543e-09,
     1.2077641666023284e-08, -2.8282044551993914e-09, 3.1670834870422935e-10, -1.4875918224015496e-11),
    (1.8496056, 2.6389627, 0.8431723, 0.041261103, -0.009447542, 0.0014748417, -8.785938e-05),
)  # fmt: skip
ERFCX = (
    (0.6678723559221743, -0.16696107670534538, 0.08970970564565507, -0.02754815413416783, -0.009658341493362685,
     0.023200986634941887, -0.021428036715373484, 0.013767277998016405, -0.006576268133631485, 0.002216312501647268,
     -0.00038704749257764264, -7.000997239693714e-05, 6.685302716751805e-05, -1.2912334400236974e-05,
     -4.508361110390941e-06, 2.699593828978154e-06, 4.254285936256971e-08, -3.739465566151217e-07,
     4.497322893281598e-08, 4.703031360330722e-08, -8.979260029993219e-09, -5.270531854501064e-09,
     8.38108684449378e-10, 3.7852885439520535e-10),
    (0.66787237, -0.16696107, 0.08970977, -0.027548531, -0.009659649, 0.02320492, -0.021420993, 0.013752273,
     -0.0065944716, 0.0022444602, -0.00036265948, -9.7245495e-05, 5.041504e-05),
)  # fmt: skip


def erf(t: Format):
    ZERO, ONE, FAR, MAGIC = *t.reals(0, 1), t.pick(6.0, 4.0), t.magic
    NEAR_P, FAR_P = t.pick(*ERF), t.pick(*ERF_FAR)
    exp_reduced = reduced(t)

    @kernel
    def erf(x):
        size = fabs(x)
        near = fma(x, polynomial(x * x, NEAR_P), x)
        r, tail, k = exp_reduced(-polynomial(at_most(size, FAR) - ONE, FAR_P), ZERO)
        s = power_of_two(k + MAGIC)
        return where(size < ONE, near, copysign(ONE - fma(s, r + tail, s), x))

    return erf


@cache
def erfcx_positive(t: Format):
    FOUR, SHIFT, FAR, P = *t.reals(4, 0.875, 2.0**60), t.pick(*ERFCX)

    @kernel
    def erfcx_positive(a):
        """erfcx of a >= 0."""
        near = at_most(a, FAR)
        return polynomial((near - FOUR) / (near + FOUR), P) / (SHIFT + a)

    return erfcx_positive


def erfcx(t: Format):
    ZERO, TWO, LOW = *t.reals(0, 2), t.real(-30)
    positive, exp_of = erfcx_positive(t), exp_sum(t)

    @kernel
    def erfcx(x):
        """Below 0 by erfcx(x) + erfcx(-x) = 2 e**(x**2)."""
        y = positive(fabs(x))
        a = where(x < LOW, LOW, x)
        square, square_low = two_product(a, a)
        return where(x < ZERO, exp_of(square, square_low, TWO) - y, y)

    return erfcx


def erfc(t: Format):
    ZERO, TWO, FAR = *t.reals(0, 2), t.pick(28.0, 11.0)
    positive, exp_of = erfcx_positive(t), exp_sum(t)

    @kernel
    def erfc(x):
        size = fabs(x)
        a = at_most(size, FAR)
        square, square_low = two_product(a, a)
        y = exp_of(-square, -square_low, positive(a))
        return where(x < ZERO, TWO - y, y)

    return erfc
