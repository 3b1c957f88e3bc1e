"""How a problem ended, and what to try."""

from enum import IntEnum

from .kernels import status as codes


class Status(IntEnum):
    """How a problem ended.  Only the first two are a success; each says no more than is known."""

    CONVERGED = codes.CONVERGED
    """A certified minimum: the exact Hessian is positive definite and the Newton step has vanished
    (``gᵀ H⁻¹ g / 2 <= ftol |F|`` and ``|d_i| <= xtol max(|x_i|, |x0_i| / 100)``, or both at rounding level).
    For `root`: a true root."""
    CONVERGED_AT_BOUND = codes.CONVERGED_AT_BOUND
    """The same, with some parameters at their bounds."""
    SADDLE = codes.SADDLE
    """The gradient has vanished, but the Hessian has a negative curvature: a saddle or a maximum."""
    SINGULAR = codes.SINGULAR
    """The gradient has vanished, but the Hessian is singular: the parameters are not all determined."""
    STALLED = codes.STALLED
    """No decrease is possible at machine precision, and the gradient is not small."""
    MAX_ITER = codes.MAX_ITER
    """``max_iter`` evaluations, in all phases together, were not enough; x is the best point that was met."""
    NOT_FINITE_AT_START = codes.NOT_FINITE_AT_START
    """f, its gradient or its Hessian is NaN or infinite at the start (or the data are)."""
    NOT_FINITE = codes.NOT_FINITE
    """The search ended at the edge of where f is finite (of "newton-pure": its next step led beyond it)."""
    UNBOUNDED = codes.UNBOUNDED
    """x grew beyond 1e20 times its start: the function seems to have no minimum."""
    TOO_FEW_POINTS = codes.TOO_FEW_POINTS
    """Fewer data points than free parameters."""
    NO_ROOT = codes.NO_ROOT
    """`root`: a local minimum of ``|F|`` that is not a root, or ``|F|`` that falls for ever until it underflows; or no
    change of sign in the bracket, a jump, a pole."""
    KINK = codes.KINK
    """The search ended where the function has a kink or a jump: its slopes on the two sides differ, and from the end it
    does not fall.  Perhaps a minimum, but none that a Hessian can certify; standard errors mean nothing there."""
    NOT_RUN = codes.NOT_RUN
    """Interrupted before its end (see `Interrupted`); x is the start."""


SUCCESS = (Status.CONVERGED, Status.CONVERGED_AT_BOUND)

ADVICE = {
    Status.CONVERGED: "converged: a certified minimum (root: a true root)",
    Status.CONVERGED_AT_BOUND: "converged: a certified minimum, with parameters at their bounds",
    Status.SADDLE: "stopped at a saddle or a maximum; try another start",
    Status.SINGULAR: "the gradient is zero but the Hessian is singular: not all parameters are determined by the data",
    Status.STALLED: "no further decrease at machine precision; try another start, other units, or float64",
    Status.MAX_ITER: "not finished within max_iter; start nearer to the solution, give bounds, or raise it",
    Status.NOT_FINITE_AT_START: "the formula is not finite at the start: look at p0 (x0), NaN in the data, sigma <= 0",
    Status.NOT_FINITE: "the search ended where the formula stops being finite; try another start",
    Status.UNBOUNDED: "the function falls without end in some direction: it seems to have no minimum",
    Status.TOO_FEW_POINTS: "fewer data points than parameters",
    Status.NO_ROOT: "a local minimum of |F| that is not a root, |F| that falls for ever, or no root in the bracket",
    Status.KINK: "ended at a kink or jump of the function: hold the break (fixed=), smooth it, compare starts=",
    Status.NOT_RUN: "interrupted before it was finished; x is the start",
}
