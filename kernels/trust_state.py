"""The state of a patient search (``trust``), by position in its arrays."""

MINIMIZE, LEAST_SQUARES, ROOT = range(3)

# How a search ended.
SEARCHING, FOUND, LIMIT, STALLED, FLAT, DIVERGED, BAD_START, BAD_STEP, DEGENERATE = range(9)

# Scalars; F0 is F at the start or after the last forced step, START that of the start; from LEAP on those of
# a leap, from LOOK on those of a look from beside (``doubt``).
(F, F0, R, LAM, TAU, DEC, SLOPE, PRED, PRED_H, PRED_B, STEP, TRIPS, MOVES, EXACT, NEWTON, TINY, GAINED, FORCE, TURNS,
 BACK, GROWTH, FAR, SHRUNK, SHARE, START, LEAP, WAIT, PAUSE, MARK, GOAL, HOME_R, LOOK, BESIDE, APART, BLIND, EVERY,
 FELL, SCALARS) = range(38)  # fmt: skip

# Vectors: trial and current point, step, scale; gradient and residuals there, and at the trial point; the point before
# a leap.
X, C, Y, UNIT, GC, RC, G, RESIDUALS, HOME, VECTORS = range(10)

ROOM = 4, 7  # matrices and vectors that a trip needs to work with
