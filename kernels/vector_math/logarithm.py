"""log, log2, log10, log1p, and a logarithm in double the precision for powers and gamma.

x = 2**k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), and with s = f / (2 + f)

    log(1 + f) = 2 atanh(s) = 2 s + s**3 P(s**2) = f - (f**2/2 - s (f**2/2 + s**2 P(s**2)))

whose leading term f is exact (the scheme of fdlibm's e_log.c, Sun Microsystems 1993).
"""

from functools import cache
from math import inf, nan

from .bits import (
    Format,
    fast_two_sum,
    fma,
    kernel,
    polynomial,
    power_of_two,
    split_exponent,
    two_product,
    two_sum,
    where,
)
from .exponential import LN2_HIGH, LN2_LOW

LOG = (
    (0.6666666666666734, 0.3999999999941662, 0.28571428742036975, 0.22222198603696916, 0.18183562947363904,
     0.1531408169979187, 0.14795671953587303),
    (0.6666666, 0.40000975, 0.28498495, 0.24285798),
)  # fmt: skip
# the same in more than working precision: 2/3 exactly, and what is left of P
TWO_THIRDS = (float.fromhex("0x1.5555555555555p-1"), float.fromhex("0x1.555556p-1"))
LOG_TAIL = (
    (float.fromhex("0x1.5555555555555p-55"), 0.40000000000002256, 0.28571428570099616, 0.22222222519914758,
     0.1818178436788792, 0.15386757293774544, 0.13256818654318475, 0.13196320181049076),
    (float.fromhex("-0x1.555556p-26"), 0.40000153, 0.2854709, 0.23419574),
)  # fmt: skip
# base: (1 / log(base) in two parts, log(2) / log(base) in two parts, the first ending in zeros)
BASES = {
    2: (
        (float.fromhex("0x1.71547652b82fep+0"), float.fromhex("0x1.777d0ffda0d24p-56"), 1.0, 0.0),
        (float.fromhex("0x1.715476p+0"), float.fromhex("0x1.4ae0cp-26"), 1.0, 0.0),
    ),
    10: (
        (float.fromhex("0x1.bcb7b1526e50ep-2"), float.fromhex("0x1.95355baaafad3p-57"),
         float.fromhex("0x1.34413509f78p-2"), float.fromhex("0x1.fef311f12b358p-46")),
        (float.fromhex("0x1.bcb7b2p-2"), float.fromhex("-0x1.5b235ep-27"),
         float.fromhex("0x1.344p-2"), float.fromhex("0x1.3509f8p-18")),
    ),
}  # fmt: skip


@cache
def split(t: Format):
    """Like split_exponent, also for subnormal numbers."""
    NORMAL, UP = t.real(2.0 ** (1 - t.bias)), t.real(2.0 ** (t.mantissa + 1))
    ZERO, SHIFT = t.real(0), t.real(t.mantissa + 1)

    @kernel
    def split(x):
        subnormal = x < NORMAL
        m, k = split_exponent(where(subnormal, x * UP, x))
        return m, k - where(subnormal, SHIFT, ZERO)

    return split


@cache
def log_rest(t: Format):
    HALF, TWO, P = t.real(0.5), t.real(2), t.pick(*LOG)

    @kernel
    def log_rest(f):
        """log(1 + f) - f."""
        s = f / (TWO + f)
        z = s * s
        half_square = HALF * f * f
        return s * fma(z, polynomial(z, P), half_square) - half_square

    return log_rest


@cache
def log_ends(t: Format):
    ZERO, INF, NAN = t.reals(0, inf, nan)

    @kernel
    def log_ends(x, y):
        """y = log(x) where it is one: -inf at 0, inf at inf, NaN below 0 and at NaN."""
        return where(x < INF, where(x > ZERO, y, where(x == ZERO, -INF, NAN)), x)

    return log_ends


@cache
def log(t: Format):
    ONE, HIGH, LOW = t.real(1), t.pick(*LN2_HIGH), t.pick(*LN2_LOW)
    split_x, rest, ends = split(t), log_rest(t), log_ends(t)

    @kernel
    def log(x):
        m, k = split_x(x)
        f = m - ONE
        return ends(x, fma(k, HIGH, f + fma(k, LOW, rest(f))))

    return log


@cache
def log1p(t: Format):
    ONE, HIGH, LOW = t.real(1), t.pick(*LN2_HIGH), t.pick(*LN2_LOW)
    MAGIC, ZERO, MANY, TINY = t.magic, t.real(0), t.real(2.0**60), t.real(2.0 ** -(t.mantissa + 2))
    rest, ends = log_rest(t), log_ends(t)

    @kernel
    def log1p(x):
        """1 + x = u + c exactly; f = u 2**-k - 1 + c 2**-k."""
        u, c = two_sum(ONE, x)
        m, k = split_exponent(u)
        large = u > MANY
        f, f_low = two_sum(m - ONE, where(large, ZERO, c) * power_of_two(MAGIC - where(large, ZERO, k)))
        y = fma(k, HIGH, f + (f_low + fma(k, LOW, rest(f))))
        return where((x < TINY) & (x > -TINY), x, ends(u, y))

    return log1p


def _log_base(t: Format, base: int):
    C, C_LOW, HIGH, LOW = t.pick(*BASES[base])
    ONE = t.real(1)
    split_x, rest, ends = split(t), log_rest(t), log_ends(t)

    @kernel
    def log_base(x):
        m, k = split_x(x)
        f = m - ONE
        h, low = fast_two_sum(f, rest(f))
        p, e = two_product(h, C)
        e = fma(k, LOW, fma(h, C_LOW, fma(low, C, e)))
        s, e_sum = fast_two_sum(k * HIGH, p)
        return ends(x, s + (e_sum + e))

    return log_base


def log2(t: Format):
    return _log_base(t, 2)


def log10(t: Format):
    return _log_base(t, 10)


@cache
def log_sum(t: Format):
    ONE, TWO, C = *t.reals(1, 2), t.pick(*TWO_THIRDS)
    HIGH, LOW, P = t.pick(*LN2_HIGH), t.pick(*LN2_LOW), t.pick(*LOG_TAIL)
    split_x = split(t)

    @kernel
    def log_sum(x):
        """(h, l): log(x) = h + l to about 63 bits (f32: 34), for finite x > 0; l is a few units of h's last place."""
        m, k = split_x(x)
        f, d = m - ONE, m + ONE
        d_low = m - (d - ONE)
        reciprocal = ONE / d
        s = f * reciprocal
        s_low = fma(-s, d_low, fma(-s, d, f)) * reciprocal
        z, z_low = two_product(s, s)
        z_low = fma(s + s, s_low, z_low)
        c, c_low = fast_two_sum(C, polynomial(z, P))
        w, w_low = two_product(z, c)
        w_low = fma(z, c_low, fma(z_low, c, w_low))
        # 2 s + s w, then + k log(2); the second fused step of each pair is the rounding error of the first
        h = fma(s, w, s + s)
        h_low = fma(s, w, (s + s) - h)
        total = fma(k, HIGH, h)
        total_low = fma(k, HIGH, -total) + h
        rest = fma(s, w_low, fma(s_low, w + TWO, h_low))
        return total, total_low + fma(k, LOW, rest)

    return log_sum
