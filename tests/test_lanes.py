"""The generated kernels: what LLVM made of them, their text as plain Python, their cache."""

import ctypes
import re
from pathlib import Path

import llvmlite.binding
import numpy as np
import pytest
import workloads

import batchnewton as bn
from batchnewton import compile as compiler
from batchnewton import nist, phases
from batchnewton.curve import from_curve
from batchnewton.derive import derive
from batchnewton.function import from_function
from batchnewton.kernels import machine
from batchnewton.kernels.formula import computed_rows
from batchnewton.kernels.layout import layout
from batchnewton.options import options
from batchnewton.plan import method_of
from batchnewton.solution import Solution

FEATURES = llvmlite.binding.get_host_cpu_features()
WIDE = bool(FEATURES.get("avx2"))
PACKED, SCALAR = r"\bv(?:f?n?m\w*|add|sub|mul|div|sqrt)p[sd]\b", r"\bv(?:f?n?m\w*|add|sub|mul|div|sqrt)s[sd]\b"


def rotated(x, a, x0, y0, sx, sy, angle, b):
    u, v = x
    c, s = np.cos(angle), np.sin(angle)
    p, q = (c * (u - x0) + s * (v - y0)) / sx, (c * (v - y0) - s * (u - x0)) / sy
    return a * np.exp(-0.5 * (p * p + q * q)) + b


def curve(f, n, k=1):
    x = np.ones(4) if k == 1 else np.ones((k, 4))
    return from_curve(f, x, np.ones((3, 4)), np.ones((3, n)), None)  # many curves: y is a problem's own


CURVES = {
    "decay": (workloads.decay, 3, 1),
    "gaussian": (workloads.gauss2d, 5, 2),
    "logistic": (workloads.logistic4, 4, 1),
    "rotated": (rotated, 7, 2),
} | {p.name: (p.formula, len(p.certified), len(np.atleast_2d(p.x))) for p in nist.problems() if p.level != "lower"}


def optimised(problem, kind, step, dtype="float64"):
    """LLVM's code of a kernel."""
    dtype = np.dtype(dtype)
    program = derive(problem.signature.formula.function, problem.signature.inputs, kind, "fresh")
    text = compiler.module_text(program, layout(program, dtype.itemsize, True), step, dtype)
    return machine.optimised(Path("fresh_0.py"), text)


def share_packed(code):
    """Packed among all arithmetic instructions of ``evaluate`` and ``advance`` (what they inlined included)."""
    counts = {PACKED: 0, SCALAR: 0}
    counted = False
    for line in machine.host().machine.emit_assembly(code).splitlines():
        if re.match(r"[^.\s#].*:", line):
            counted = "evaluate" in line or "advance" in line
        for pattern in counts if counted else ():
            counts[pattern] += len(re.findall(pattern, line))
    return counts[PACKED] / max(sum(counts.values()), 1)


@pytest.mark.skipif(not WIDE, reason="this host has no AVX2: nothing to count")
@pytest.mark.parametrize("name", list(CURVES))
def test_lane_bodies_vectorise(name):
    assert share_packed(optimised(curve(*CURVES[name]), "gauss-newton", "gauss-newton")) > 0.9


@pytest.mark.skipif(not WIDE, reason="this host has no AVX2: nothing to count")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("kind", "step"), [("least-squares", "exact"), ("minimize", "minimize"), ("root", "root")])
def test_every_iteration_vectorises(kind, step, dtype):
    if kind == "least-squares":
        problem = curve(*CURVES["gaussian"])
    else:
        fun = {"minimize": workloads.valley, "root": lambda p, a, b: (p[0] ** 2 - a, p[0] * p[1] - b)}[kind]
        problem = from_function(kind, fun, np.ones((3, 2)), (np.ones(3), np.ones(3)), ())
    assert share_packed(optimised(problem, kind, step, dtype)) > 0.9


def test_no_double_in_a_float32_kernel():
    code = str(optimised(curve(*CURVES["gaussian"]), "gauss-newton", "gauss-newton", "float32"))
    assert "float" in code and not re.search(r"\bdouble\b", code)


def damped(p, start, scale, x, y):
    """Worked out once a call, once a data row, once a trip, and at each point."""
    return p[0] * np.exp(-p[1] * (x - start)) * np.sin(x / np.cosh(scale)) + 1 - y


