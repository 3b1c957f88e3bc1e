"""Leaps of a patient search that crawls along a bent valley, for one problem.

On the floor of a bent valley a step that F allows is short, and each is followed by one that leads back to the floor.
A whole step of the model leads far up the wall, and the next one to the floor beyond: two steps instead of a hundred
(the watchdog technique: Chamberlain, Powell, Lemarechal & Pedersen 1982; Conn, Gould & Toint 2000, section 10.1).
So now and then a whole step is taken, whatever F does; where F is not lower than before after `LOOK` further trips,
the search goes on from where it was.
"""

import math

from .bounded import bounded_step, inner, jit
from .trust_state import FORCE, HOME_F, HOME_R, LAM, LEAP, LIMIT, MARK, PAUSE, SEARCHING, WAIT, F, R

LOOK = 3.0  # trips after a leap, in which F must become lower than before it
FIRST, SOON, LONGER = 8.0, 2.0, 2.0  # trips to the first leap, to one after another; how a pause grows after a failure
REACH = 0.3  # longest leap relative to x
SLOW = 0.5  # a search crawls where F falls by less than to this share of itself in such a pause


@jit
def begin(K):
    """No leap yet."""
    K[LEAP], K[WAIT], K[PAUSE], K[MARK] = 0.0, FIRST, FIRST, math.inf


@jit
def is_due(K, bounded):
    """Whether a search that crawls is to leap now, from a point where the radius cuts the whole step (``bounded``)."""
    K[WAIT] -= 1.0
    if K[WAIT] > 0.0 or K[LEAP] > 0.0 or not bounded:
        return False
    slow = K[F] > SLOW * K[MARK]
    K[MARK], K[WAIT] = K[F], K[PAUSE]
    return slow


@jit
def leap(A, gs, c, scale, home, y, K, L, d, v, z, w, negative, n):
    """The whole step y of the model A, at most `REACH` of x, and what must be kept of c; returns whether it is one."""
    size = 0.0
    for i in range(n):
        size += max(1.0, (c[i] / scale[i]) ** 2)
    _, definite = bounded_step(A, gs, REACH * math.sqrt(size), 0.0, y, L, d, v, z, w, negative, n)
    if not definite:
        return False
    K[HOME_F], K[HOME_R], K[LEAP], K[FORCE], K[LAM] = K[F], K[R], LOOK + 1.0, 1.0, 0.0
    K[R] = math.sqrt(inner(y, y, n))
    for i in range(n):
        home[i] = c[i]
    return True


@jit
def look_back(how, K, x, home, n):
    """After a trip of a leap that ended ``how``: whether it was worth it, or not yet clear, or the search goes on at
    home; returns how it stands."""
    if how == LIMIT:
        return how
    K[LEAP] -= 1.0
    if K[F] < K[HOME_F] and not K[FORCE] > 0.0:
        K[LEAP], K[WAIT], K[MARK], K[PAUSE] = 0.0, SOON, K[HOME_F], FIRST
        return how
    if how == SEARCHING and K[LEAP] > 0.0:
        return how
    K[LEAP], K[FORCE], K[R] = 0.0, 1.0, K[HOME_R]
    K[PAUSE] *= LONGER
    K[WAIT] = K[PAUSE]
    K[MARK] = K[HOME_F]
    for i in range(n):
        x[i] = home[i]
    return SEARCHING
