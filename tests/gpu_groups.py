"""Batches with many unknowns for every iteration that groups of lanes have: roots, methods by name, histories."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gpu_judge import largest_difference, on_both, same_status
from problems import broyden

import batchnewton as bn


def coupled(n: int) -> Callable[[Any, Any], Any]:
    """One minimum near 1: neighbours are coupled, H is positive definite everywhere."""
    return lambda x, a: (
        sum((x[i] - 1) ** 2 * (1 + i / n) + a * (x[i] * x[i + 1] - 1) ** 2 for i in range(n - 1)) + (x[n - 1] - 1) ** 2
    )


def calls(small: bool) -> dict[str, Callable[..., bn.Result]]:
    """By name, calls that take ``device``."""
    rng = np.random.default_rng(12)
    size, most = (2, 11) if small else (5_000, 128)
    found: dict[str, Callable[..., bn.Result]] = {}
    for method, n in (("newton", 12), ("newton", 32), ("newton-pure", 24)):
        n = min(n, most)
        x0 = -1 + 0.05 * rng.normal(size=(size, n))
        found[f"roots, {method}, {n}"] = lambda n=n, x0=x0, method=method, **o: bn.root(
            broyden(n), x0, method=method, **o
        )
    many = (("bfgs", 12), ("bfgs", 32), ("newton-pure", 32), ("lbfgs", 32), ("lbfgs", 128), ("gradient-descent", 64))
    for method, n in many:
        n = min(n, most)
        x0, a = 1 + 0.1 * rng.normal(size=(size, n)), rng.uniform(0.05, 0.1, size)
        found[f"minima, {method}, {n}"] = lambda n=n, x0=x0, a=a, method=method, **o: bn.minimize(
            coupled(n), x0, (a,), method=method, **o
        )
    n = min(24, most)
    x0, a = 1 + 0.1 * rng.normal(size=(size, n)), rng.uniform(0.05, 0.1, size)
    found[f"minima with history, {n}"] = lambda **o: bn.minimize(coupled(n), x0, (a,), history=True, **o)
    return found


def compared(call: Callable[..., bn.Result]) -> str:
    """What CUDA says beside the CPU, if it says the same."""
    cpu, cuda = on_both(call)
    share, far = same_status(cpu, cuda), largest_difference(cpu, cuda)
    said = f"same status {share:.4f}, largest difference {far:.1e}, success {cuda.success.mean():.4f}, "
    said += f"steps {cpu.nit.mean():.2f} and {cuda.nit.mean():.2f}"
    assert share > 0.99, said
    assert far < 1e-6, said
    if cpu.history is not None and cuda.history is not None:
        np.testing.assert_allclose(cuda.history.fun[:, 0], cpu.history.fun[:, 0], rtol=1e-10)
    return said
