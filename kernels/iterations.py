"""The iterations: for each the function of one trip, what of its state lies in the workspace, in one table.

A new one is a function like `step.trip` in a file of its own and a row here; ``lanes`` and ``cuda`` make kernels of it.
Common to all: the trial point ``x``, the current point ``c``, the scales ``q``, F, F0, trips, moves and the exit code.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import bracket, descent, lbfgs, newton_pure, pure, step, trust_region


@dataclass(frozen=True)
class Iteration:
    """One trip, and its state.

    Attributes
    ----------
    trip : callable
        Plain loops over small arrays, as ``unroll`` takes them.  It returns the scalars, in their order.
    arrays : tuple of str
        Its parameters that are arrays.
    state : callable
        ``state(n)``: elements that it keeps from trip to trip and changes, beside ``x`` and ``q``.
    scalars, flags : tuple of str
        Scalars that it keeps, ``code`` the last; which of them are truth values.
    known : dict
        Its parameters that are constants.
    fraction : tuple of str
        The scalar that says how much of the step of the method was taken; or slope and fall, from which it follows
        (`history.part_of_newton`).  Empty where every step is a full one, None where there is no such number.
    """

    trip: Callable[..., Any]
    arrays: tuple[str, ...]
    state: Callable[[int], list[str]]
    scalars: tuple[str, ...]
    flags: tuple[str, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)
    edges: tuple[str, ...] = ("cut_0",)  # what it keeps, too, where there are bounds
    root: bool = False  # takes r and J, not f, g and H
    long: bool = False  # too long for one piece where there are many unknowns
    fraction: tuple[str, ...] | None = ("alpha",)

    def constants(self, n: int, **given: Any) -> dict[str, Any]:
        """Values of those parameters of the trip that are constants, of what is given."""
        known = {**given, **self.known, "n": n}
        return {name: known[name] for name in inspect.signature(self.trip).parameters if name in known}

    def slots(self, n: int) -> list[str]:
        """What lies in the workspace, in order."""
        return [*self.state(n), *vector("q", n), *self.scalars]


def vector(name: str, n: int) -> list[str]:
    """Elements of a vector."""
    return [f"{name}_{i}" for i in range(n)]


def vectors(names: str, n: int) -> list[str]:
    """Elements of several."""
    return [one for name in names for one in vector(name, n)]


def bfgs_state(n: int) -> list[str]:
    """The approximation of the inverse Hessian, too."""
    return [*vectors("cde", n), *(f"b_{i}_{j}" for i in range(n) for j in range(i + 1))]


def lbfgs_state(n: int) -> list[str]:
    """The pairs, too."""
    pairs = range(lbfgs.MEMORY)
    return [*vectors("cde", n), *(f"{name}_{m}_{i}" for name in ("sm", "ym") for m in pairs for i in range(n)),
            *vector("rho", lbfgs.MEMORY)]  # fmt: skip


def trust_state(n: int) -> list[str]:
    """Gradient and Hessian at the current point, too."""
    return [*vectors("cd", n), *vector("gc", n), *(f"hc_{i}_{j}" for i in range(n) for j in range(i + 1))]


def damped(phase: str) -> Iteration:
    """`step.trip`: damped Newton."""
    arrays = ("x", "g", "h", "r", "j", "c", "d", "q", "z", "lower", "inverse", "lo", "hi", "cut")
    scalars = ("F", "F0", "s", "alpha", "radius", "size", "over", "trips", "moves")
    scalars += ("settled", "tiny", "flat_before", "code")
    flags = ("settled", "tiny")
    known = {"phase": phase}
    return Iteration(step.trip, arrays, lambda n: vectors("cd", n), scalars, flags, known, root=phase == "root")


def along(phase: str, state: Callable[[int], list[str]]) -> Iteration:
    """`descent.trip`: a direction and a line search."""
    arrays = ("x", "g", "c", "e", "d", "q", "z", "v", "w", "b", "by", "sm", "ym", "rho", "share")
    scalars = ("F", "F0", "s", "slope", "alpha", "low", "f_low", "p_low", "high", "f_high", "p_high", "gamma")
    scalars += ("radius", "tries", "trips", "moves", "tiny", "plain", "code")
    return Iteration(descent.trip, arrays, state, scalars, ("tiny", "plain"), {"phase": phase}, long=True)


ITERATIONS = {
    **{phase: damped(phase) for phase in ("gauss-newton", "exact", "minimize", "root")},
    "trust-region": Iteration(
        trust_region.trip,
        ("x", "g", "h", "c", "d", "q", "z", "u", "v", "m", "gc", "hc", "lower", "inverse", "below", "pivots"),
        trust_state,
        ("F", "F0", "s", "slope", "fall", "lam", "radius", "size", "trips", "moves")
        + ("settled", "tiny", "flat_before", "code"),
        ("settled", "tiny"),
        long=True,
        fraction=("slope", "fall"),
    ),
    "root-pure": Iteration(
        pure.trip,
        ("x", "g", "r", "j", "c", "d", "q", "z", "lower", "inverse"),
        lambda n: vector("c", n),
        ("F", "F0", "trips", "moves", "code"),
        root=True,
        fraction=(),
    ),
    "bracket": Iteration(
        bracket.trip,
        ("x", "r", "j", "c", "lo", "hi"),
        lambda n: ["c_0"],
        ("F", "F0", "side", "scale", "before", "trips", "moves", "code"),
        edges=("lo_0", "hi_0"),
        root=True,
        fraction=None,
    ),
    "newton-pure": Iteration(
        newton_pure.trip,
        ("x", "g", "h", "c", "d", "q", "y", "z", "w", "lower", "inverse"),
        lambda n: vector("c", n),
        ("F", "F0", "s", "radius", "trips", "moves", "code"),
        fraction=(),
    ),
    "bfgs": along("bfgs", bfgs_state),
    "lbfgs": along("lbfgs", lbfgs_state),
    "gradient-descent": along("gradient-descent", lambda n: vectors("cde", n)),
}
