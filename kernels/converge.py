"""Stop tests of one problem.  Each test stands beside its inequality; all are free of units.

``s = gᵀ H⁻¹ g`` is the squared Newton decrement: the next Newton step promises to lower F by s / 2.
"""

# How a problem left the fast path (0 while it runs).
RUNNING = 0.0
CONVERGED = 1.0  # the tests below hold
NEXT_PHASE = 2.0  # Gauss-Newton is near enough: the exact Hessian takes over at the next trial point
HAND_OVER = 3.0  # no case for the fast path: the trust-region method takes over from the start
NOT_FINITE_AT_START = 4.0
DOUBTFUL = 8.0  # the tests below hold, but H may be definite by rounding: the trust-region method looks into it
ENDED = 16.0  # with this status (`status`), which is added: of the searches that hand nothing over
# How a problem left a method that was chosen by name, which keeps its last point (NEXT_PHASE there: it found what it
# takes for a minimum, or no further decrease).
AT_LIMIT = 5.0
EDGE = 6.0  # no way on but to where f is not finite
AWAY = 7.0  # x grew beyond all bounds

NEAR = 1e-2  # Gauss-Newton hands on when s / 2 <= NEAR F ...
SLOW = 0.11  # ... or, when s / 2 <= 3 NEAR F, as soon as a step leaves more than this share of s
QUICK = 0.05  # of x³ an exact Newton step leaves 1/8 of s, of x⁴ 1/5
SMALL = 1e-12
MARGIN = 0.1  # how far below the tolerance a step must be that is foreseen
CLOSING = 0.01  # part of s that the step before that one may have left
FIRM = 4.0  # times the relative length of a step: a pivot that is a larger part of its diagonal outlasts the step
NOISE = 16.0  # roundings in a difference of two values of F
STEADY = 1.5  # near a strict minimum the determinant of H no longer changes by more than this in one step
NEAR_ZERO, FINE_ZERO = 100.0, 1e4  # where x_i tends to zero, a step is compared with this part of its scale
RESIDUAL = 4.5  # a residual vanishes when |r_q| <= RESIDUAL eps sum_i |J_qi x_i|


def excess(c, d, q, factor, tol, fine, n):
    """``max_i factor |d_i| - tol max(|c_i|, s_i / fine)`` in units of s_i = 1 / q_i."""
    most = -1.0
    for i in range(n):
        reach = abs(q[i] * c[i])
        reach = reach if reach > 1.0 / fine else 1.0 / fine
        share = factor * abs(q[i] * d[i]) - tol * reach
        most = share if share > most else most
    return most


def within(c, d, q, tol, fine, n):
    """Whether the step d is short: ``|d_i| <= tol max(|c_i|, s_i / fine)`` for all i, where q_i = 1 / s_i."""
    return excess(c, d, q, 1.0, tol, fine, n) <= 0.0


def visible(h, c, q, F, n, eps):
    """Whether changing an unknown by all of itself (or of its start) would be seen in F:
    ``h_ii max(x_i², s_i²) > eps |F|`` for all i, where q_i = 1 / s_i."""
    least = 1.0
    for i in range(n):
        reach = abs(q[i] * c[i])
        reach = reach if reach > 1.0 else 1.0
        share = (h[i, i] * reach) * reach - (eps * abs(F)) * (q[i] * q[i])
        least = share if share < least else least
    return least > 0.0


def beyond_doubt(h, inverse, c, q, fall, n, eps, doubt, slight):
    """Whether H, whose pivots are d_i = 1 / ``inverse``, is definite by far more than rounding makes of it:

    - every pivot is more than the part ``doubt`` of its diagonal element, so that no direction is flat beside others;
    - what changing an unknown by all of itself (or of its start) does to F, ``w_i = h_ii r_i²``, r_i = max(|x_i|, s_i),
      is seen beside what others do and F's ``fall``: ``min w_i min d_j / h_jj > max(slight max w_i, eps fall)``.
      Rounding of the largest element of H is a larger part of a small one, and that part of the pivots that come after
      it.  An unknown whose start and end are zero but for rounding has no size of its own: r_i is at least SMALL of the
      largest of x.

    What a valley of minima, or a decay without amplitude, leaves of a pivot is rounding, and does not shrink any more.
    Returns that, and ``max h_ii / d_i``.
    """
    most = 0.0
    for i in range(n):
        size = abs(c[i])
        most = size if size > most else most
    high = (eps / slight) * fall
    narrow = 0.0
    for i in range(n):
        scale = q[i]  # on CUDA each q[i] is read anew
        reach = abs(scale * c[i])
        reach = reach if reach > 1.0 else 1.0
        weight = ((h[i, i] * reach) * reach) / (scale * scale)
        high = weight if weight > high else high
        share = h[i, i] * inverse[i]
        narrow = share if share > narrow else narrow
    light = high
    for i in range(n):
        scale = q[i]
        part = (SMALL * most) * scale
        reach = abs(scale * c[i])
        reach = reach if reach > 1.0 else 1.0
        part = part if part > reach else reach
        weight = ((h[i, i] * part) * part) / (scale * scale)
        light = weight if weight < light else light
    return (light > (slight * high) * narrow) & (doubt * narrow < 1.0), narrow


