"""CUDA against the CPU on large batches: options, methods by name, workloads, many unknowns, hard starts."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import both_devices
import numpy as np
import problems
import workloads
from gpu_judge import each, largest_difference, on_both, same_status, same_value
from gpu_speed import NAMES, run_host

import batchnewton as bn
from batchnewton import patient


def options_agree(small: bool) -> str:
    """Bounds, fixed unknowns, mixed precision, history, masks, losses: statuses and answers as on the CPU."""
    data = decays(60 if small else 20_000)
    mask = np.random.default_rng(1).random(data["y"].shape) > 0.1
    kinds: dict[str, dict[str, Any]] = {
        "bounds": dict(bounds=([0.6, 0.7, 0.05], [1.8, 1.5, 0.4])),
        "a box a problem": dict(bounds=(data["truth"] * 0.9, data["truth"] * 1.05)),
        "fixed": dict(fixed=[False, False, True]),
        "mixed": dict(dtype="mixed"),
        "mixed, bounds": dict(dtype="mixed", bounds=(0.0, [1.5, 1.5, 0.3])),
        "history": dict(history=True),
        "mask": dict(mask=mask),
        "loss": dict(loss="soft_l1", f_scale=0.05),
        "starts": dict(starts=data["p0"][:3]),
    }

    def compared(more: dict[str, Any]) -> str:
        call = data["x"], data["y"], np.clip(data["p0"], 0.1, 3.0)
        cpu, cuda = on_both(partial(bn.curve_fit, workloads.decay, *call, **more))
        # one minimum in a thousand may be another one: the first step from a far start differs by a rounding
        share, near = same_status(cpu, cuda), same_value(cpu, cuda, rtol=1e-5, atol=1e-6)
        said = f"same status {share:.4f}, same x {near:.4f}, success {cuda.success.mean():.4f}"
        assert (cpu.success & cuda.success).any(), said
        assert share > 0.995, said
        assert near > 0.999, said
        if cpu.history is not None and cuda.history is not None:
            np.testing.assert_allclose(cuda.history.fun[:, 0], cpu.history.fun[:, 0], rtol=1e-10)
        return said

    return each([(name, partial(compared, more)) for name, more in kinds.items()][:: 3 if small else 1])


def decays(size: int) -> dict[str, np.ndarray]:
    """W2 in float64."""
    return {key: values.astype(float) for key, values in workloads.make("W2", size).items()}


def methods_agree(small: bool) -> str:
    """Every method by name that runs on CUDA, and brackets, on large batches: statuses, certified answers, the method's
    own number of steps, beside the CPU's."""
    size = 20 if small else 20_000
    x0, data = np.random.default_rng(4).uniform(-5, 5, (size, 2)), decays(size)
    kepler = problems.kepler, None, (1.0, np.linspace(0, 0.99, size))
    fit = partial(bn.curve_fit, workloads.decay, data["x"], data["y"], data["p0"], max_iter=200)
    calls: dict[str, Callable[..., bn.Result]] = {"bracket": partial(bn.root, *kepler, bracket=(0.0, 3.0))}
    for name in ("newton-pure", "bfgs", "lbfgs", "gradient-descent"):
        calls[f"minima, {name}"] = partial(bn.minimize, problems.himmelblau, x0, method=name)
        calls[f"fits, {name}"] = partial(fit, method=name)

    def compared(call: Callable[..., bn.Result]) -> str:
        cpu, cuda = on_both(call)
        # of several minima a rounding may choose, after steps that overshoot
        share, near = same_status(cpu, cuda), same_value(cpu, cuda, rtol=1e-6, atol=1e-6)
        said = f"same status {share:.4f}, same x {near:.4f}, success {cuda.success.mean():.4f}, "
        said += f"steps {cpu.nit.mean():.2f} and {cuda.nit.mean():.2f}"
        assert share > 0.98, said
        assert near > 0.98, said
        return said

    return each([(name, partial(compared, call)) for name, call in calls.items()][:: 3 if small else 1])


