"""Numbers of the statuses, as kernels write them; `batchnewton.Status` gives them names and sentences."""

CONVERGED = 0
CONVERGED_AT_BOUND = 1
SADDLE = 2
SINGULAR = 3
STALLED = 4
MAX_ITER = 5
NOT_FINITE_AT_START = 6
NOT_FINITE = 7
UNBOUNDED = 8
TOO_FEW_POINTS = 9
NO_ROOT = 10
KINK = 11  # (given by the host, `batchnewton.kinks`)
NOT_RUN = -1  # interrupted before its turn
DOUBTED = -2  # within a solve: found by the fast path, and in doubt
