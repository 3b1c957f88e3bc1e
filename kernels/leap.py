"""Leaps of a patient search that crawls along a bent valley, for one problem.

On the floor of a bent valley a step that F allows is short, and each is followed by one that leads back to the floor.
A whole step of the model leads far up the wall, and the next one to the floor beyond: two steps instead of a hundred
(the watchdog technique: Chamberlain, Powell, Lemarechal & Pedersen 1982; Conn, Gould & Toint 2000, section 10.1).
So where that promises more than the last trips have brought, it is taken, whatever F does; where F is not lower than
before after `LOOK` trips, the search goes on from where it was.
"""

import math

from .bounded import bounded_step, inner, jit
from .trust_state import FORCE, GOAL, HOME_R, LAM, LEAP, LIMIT, MARK, PAUSE, SEARCHING, START, WAIT, F, R

LOOK = 3.0  # trips after a leap, in which F must become lower than before it
FIRST, SOON, LONGER = 8.0, 2.0, 2.0  # trips to the first leap, to one after another; how a pause grows after a failure
REACH = 0.3  # longest leap relative to x
WORTH = 0.01  # share of its promise that F must have fallen by after a leap
TRIFLE, FTOL = 1e-12, 1e-20  # promises that are rounding, beside F, and beside the fall of F so far


@jit
def begin(K):
    """No leap yet."""
    K[LEAP], K[WAIT], K[PAUSE], K[MARK] = 0.0, FIRST, FIRST, math.inf


@jit
def is_due(K, bounded):
    """Whether it is time to look for a leap, from a point where the radius cuts the whole step (``bounded``)."""
    K[WAIT] -= 1.0
    return K[WAIT] <= 0.0 and not K[LEAP] > 0.0 and bounded


@jit
def leap(A, gs, c, scale, home, y, K, whole, L, d, v, z, w, negative, n):
    """The whole step of the model A into y, at most `REACH` of x, where it promises more than the trips since the last
    look have brought, and than rounding; and what must be kept of c."""
    gained = K[MARK] - K[F]
    K[MARK], K[WAIT] = K[F], K[PAUSE]
    size = 0.0
    for i in range(n):
        size += max(1.0, (c[i] / scale[i]) ** 2)
    _, definite = bounded_step(A, gs, REACH * math.sqrt(size), 0.0, whole, L, d, v, z, w, negative, n)
    promise = -0.5 * inner(gs, whole, n)
    least = max(gained, TRIFLE * abs(K[F]), FTOL * (K[START] - K[F]))
    if not (definite and promise > least):
        return
    K[GOAL], K[HOME_R], K[LEAP], K[FORCE], K[LAM] = K[F] - WORTH * promise, K[R], LOOK + 1.0, 1.0, 0.0
    K[R] = math.sqrt(inner(whole, whole, n))
    for i in range(n):
        home[i], y[i] = c[i], whole[i]


@jit
def look_back(how, K, x, home, n):
    """After a trip of a leap that ended ``how``: whether it was worth it, or not yet clear, or the search goes on at
    home; returns how it stands."""
    if how == LIMIT:
        return how
    K[LEAP] -= 1.0
    if K[F] < K[GOAL] and not K[FORCE] > 0.0:
        K[LEAP], K[WAIT], K[MARK], K[PAUSE] = 0.0, SOON, K[F], FIRST
        return how
    if how == SEARCHING and K[LEAP] > 0.0:
        return how
    K[LEAP], K[FORCE], K[R] = 0.0, 1.0, K[HOME_R]
    K[PAUSE] *= LONGER
    K[WAIT] = K[PAUSE]
    K[MARK] = K[GOAL]
    for i in range(n):
        x[i] = home[i]
    return SEARCHING