def workloads_solved(small: bool) -> str:
    """Same solutions as the CPU, for as many problems."""

    def compared(name: str, dtype: str) -> str:
        data = workloads.make(name, 24 if small else 5_000)
        cpu, cuda = (run_host(name, data, dtype, where) for where in ("cpu", "cuda"))
        best = np.fmin(workloads.cost(name, data, cpu.x), workloads.cost(name, data, cuda.x))
        right = workloads.solved(name, data, cuda.x, best, dtype == "float32").mean()
        share = same_status(cpu, cuda)
        said = f"same status {share:.4f}, solved {right:.4f}"
        assert share > 0.995, said
        assert right > 0.999 or (name, dtype) == ("W5", "float32"), said
        return said

    names = [name for name in NAMES if name in workloads.RECIPES]  # N32 is among `many_unknowns`
    every = [(name, dtype) for name in names[: 1 if small else None] for dtype in ("float64", "float32")]
    return each([(f"{name} {dtype}", partial(compared, name, dtype)) for name, dtype in every])


def many_unknowns(small: bool) -> str:
    """Groups of lanes that share a matrix: n = 12 to 32, both precisions, against the CPU."""
    rng = np.random.default_rng(3)
    parts = []
    for n in (12,) if small else (11, 12, 16, 20, 24, 32):
        size = 2 if small else 2_000
        rows = rng.normal(size=(size, 2 * n, n))
        x = rng.normal(size=(size, n))
        y = np.sinh(0.1 * np.einsum("bmk,bk->bm", rows, x)) + 0.01 * rng.normal(size=(size, 2 * n))

        def residual(p: Any, row: Any, y: Any, n: int = n) -> Any:
            return np.sinh(0.1 * sum(p[i] * row[i] for i in range(n))) - y

        for dtype, limit in (("float64", 1e-6), *(() if small else (("float32", 2e-2),))):
            call = partial(bn.least_squares, residual, x * 1.05, data=(rows, y), dtype=dtype)
            parts.append((f"n = {n} {dtype}", partial(systems_agree, call, limit)))
    return each(parts)


def systems_agree(call: Callable[..., bn.Result], limit: float) -> str:
    """Statuses, and x within the limit."""
    cpu, cuda = on_both(call)
    share, far = same_status(cpu, cuda), largest_difference(cpu, cuda)
    said = f"same status {share:.4f}, largest difference {far:.1e}"
    assert share > 0.99, said
    assert far < limit, said
    return said


def hard_starts(small: bool) -> str:
    """The patient path on the GPU: decays from starts that are off by up to a factor of 5, steps within a radius and in
    a box alone; statuses and costs as on the CPU, and the time of both."""
    data = decays(40 if small else 200_000)
    p0 = data["p0"] * 5.0 ** np.random.default_rng(2).uniform(-1, 1, data["p0"].shape)
    calls: dict[str, dict[str, Any]] = {
        "left by the fast path": {},
        "by itself": dict(method="trust-region", bounds=(-100.0, 100.0)),
        "by itself, few": dict(method="trust-region", bounds=(-100.0, 100.0), max_iter=3),
    }

    def compared(more: dict[str, Any]) -> str:
        seconds, found = [], []
        with mock.patch.object(patient, "MUCH", 0.0):
            for where in ("cpu", "cuda", "cuda"):  # the first one compiles
                start = time.perf_counter()
                found.append(bn.curve_fit(workloads.decay, data["x"], data["y"], p0, device=where, **more))
                seconds.append(time.perf_counter() - start)
        cpu, cuda, again = found
        share, near = same_status(cpu, cuda), same_value(cpu, cuda, rtol=1e-6, field="fun")
        said = f"same status {share:.4f}, same cost {near:.4f}, {seconds[0]:.2f} and {seconds[2]:.2f} s"
        for field in both_devices.FIELDS:
            np.testing.assert_array_equal(getattr(again, field), getattr(cuda, field), err_msg=field)
        assert share >= 0.98, said
        assert near >= 0.98, said
        return said

    return each([(name, partial(compared, more)) for name, more in calls.items()])
