"""How far along a direction: line searches for one problem, one trial point a trip; every choice is a select.

At ``c + alpha d`` the function is f and its slope ``p = gᵀd``; at c they are F and ``-slope``.  Where what a step
promises is below the rounding of F (``tiny``), f may be higher by that much and the slopes decide (approximate Wolfe
test, Hager & Zhang 2005, SIAM J. Optim. 16, 170).
"""

ARMIJO = 1e-4  # sufficient decrease: f <= F - ARMIJO alpha slope
CURVATURE = 0.9  # strong Wolfe condition: |p| <= CURVATURE slope
NEAR_BEST = 0.1  # backtracking: a step within a tenth of the best one is taken as it is
SOME, ENOUGH = 3.0, 10.0  # trials, after which sufficient decrease is enough: of backtracking, of bracketing
NARROWEST, WIDEST = 0.1, 0.9  # where in a bracket the next trial may lie
NONE = -1.0  # as the high end of a bracket: there is none yet
LEAST, MOST = 0.1, 10.0  # by which a trial step is changed at most, where there is no bracket


def clamped(value, least, most):
    """``value`` within limits; NaN becomes the lower one."""
    value = value if value > least else least
    return value if value < most else most


def sufficient(f, F, slope, alpha, tiny, eps):
    """Sufficient decrease (Armijo 1966), and where F is at its rounding level no increase beyond that."""
    return (f <= F - ARMIJO * (alpha * slope)) | (tiny & (f <= F + (450 * eps) * abs(F)))


def armijo(f, p, finite, F, slope, alpha, tries, tiny, eps):
    """Backtracking with interpolation; returns whether to accept, and the next step.

    ``alpha slope / (slope + p)`` is where the parabola through both slopes is least.  A step further from it than a
    tenth is tried again there, a few times, so that along a quadratic the search is exact.
    """
    enough = sufficient(f, F, slope, alpha, tiny, eps)
    bend = slope + p
    curved = bend > 0.0
    ratio = slope / (bend if curved else 1.0)
    ratio = ratio if curved else MOST
    best = (ratio >= 1.0 - NEAR_BEST) & (ratio <= 1.0 + NEAR_BEST)
    accept = finite & enough & (best | (tries >= SOME))
    most = MOST if enough else 0.5
    factor = clamped(ratio, LEAST, most)
    return accept, alpha * (factor if finite else LEAST)


def wolfe(f, p, finite, F, slope, alpha, low, f_low, p_low, high, f_high, p_high, tries, tiny, eps, sqrt):
    """Strong Wolfe conditions by bracketing and cubic interpolation (Nocedal & Wright 2006, algorithms 3.5 and 3.6).

    ``low`` is the best step so far (f_low, slope p_low); a minimum lies between it and ``high``, once that is not
    negative (NONE).
    Returns whether to accept, the next step, and the bracket.
    """
    enough = sufficient(f, F, slope, alpha, tiny, eps)
    flat = abs(p) <= CURVATURE * slope
    accept = finite & enough & (flat | (tries >= ENOUGH))
    higher = p > 0.0 if tiny else f >= f_low
    above = (not finite) | (not enough) | higher
    between = high >= 0.0
    side = high - low if between else 1.0
    turned = (not above) & (p * side >= 0.0)
    high = low if turned else high
    f_high = f_low if turned else f_high
    p_high = p_low if turned else p_high
    high = alpha if above else high
    f_high = f if above else f_high
    p_high = p if above else p_high
    between = above | turned | between
    reach = alpha - low  # beyond the best step, before this one takes its place
    gone = p_low - p  # the same change again leads to slope 0
    bends = gone < 0.0
    share = p / (gone if bends else 1.0)
    further = reach * (clamped(share, 1.0, MOST) if bends else MOST)
    low = low if above else alpha
    f_low = f_low if above else f
    p_low = p_low if above else p
    width = high - low
    share = clamped(cubic(width, f_low, p_low, f_high, p_high, tiny, sqrt), NARROWEST, WIDEST)
    inside = low + share * width
    beyond = alpha + further
    alpha = inside if between else beyond
    return accept, alpha, low, f_low, p_low, high, f_high, p_high


def cubic(width, f_low, p_low, f_high, p_high, tiny, sqrt):
    """Where in a bracket, from 0 at its low end to 1, the cubic of both values and slopes is least (Nocedal & Wright
    2006, eq. 3.59); where values say nothing (``tiny``), where the line through the slopes is zero."""
    first = p_low * width
    last = p_high * width
    middle = first + last + 3.0 * (f_low - f_high)
    under = middle * middle - first * last
    root = sqrt(under if under > 0.0 else 0.0)
    share = 1.0 - (last + root - middle) / (last - first + 2.0 * root)
    line = first / (first - last)
    return line if tiny else share
