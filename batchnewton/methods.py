"""The methods: what each word that ``method=`` may be stands for, in one table.

A method is a direction (steepest descent, BFGS, L-BFGS, Newton, Gauss-Newton) with a globalisation (none, Armijo
backtracking, strong Wolfe conditions, damping, trust region); ``kernels/iterations.py`` holds the iterations.  A new
one is an iteration and a row here.
"""

from __future__ import annotations

from dataclasses import dataclass

WITHOUT_END = 1_000_000_000  # trips: ``max_iter`` alone limits them
SMALL, LARGE = 32, 128  # unknowns with a Hessian in the kernel, and without


@dataclass(frozen=True, eq=False)
class Phase:
    """One kernel of the fast path: what is derived, what is done with it, how many trips it may take.

    A ``rough`` phase runs in float32 whatever the precision of the answers: it leads near a minimum, no more.
    """

    derive: str
    step: str
    trips: int
    rough: bool = False


@dataclass(frozen=True, eq=False)
class Method:
    """What runs for a method.

    Attributes
    ----------
    phases : tuple of Phase
        One after the other.
    patient : {"hybrid", "exact"}, optional
        Whether trust-region Newton takes what the phases leave, and with which Hessian it begins.
    certificate : Phase, optional
        Of a method that ends without knowing what it found: Newton steps from there, whose tests alone give a success.
    max_iter : int
        Evaluations, unless the user says otherwise.
    largest : int
        Unknowns.
    bounds : bool
        Whether unknowns may have bounds or be fixed (docs/design.md, Methods by name, says why some do not take them).
    cuda : int
        Unknowns that its phases take on CUDA; the patient path behind them has more to itself.
    boxed : bool
        Whether its phases know bounds; where they do not, what is behind them has bounded problems to itself.
    unrolled : int
        Unknowns that its phases take; what is behind them has more to itself (n = 32 by trust-region steps compiles for
        a minute and a half).
    """

    phases: tuple[Phase, ...]
    patient: str | None = None
    certificate: Phase | None = None
    max_iter: int = 500
    largest: int = SMALL
    bounds: bool = True
    cuda: int = SMALL
    boxed: bool = True
    unrolled: int = LARGE


CERTIFY = 5  # trips of a certificate
CLOSE = {"float64": 1e-2, "float32": 3e-2}  # it moves x_i by at most this share of max(|x_i|, largest |x0|)


def alone(derive: str, step: str, exact: str, max_iter: int, largest: int) -> Method:
    """A method that nothing else helps out: its iteration, then a certificate by the derivatives ``exact``."""
    own = Phase(derive, step, WITHOUT_END)
    return Method((own,), None, Phase(exact, "minimize", CERTIFY), max_iter, largest, bounds=False, cuda=largest)


def pure(derive: str) -> Method:
    """Newton's method as it is."""
    return alone(derive, "newton-pure", derive, 500, SMALL)


def first_order(derive: str, exact: str) -> dict[str, Method]:
    """The methods that need no Hessian."""
    return {
        "bfgs": alone(derive, "bfgs", exact, 1000, SMALL),
        "lbfgs": alone(derive, "lbfgs", exact, 2000, LARGE),
        "gradient-descent": alone(derive, "gradient-descent", exact, 10_000, LARGE),
    }


METHODS: dict[str, dict[str, Method]] = {  # the first of each kind is the default
    "least-squares": {
        "lm": Method((Phase("gauss-newton", "gauss-newton", 20), Phase("least-squares", "exact", 10)), "hybrid"),
        "newton": Method((Phase("least-squares", "minimize", 50),), "exact"),
        "newton-pure": pure("least-squares"),
        "trust-region": Method(
            (Phase("least-squares", "trust-region", 100),), "hybrid", cuda=8, boxed=False, unrolled=16
        ),
        **first_order("squares", "least-squares"),
    },
    "minimize": {
        "newton": Method((Phase("minimize", "minimize", 50),), "exact"),
        "newton-pure": pure("minimize"),
        "trust-region": Method((Phase("minimize", "trust-region", 100),), "exact", cuda=8, boxed=False, unrolled=16),
        **first_order("model", "minimize"),
    },
    "root": {
        "newton": Method((Phase("root", "root", 50),), "hybrid"),
        "newton-pure": Method((Phase("root", "root-pure", WITHOUT_END),)),
    },
}
BRACKETED = Method((Phase("root", "bracket", WITHOUT_END),))  # of a root between two ends
DEFAULT = {kind: next(iter(methods.values())) for kind, methods in METHODS.items()}
PHASES = {kind: method.phases for kind, method in DEFAULT.items()}
MIXED = {
    "least-squares": (Phase("gauss-newton", "gauss-newton", 20, rough=True), Phase("least-squares", "exact", 10)),
    "minimize": (Phase("minimize", "minimize", 50, rough=True), Phase("minimize", "minimize", 10)),
    "root": (Phase("root", "root", 50, rough=True), Phase("root", "root", 10)),
}
SCORING = Phase("scoring", "gauss-newton", 20), Phase("minimize", "minimize", 10)  # of likelihoods, before their method