def flatness(inverse, q, size, n):
    """``1 / det H`` without units: the product of ``size q_j² / d_j`` over the pivots d_j, with ``inverse`` 1 / d_j.

    Along a valley of minima, and towards an inflexion, one pivot vanishes as the gradient does, so that H is positive
    definite at every point but not at the end: a minimum is strict where ``flatness`` and ``flatness_before`` differ by
    a factor of at most STEADY; of what is rounding they differ by more.
    """
    size = size if size > 0.0 else 1.0
    product = 1.0
    for j in range(n):
        product = product * (size * (q[j] * q[j]) * inverse[j])
    return product


def near_minimum(F, s, s_before, moved):
    """Whether Gauss-Newton is near enough to a minimum to hand on to the exact Hessian."""
    close = 0.5 * s <= NEAR * F
    slow = moved & (0.5 * s <= (3.0 * NEAR) * F) & (s > SLOW * s_before)
    return close | slow


def minimum(F, F0, s, s_before, steepest, moved, short, tight, seen, ftol, gtol, tight_f, floor, eps):
    """Whether x is a minimum, given that H is positive definite and the Newton step ``short``:

    - ``s / 2 <= ftol |F|``, or ``max |g_i| <= gtol``, or
      ``s / 2 <= tight_f (F0 - F)`` and the step is ``tight`` (where F itself tends to zero); but where the last step
      left more than the share QUICK of s, convergence is not quadratic: x⁴, or the inflexion of x³; and s = 0 counts
      only where g = 0, not where s underflows (``eps s`` is 0 below the normal numbers);
    - a Newton step no longer reduces ``s / 2 < floor |F|`` to a quarter (rounding), and H is ``seen`` (`visible`).
    """
    size = abs(F)
    quick = (((not moved) | (s <= QUICK * s_before)) & (eps * s > 0.0)) | (steepest == 0.0)
    small = (0.5 * s <= ftol * size) | (steepest <= gtol)
    gained = (0.5 * s <= tight_f * (F0 - F)) & tight
    bottom = moved & seen & (0.5 * s < floor * size) & (s >= 0.25 * s_before)
    return short & ((quick & (small | gained)) | bottom)


def foreseen(F, s, ratio, gain, promise, moved, c, d, q, ftol, xtol, ahead, n, eps, sqrt):
    """Whether the next Newton step surely ends it, so that it may be taken without looking.

    Near a minimum ``s_next = K s²``; the last step shows ``K = s / s_before²``, ``ratio = s / s_before``, so that
    ``s_next = ratio² s`` and ``|d_next| = ratio |d|``.  With ``s / 2 <= sqrt(ftol) |F|`` and a step d within
    ``sqrt(xtol)``, the tests are ``s_next / 2 <= ftol |F|`` and ``|d_next| <= MARGIN xtol max(|x|, ...)``.

    ``moved`` by a full step, that is.  After a leap across a wavy function s may be small by chance, at no minimum.  So
    the step must not promise more than ``ahead |F|``, and the ``gain`` of the last one agree with its ``promise`` as
    the slopes do: a third derivative that leaves ``ratio`` of s changes the gain by two thirds of its root.
    """
    size = abs(F)
    near = (0.5 * s <= sqrt(ftol) * size) & (0.5 * s <= ahead * size)
    least = sqrt(xtol)
    part = (1.0 / MARGIN) * ratio
    factor = part if part > least else least
    short = excess(c, d, q, factor, xtol, NEAR_ZERO, n) <= 0.0
    off = abs(gain - promise) - (NOISE * eps) * size
    off = off if off > 0.0 else 0.0
    agrees = (ratio <= CLOSING) & (off * off <= (ratio * promise) * promise)
    return moved & short & near & agrees & (0.5 * s * ratio * ratio <= ftol * size)


def residuals_vanish(r, j, x, n, eps):
    """Whether every residual is zero to the rounding of x, at a point where the Jacobian is not."""
    vanish = True
    slopes = 0.0
    for i in range(n):
        size = 0.0
        for k in range(n):
            size = size + abs(j[i, k] * x[k])
            slopes = slopes + abs(j[i, k])
        vanish = vanish & (abs(r[i]) <= (RESIDUAL * eps) * size)
    return vanish & (slopes > 0.0)


def arrived(F, gain, moved, tight, tight_x, eps):
    """Whether x is a root but for the next step, which is ``tight`` (``tight_x`` of x).

    The last step left the share ``F / (F + gain)`` of |F|², so the next one, of an iteration that converges
    quadratically, leaves this share of |F|: no more than is within the rounding of x.
    """
    return moved & tight & (F <= (RESIDUAL * eps / tight_x) * (F + gain))


def worse(F, before, top, eps, sqrt):
    """Whether a phase ended higher, F, than the one before it, by more than rounding: a sum of squares that began at
    ``top`` and vanishes keeps rounding errors of the order of ``eps² top``."""
    return F > before + sqrt(eps) * abs(before) + (1e3 * eps * eps) * top
