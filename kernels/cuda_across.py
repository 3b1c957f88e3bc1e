"""What a group of lanes does together in a trip (`spread.ACROSS`), for each family of iterations, in one table.

A family's file has ``together(kind, n, lanes, at, eps, sync)``, which gives device functions for one size.  A trip is
cut where a `Stop` stands; the kernel calls the functions there (`cuda_trip`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .iterations import ITERATIONS


@dataclass(frozen=True)
class Stop:
    """A place of a trip where the lanes work together.

    Attributes
    ----------
    calls : tuple of str
        Lines of the kernel; ``{0}``, ``{1}`` are the slots of the names that the trip gives to what is worked out.
    given : dict
        Vectors of the trip that lie in shared memory then, and where.
    found : dict
        Vectors of the trip that the lanes find in shared memory behind it, and where.
    head : tuple of str
        What the trip makes of scalars that were left in slots; ``total`` stands for the exchange of a sum.
    truths : tuple of str
        Which of those are truth values.
    """

    calls: tuple[str, ...]
    given: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, str] = field(default_factory=dict)
    head: tuple[str, ...] = ()
    truths: tuple[str, ...] = ()

    @property
    def slots(self) -> list[str]:
        """Scalars that the calls leave or read."""
        return re.findall(r"S\[(\w+)_\]", "\n".join(self.calls))

    def named(self, *names: str) -> "Stop":
        """With the names of the trip."""
        calls, head, truths = ([one.format(*names) for one in lines] for lines in (self.calls, self.head, self.truths))
        return replace(self, calls=tuple(calls), head=tuple(head), truths=tuple(truths))


@dataclass(frozen=True)
class Family:
    """Iterations whose lanes do the same together.

    Attributes
    ----------
    outputs : str
        What the trip needs of the formula (`cuda_tiles.outputs`).
    begin : Stop
        What is done before a trip.
    stops : dict
        What is done in it, by the (first) step that stands there.
    file, functions : str
        The file, and the names of its functions in the kernel's module.
    vectors, triangles : tuple of str
        Room in shared memory.
    parked : tuple of str
        Arrays of the iteration's state that lie there too, each lane's elements for itself.
    """

    outputs: str
    begin: Stop
    stops: Mapping[str, Stop] = field(default_factory=dict)
    file: str = ""
    functions: str = ""
    vectors: tuple[str, ...] = ()
    triangles: tuple[str, ...] = ()
    parked: tuple[str, ...] = ()


FINITE = Stop(
    ("S[finite_] = not_finite(K, t, u)",),
    found={"g": "g_0"},
    head=("total finite", "finite = finite == zero"),
    truths=("finite",),
)
DAMPED = Family(
    "fgh",
    FINITE,
    {
        "factor": Stop(
            ("S[{0}_] = one if factor(K, t, u, members) else zero", "solve_factored(K, t, u, members)"),
            found={"z": "y", "inverse": "inverse", "diagonal": "diagonal"},
            truths=("{0}",),
        ),
        "quadratic": Stop(("S[{0}_] = quadratic(K, t, u, members)",), {"z": "y"}, head=("total {0}",)),
    },
    "cuda_factor",
    "not_finite, factor, solve_factored, clear, quadratic",
    ("diagonal", "inverse", "y"),
)
HELD = Stop(("clear(K, t, u, members)",), {"hold": "y"})  # before `factor`, where there are bounds
PLAIN = Family(
    "fgh",
    FINITE,
    {
        "factor_plain": Stop(
            ("factor_plain(K, t, u, members)", "solve_factored(K, t, u, members)", "refine(K, t, u, members)"),
            {"q": "q"},
            found={"y": "y"},
        )
    },
    "cuda_plain",
    "not_finite, factor_plain, solve_factored, refine",
    ("q", "inverse", "y", "z", "left"),
    ("kept",),
)
ROOT = Family(
    "frj",
    Stop(
        (
            "gradient(K, t, u)",
            "S[finite_] = not_finite(K, t, u)",
            "S[vanish_], S[slopes_] = residuals_vanish(K, t, u)",
        ),
        found={"g": "g_0"},
        head=(
            *("total finite", "finite = finite == zero", "total vanish", "total slopes"),
            "vanish = (vanish == zero) & (slopes > zero)",
        ),
        truths=("finite", "vanish"),
    ),
    {
        "orthogonalise": Stop(
            ("S[{0}_], S[{1}_] = orthogonalise(K, t, u, members)", "backward(K, t, u, members)"),
            found={"z": "y"},
            truths=("{0}",),
        )
    },
    "cuda_orthogonal",
    "not_finite, gradient, residuals_vanish, orthogonalise, backward",
    ("g_0", "inverse", "y"),
    ("h_0_0",),
)
ALONG = Stop((), found={"g": "g_0"})
FAMILIES = {
    **dict.fromkeys(("gauss-newton", "exact", "minimize"), DAMPED),
    **dict.fromkeys(("root", "root-pure"), ROOT),
    "newton-pure": PLAIN,
    "gradient-descent": Family("fg", ALONG),
    "lbfgs": Family("fg", ALONG, parked=("d", "e", "sm", "ym")),
    "bfgs": Family(
        "fg",
        ALONG,
        {
            "bfgs_direction": Stop(
                (
                    "remember(K, t, u, members, S[gamma_], S[curvature_], S[keep_], S[plain_])",
                    "direction(K, t, u, members)",
                ),
                {"v": "v", "w": "w", "e": "e"},
                found={"z": "y"},
            )
        },
        "cuda_bfgs",
        "remember, direction",
        ("v", "w", "by", "e", "y"),
        ("b_0_0",),
    ),
}


def stop(phase: str, step: str, bounded: bool) -> Stop | None:
    """What is done where a step stands, if the trip stops there."""
    found = FAMILIES[phase].stops.get(step)
    if found and bounded and step == "factor":
        return replace(found, calls=HELD.calls + found.calls, given=HELD.given)
    return found


def registers(phase: str, elements: int) -> list[str]:
    """What a lane keeps of the state of an iteration, with so many elements of each vector, in its registers."""
    family = FAMILIES[phase]
    shared = (*family.parked, *(name.split("_")[0] for name in family.triangles))
    return [name for name in ITERATIONS[phase].slots(elements) if name.split("_")[0] not in shared]
