"""gamma, lgamma, digamma, trigamma, in float64; the float32 ones compute in float64 and round once.

Gamma of a > 0: below 8.5 from log Gamma(2 + u) = u P(u) on |u| <= 1/2 and the factors that lead there; above by
Stirling's series. Digamma and trigamma: Stirling's series from 7 on; below, the seven terms 1 / (x + i) or their
squares that lead there, those after the first as one quotient. Left of 0 all reflect (Abramowitz & Stegun 1964, 6.1.17,
6.3.7, 6.4.7).

Near a zero of lgamma or digamma the absolute error is small, not the relative one.
"""

from math import inf, nan

import numpy as np

from .bits import (
    F32,
    F64,
    at_most,
    copysign,
    fabs,
    fast_two_sum,
    fma,
    kernel,
    polynomial,
    rint,
    two_product,
    two_sum,
    where,
)
from .exponential import exp_sum
from .logarithm import log as log_
from .logarithm import log_sum
from .trigonometric import PI

LGAMMA = (
    0.42278433509846713, 0.3224670334241133, -0.06735230105319574, 0.02058080842776596, -0.007385551028925379,
    0.002890510331841352, -0.001192753901325173, 0.0005096694951189906, -0.00022315497231894008,
    9.945794411809351e-05, -4.4923771499318224e-05, 2.0503544406947877e-05, -9.456080700981412e-06,
    4.393519158522933e-06, -1.9748224281270894e-06, 8.999053936550008e-07, -5.806159066190854e-07,
    2.977025318494611e-07,
)  # fmt: skip
LGAMMA_FAR = (
    0.0833333333333332, -0.002777777777517248, 0.0007936506444554523, -0.0005952014066151111, 0.0008373330591279691,
    -0.0016569328147072343,
)  # fmt: skip
SIN_PI = (
    -5.167712780049969, 2.550164039877269, -0.5992645293177656, 0.08214588655280723, -0.007370430321758186,
    0.0004662989049263876, -2.190117147630099e-05, 7.673869417429746e-07,
)  # fmt: skip
DIGAMMA_FAR = (
    0.08333333333333229, -0.008333333332009873, 0.003968253400233196, -0.004166550511798696, 0.0075629313263557195,
    -0.02029848594181646, 0.05649766058262823,
)  # fmt: skip
TRIGAMMA_FAR = (
    0.16666666666666605, -0.03333333333232682, 0.023809523251414062, -0.0333331831977234, 0.07573506537016848,
    -0.25111748056897426, 1.060741711223277, -3.82467633712589,
)  # fmt: skip
# (x + 1) ... (x + 6), its derivative, and the numerator of the sum of their reciprocal squares
FACTORS = (720.0, 1764.0, 1624.0, 735.0, 175.0, 21.0, 1.0)
SLOPES = (1764.0, 3248.0, 2205.0, 700.0, 105.0, 6.0)
SQUARES = (
    773136.0, 2554272.0, 3762752.0, 3237360.0, 1797035.0, 671790.0, 171248.0, 29400.0, 3255.0, 210.0, 6.0,
)  # fmt: skip
HALF_LOG_2PI, HALF_LOG_2PI_LOW = 0.9189385332046728, -3.8782941580672414e-17
PI_HIGH, PI_LOW, _ = PI[0]
PI_SQUARED, PI_SQUARED_LOW = 9.869604401089358, 6.265295508739711e-16
OVERFLOW = 5.562684646268003e-309  # below, 1 / x is infinite

log, log_of, exp_of = log_(F64), log_sum(F64), exp_sum(F64)


@kernel
def sin_pi(d):
    """sin(pi d) for |d| <= 1/2, in two parts."""
    z = d * d
    rest = d * fma(z, polynomial(z, SIN_PI), PI_LOW)
    sine = fma(d, PI_HIGH, rest)
    return sine, fma(d, PI_HIGH, -sine) + rest


@kernel
def quotient(x, x_low, y, y_low):
    """(q, q_low): (x + x_low) / (y + y_low)."""
    reciprocal = 1.0 / y
    q = x * reciprocal
    return q, (fma(-q, y, x) + fma(-q, y_low, x_low)) * reciprocal


@kernel
def times(p, p_low, factor, wanted):
    """The product p + p_low with one more factor, if it is wanted."""
    factor = where(wanted, factor, 1.0)
    q, q_low = two_product(p, factor)
    return q, fma(p_low, factor, q_low)


@kernel
def reduce(a):
    """(base, p, p_low, below) for 0 < a < 8.5.

    Gamma(a) = e**base (p + p_low), or e**base / (a (p + p_low)) where `below`.
    """
    nearest = rint(a)
    u = a - nearest
    p, p_low = times(1.0, 0.0, a - 1.0, nearest > 2.0)
    p, p_low = times(p, p_low, a - 2.0, nearest > 3.0)
    p, p_low = times(p, p_low, a - 3.0, nearest > 4.0)
    p, p_low = times(p, p_low, a - 4.0, nearest > 5.0)
    p, p_low = times(p, p_low, a - 5.0, nearest > 6.0)
    p, p_low = times(p, p_low, a - 6.0, nearest > 7.0)
    next_one, next_low = two_sum(1.0, a)
    p, p_low = where(nearest < 1.0, next_one, p), where(nearest < 1.0, next_low, p_low)
    return u * polynomial(u, LGAMMA), p, p_low, nearest < 2.0


