"""The generated kernels: what LLVM made of them, their text as plain Python, their cache."""

import re

import llvmlite.binding
import numpy as np
import pytest
import workloads

import batchnewton as bn
from batchnewton import compile as compiler
from batchnewton import nist, phases
from batchnewton.curve import from_curve
from batchnewton.kernels import lanes
from batchnewton.options import options
from batchnewton.problem import from_function

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


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """Compile a kernel anew: what Numba loads from its cache cannot be inspected."""
    monkeypatch.setattr(compiler, "cache_folder", lambda: tmp_path)

    def build(problem, kind, step, dtype="float64"):
        dtype = np.dtype(dtype)
        program = compiler.kernel(problem.signature, kind, step, dtype).program
        text = compiler.module_text(program, lanes.layout(program, dtype.itemsize, True), step, dtype)
        return compiler.load("fresh", f"{text}# {tmp_path}\n")

    return build


def share_packed(module):
    """Packed among all arithmetic instructions of ``evaluate`` and ``advance`` (what they inlined included)."""
    counts = {PACKED: 0, SCALAR: 0}
    for function in (module.evaluate, module.advance):
        counted = False
        for line in function._library.get_asm_str().splitlines():
            if re.match(r"[^.\s#].*:", line):
                counted = function.__name__ in line
            for pattern in counts if counted else ():
                counts[pattern] += len(re.findall(pattern, line))
    return counts[PACKED] / max(sum(counts.values()), 1)


@pytest.mark.skipif(not WIDE, reason="this host has no AVX2: nothing to count")
@pytest.mark.parametrize("name", list(CURVES))
def test_lane_bodies_vectorise(name, fresh):
    assert share_packed(fresh(curve(*CURVES[name]), "gauss-newton", "gauss-newton")) > 0.9


@pytest.mark.skipif(not WIDE, reason="this host has no AVX2: nothing to count")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("kind", "step"), [("least-squares", "exact"), ("minimize", "minimize"), ("root", "root")])
def test_every_iteration_vectorises(kind, step, dtype, fresh):
    if kind == "least-squares":
        problem = curve(*CURVES["gaussian"])
    else:
        fun = {"minimize": workloads.valley, "root": lambda p, a, b: (p[0] ** 2 - a, p[0] * p[1] - b)}[kind]
        problem = from_function(kind, fun, np.ones((3, 2)), (np.ones(3), np.ones(3)), ())
    assert share_packed(fresh(problem, kind, step, dtype)) > 0.9


def test_no_double_in_a_float32_kernel(fresh):
    module = fresh(curve(*CURVES["gaussian"]), "gauss-newton", "gauss-newton", "float32")
    for function in (module.evaluate, module.advance):
        assert not re.search(r"\bdouble\b", function.inspect_llvm())


def test_the_module_is_readable_python():
    problem = curve(*CURVES["decay"])
    kernel = compiler.kernel(problem.signature, "gauss-newton", "gauss-newton", np.dtype("float64"))
    text = compiler.module_text(
        kernel.program, lanes.layout(kernel.program, 8, True), "gauss-newton", np.dtype("float64")
    )
    compile(text, "module", "exec")
    assert "decay: n = 3, float64" in text and "def trip(S, l" in text and "exp(" in text


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
    run = phases.Run(problem, slice(0, 2), chosen, phases.Solution.empty(problem, chosen.dtype), np.zeros(1, np.int8))
    run.fast_path(phases.method_of(problem, chosen).phases, np.arange(2))
    np.testing.assert_allclose(run.top, [1e-3 * 99**2 + 1e2, 1e-3 * 9 + 1.6e-5])
