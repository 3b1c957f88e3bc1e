"""The methods by name, pure Newton for roots and brackets: small batches for the CPU and CUDA, as in `cuda_cases`."""

import sys
from typing import Any
from unittest import mock

import numpy as np
from both_devices import Case, SmallMemory, by, in_groups, main, remembered, reordered, with_settings
from cuda_calls import curves, from_table, missing, resident, tridiagonal, two
from problems import himmelblau, kepler

import batchnewton as bn
from batchnewton import on_gpus

METHODS = ("trust-region", "newton-pure", "bfgs", "lbfgs", "gradient-descent")


def himmelblaus(**options: Any) -> bn.Result:
    """Minima and, of pure Newton, saddles; one start that is not finite."""
    x0 = np.random.default_rng(0).uniform(-5, 5, (5, 2))
    x0[4] = np.nan
    return bn.minimize(himmelblau, x0, **options)


def without_the_cpu(solve: Any) -> Any:
    """The same call; the CPU may judge nothing."""

    def call(**options: Any) -> bn.Result:
        with mock.patch.object(on_gpus, "judge_ends", side_effect=AssertionError("the CPU judged")):
            return solve(**options)

    return call


def equations(**options: Any) -> bn.Result:
    """Kepler's, to an eccentricity of 0.99."""
    return bn.root(kepler, [[1.0]] * 4, (1.0, [0.0, 0.5, 0.9, 0.99]), **options)


def bracketed(**options: Any) -> bn.Result:
    """A root inside, at an end, a pole, no change of sign; one that is not finite at an end."""
    ends = [0.5, 1.0, 1.0, 2.0, -1.0], [3.0, 3.0, 2.0, 3.0, 1.0]
    return bn.root(lambda x, a: np.where(a > 0.5, 1 / (x[0] - 1.5), np.log(x[0])), None, ([0.0, 0.0, 1.0, 0.0, 0.0],),
                   bracket=ends, **options)  # fmt: skip


def many(x, sign):
    """34 unknowns, a minimum at 1 where ``sign`` is 1, a saddle where it is -1."""
    n = 34
    return sum((x[i] - 1) ** 2 * (1 + i / n) for i in range(n - 1)) + sign * (x[n - 1] - 1) ** 2


def manies(**options: Any) -> bn.Result:
    """More unknowns than a Hessian can have: a minimum, and the ridge of a saddle."""
    x0 = 1 + 0.3 * np.sin(np.arange(68.0)).reshape(2, 34)
    x0[1, 33] = 1.0
    return bn.minimize(many, x0, ([1.0, -1.0],), **options)


def five(**options: Any) -> bn.Result:
    """Rosenbrock's function of five unknowns."""
    chain = lambda x: sum(20 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(4))  # noqa: E731
    return bn.minimize(chain, [[0.8, 0.9, 0.6, 0.4, 0.1]], **options)


CASES = [
    *(Case(f"himmelblau, {method}", by(himmelblaus, method)) for method in METHODS),
    *(Case(f"himmelblau, {method}, float32", by(himmelblaus, method), "float32") for method in METHODS),
    *(Case(f"curves, {method}", by(curves, method)) for method in ("bfgs", "lbfgs")),
    Case("curves, newton-pure", by(two, "newton-pure")),
    Case("curves, bfgs, 4 lanes", by(two, "bfgs"), lanes=4),
    Case("curves, gradient-descent, 30 evaluations", by(two, "gradient-descent", max_iter=30), lanes=2),
    Case("missing, lbfgs, float32", by(missing, "lbfgs"), "float32"),
    Case("himmelblau, bfgs, history", remembered(by(himmelblaus, "bfgs"))),
    Case("history, newton-pure", remembered(by(himmelblaus, "newton-pure"))),
    Case("himmelblau, bfgs, chunks of 2", with_settings(by(himmelblaus, "bfgs"), LONGEST=2)),
    Case("himmelblau, bfgs, another order", reordered(by(himmelblaus, "bfgs"))),
    Case("himmelblau, bfgs, blocks of 2 threads", with_settings(by(himmelblaus, "bfgs"), THREADS=2)),
    Case("himmelblau, bfgs, in pairs, another order", in_groups(reordered(by(himmelblaus, "bfgs"))), lanes=2),
    Case("certified on the GPU, bfgs", without_the_cpu(by(himmelblaus, "bfgs"))),
    Case("certified on the GPU, gradient-descent, 2 lanes", without_the_cpu(by(two, "gradient-descent")), lanes=2),
    Case("himmelblau, bfgs, parts of 1", with_settings(by(himmelblaus, "bfgs"), Slot=SmallMemory, SHORTEST=1, PART=1)),
    Case("resident, bfgs", resident(method="bfgs")),
    Case("resident, history, lbfgs", resident(method="lbfgs", history=True)),
    *(Case(f"{name}, {method}", by(from_table(name), method))
      for name, method in (("saddle", "newton-pure"), ("unbounded line", "bfgs"), ("log of a negative number", "lbfgs"),
                           ("x^4", "lbfgs"), ("wood", "lbfgs"), ("rosenbrock residuals", "newton-pure"),
                           ("rosenbrock residuals", "bfgs"))),
    *(Case(f"himmelblau, {method}, in pairs", in_groups(by(himmelblaus, method)), lanes=2) for method in METHODS[1:]),
    *(Case(f"five unknowns, {method}, in pairs", in_groups(by(five, method)), lanes=2, digits=6)
      for method in METHODS[1:4]),
    *(Case(f"history, two curves, {method}, in groups of 4, float32", in_groups(remembered(by(two, method))),
           "float32", 4) for method in ("newton-pure", "bfgs")),
    Case("missing, lbfgs, in pairs", in_groups(by(missing, "lbfgs", max_iter=12)), lanes=2),
    Case("broyden, newton-pure, in pairs", in_groups(by(tridiagonal, "newton-pure")), lanes=2),
    Case("34 unknowns, gradient-descent", by(manies, "gradient-descent")),
    Case("equations", by(equations, "newton-pure")),
    Case("equations, float32", by(equations, "newton-pure"), "float32"),
    Case("equations, 5 evaluations, history", remembered(by(equations, "newton-pure", max_iter=5))),
    Case("no root, parabola", by(from_table("no root, parabola"), "newton-pure", max_iter=12)),
    Case("brackets", bracketed),
    Case("brackets, float32, history", remembered(bracketed), "float32"),
]  # fmt: skip

if __name__ == "__main__":
    main(sys.argv[1], CASES)