@kernel
def stirling(a, h, low):
    """log Gamma(a) in two parts from log(a) = h + low: (a - 1/2) log a - a + log(2 pi)/2 + P(1/a**2)/a."""
    p, p_low = two_product(a - 0.5, h)
    reciprocal = 1.0 / a
    series = reciprocal * polynomial(reciprocal * reciprocal, LGAMMA_FAR)
    s, s_low = fast_two_sum(p, -a)
    s, s_more = fast_two_sum(s, HALF_LOG_2PI)
    return fast_two_sum(s, fma(a - 0.5, low, p_low) + (s_low + (s_more + (HALF_LOG_2PI_LOW + series))))


@kernel
def gamma(x):
    size = fabs(x)
    a = at_most(size, 200.0)
    far, negative = a >= 8.5, x < 0.0
    base, p, p_low, below = reduce(where(far, 2.0, a))
    correction = p_low / p
    h, low = log_of(where(far, a, 9.0))
    e, e_low = stirling(where(far, a, 9.0), h, low)
    e, e_low = where(far, e, base), where(far, e_low, where(below, -correction, correction))
    nearest = rint(size)
    sine, _ = sin_pi(size - nearest)
    sine = where(2.0 * rint(0.5 * nearest) == nearest, sine, -sine)
    above_line = where(negative, where(below, p, 1.0) * -PI_HIGH, where(below, 1.0, p))
    below_line = where(negative, where(below, 1.0, a * p) * sine, where(below, a * p, 1.0))
    y = exp_of(where(negative, -e, e), where(negative, -e_low, e_low), above_line / below_line)
    y = where(negative & (sine == 0.0), nan, y)
    return where(size < OVERFLOW, copysign(inf, x), y)


@kernel
def lgamma(x):
    """log|Gamma(x)|."""
    a = fabs(x)
    far = a >= 8.5
    base, p, _, below = reduce(where(far, 2.0, a))
    h, low = log_of(where(far, where(a < inf, a, 9.0), where(below, where(a > 0.0, a, 1.0) * p, p)))
    e, e_low = stirling(where(far, a, 9.0), h, low)
    y = where(far, e + e_low, where(below, base - low - h, (base + low) + h))
    y = where((a > 0.0) & (e < inf) & (a < inf), y, a + inf)
    sine, _ = sin_pi(a - rint(a))
    reflected = where(a < inf, log(PI_HIGH / (a * fabs(sine))) - y, inf)
    return where((x < 0.0) & (a > 1e-20), reflected, y)


@kernel
def digamma(x):
    negative = x < 0.0
    a = where(negative, 1.0 - x, x)
    near = a < 7.0
    c = where(near, a, 1.0)
    y = where(near, a + 7.0, a)
    reciprocal = 1.0 / y
    w = reciprocal * reciprocal
    h, low = log_of(where(y < inf, y, 1.0))
    low = low - fma(w, polynomial(w, DIGAMMA_FAR), 0.5 * reciprocal)
    psi = where(near, (h - polynomial(c, SLOPES) / polynomial(c, FACTORS)) - 1.0 / c, h) + low
    psi = where(y < inf, psi, y)
    d = x - rint(x)
    sine, sine_low = sin_pi(d)
    cosine, cosine_low = sin_pi(0.5 - fabs(d))
    cotangent, low = quotient(cosine, cosine_low, sine, sine_low)
    reflected = fma(-PI_HIGH, cotangent, fma(-PI_HIGH, low, fma(-PI_LOW, cotangent, psi)))
    reflected = where(d == 0.0, nan, where(fabs(cotangent) < inf, reflected, -cotangent))
    return where(negative, reflected, where(x == 0.0, copysign(inf, -x), psi))


@kernel
def trigamma(x):
    negative = x < 0.0
    a = where(negative, 1.0 - x, x)
    near = a < 7.0
    c = where(near, a, 1.0)
    y = where(near, a + 7.0, a)
    reciprocal = 1.0 / y
    w = reciprocal * reciprocal
    psi = fma(0.5, w, fma(w * reciprocal, polynomial(w, TRIGAMMA_FAR), reciprocal))
    product, first = polynomial(c, FACTORS), 1.0 / c
    psi = where(near, fma(first, first, polynomial(c, SQUARES) / (product * product) + psi), psi)
    sine, sine_low = sin_pi(x - rint(x))
    square, square_low = two_product(sine, sine)
    pole, low = quotient(PI_SQUARED, PI_SQUARED_LOW, square, fma(2.0 * sine, sine_low, square_low))
    return where(negative, where(pole < inf, pole + (low - psi), pole), psi)


def _rounded(f64):
    """The float32 function of a float64 one."""

    @kernel
    def rounded(x):
        return np.float32(f64(np.float64(x)))

    return rounded


def either(f64):
    """The formula that gives a format its version."""
    return lambda t: _rounded(f64) if t is F32 else f64