@pytest.mark.parametrize("missing", [None, "counts", "mask"])
def test_the_module_is_python_that_does_the_same(missing):
    """The text of a module, run as it stands, and its machine code: a trip of all lanes."""
    x = np.linspace(0.1, 2, 5)
    problem = from_function("least-squares", damped, np.full((3, 2), 0.5), (0.1, 0.3), (bn.shared(x), np.ones((3, 5))))
    program = derive(problem.signature.formula.function, problem.signature.inputs, "least-squares", "damped")
    where = layout(program, 8, True, missing, vector_bytes=16)
    text = compiler.module_text(program, where, "exact", np.dtype("float64"))
    assert "damped: n = 2, float64" in text and "def trip(S, l" in text and "@entry" in text
    python: dict = {}
    exec(compile(text, "module", "exec"), python)
    code = machine.load("damped", text)
    rng = np.random.default_rng(1)
    m, W, pointer, integer, real = 5, where.lanes, ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
    kinds = {"prepare": (pointer, pointer, integer), "enter": (pointer, integer, real)}
    kinds |= {"evaluate": (*[pointer] * 4, integer), "advance": (pointer, *[real] * 4)}
    A, X = np.array([0.1, 0.3]), np.concatenate([x, np.zeros(m * len(computed_rows(program)))])
    D = rng.normal(1, 0.1, m * len(where.points) * W)
    S = np.zeros(len(where.slots) * W)
    S[: 2 * W] = rng.uniform(0.4, 0.6, 2 * W)
    if missing == "counts":
        S[where.slots["count"] : where.slots["count"] + W] = rng.integers(1, m + 1, W)
    runs = []
    for run in ("python", "machine"):
        arrays = [one.copy() for one in (S, D, X, A)]

        def call(name, *given, run=run):
            if run == "python":
                return python[name](*given)
            returns = integer if name == "advance" else None
            called = ctypes.CFUNCTYPE(returns, *kinds[name])(code[name])
            return called(*(one.ctypes.data if isinstance(one, np.ndarray) else one for one in given))

        s, d, rows, scalars = arrays
        call("prepare", rows, scalars, m)
        for lane in range(W):
            call("enter", s, lane, 0.0)
        ended = []
        for _ in range(3):
            call("evaluate", s, d, rows, scalars, m)
            ended.append(call("advance", s, 20.0, 1e-8, 1e-8, 0.0))
        runs.append((arrays, ended))
    assert len(X) > m and runs[0][1] == runs[1][1]
    for one, other in zip(runs[0][0], runs[1][0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_large_problems_compile_and_solve():
    """32 unknowns: chained Rosenbrock, from starts near its minimum."""
    import batchnewton as bn

    def chained(x):
        return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(31))

    start = np.random.default_rng(0).uniform(0.8, 1.2, (40, 32))
    result = bn.minimize(chained, start)
    assert result.success.all()
    np.testing.assert_allclose(result.x, 1.0, rtol=1e-8)


def test_subnormal_numbers_are_zero_in_the_kernels_only():
    """Far from a peak, float32 meets them at every point; the caller's arithmetic is as it was."""
    x = np.linspace(-9, 9, 64)
    peak = lambda x, a, c: a * np.exp(-((x - c) ** 2))  # noqa: E731
    result = bn.curve_fit(peak, x, peak(x, 2.0, 0.5)[None], [1.5, 0.4], dtype="float32", threads=1)
    assert result.success.all() and np.allclose(result.x, [[2.0, 0.5]], atol=1e-5)
    assert np.float32(1e-40) * np.float32(0.5) > 0.0 and np.array([1e-310])[0] / 2 > 0.0


def test_the_largest_value_at_a_start_is_that_of_the_function():
    """The name ``top`` of `step.scales` once took the place of that of ``enter``: F0 began as the largest |x0|."""
    problem = from_function("minimize", lambda x: 1e-3 * (x[0] - 1) ** 2 + 1e-6 * x[0] ** 4, [[100.0], [-2.0]], (), ())
    chosen = options("minimize", None, None, None, None, 500, "float64", "cpu", 1, False)
    run = phases.Run(problem, slice(0, 2), chosen, Solution.empty(problem, chosen.dtype), np.zeros(1, np.int8))
    run.fast_path(method_of(problem, chosen).phases, np.arange(2))
    np.testing.assert_allclose(run.top, [1e-3 * 99**2 + 1e2, 1e-3 * 9 + 1.6e-5])
