"""The front doors: shapes, statuses, independence of everything around a problem, the cache."""

import ctypes
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.optimize
import workloads

import batchnewton as bn
from batchnewton import phases

T = np.linspace(0, 5, 16)


def decay(t, a, tau, c):
    return a * np.exp(-t / tau) + c


def decays(B, seed=0, dtype=float):
    rng = np.random.default_rng(seed)
    truth = np.stack([rng.uniform(0.5, 2, B), rng.uniform(0.5, 2, B), rng.uniform(0, 0.5, B)], 1)
    y = decay(T, *truth.T[:, :, None]) + rng.normal(0, 0.03, (B, 16))
    return y.astype(dtype), np.stack([y[:, 0] - y[:, -1], np.ones(B), y[:, -1]], 1).astype(dtype)


def same(a, b):
    for name in ("x", "fun", "status", "nit", "nfev"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def test_curve_fit_agrees_with_scipy():
    y, p0 = decays(20)
    sigma = np.linspace(0.02, 0.05, 16)
    for options in ({}, {"sigma": sigma}, {"sigma": sigma, "absolute_sigma": True}):
        popt, pcov = bn.curve_fit(decay, T, y, p0, **options)
        for i in range(len(y)):
            x, cov = scipy.optimize.curve_fit(decay, T, y[i], p0[i], ftol=1e-14, xtol=1e-14, gtol=1e-14, **options)
            np.testing.assert_allclose(popt[i], x, rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(pcov[i], cov, rtol=1e-5, atol=1e-9)


def test_one_problem_has_no_batch_axis():
    y, p0 = decays(1)
    one, batch = bn.curve_fit(decay, T, y[0], p0[0]), bn.curve_fit(decay, T, y, p0)
    assert one.x.shape == (3,) and one.cov.shape == (3, 3) and one.fun.shape == () and one.success.shape == ()
    assert one.grad.shape == (3,) and one.hess.shape == (3, 3) and one.stderr.shape == (3,)
    np.testing.assert_array_equal(one.x, batch.x[0])
    assert one.names == ("a", "tau", "c")


def test_shapes_of_xdata_p0_and_sigma():
    y, p0 = decays(5)
    expected = bn.curve_fit(decay, T, y, p0).x

    def two(x, a, tau, c):
        t, shift = x
        return decay(t + shift, a, tau, c)

    grid = np.stack([T, np.zeros(16)])
    close = dict(rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(bn.curve_fit(two, grid, y, p0).x, expected, **close)
    np.testing.assert_allclose(bn.curve_fit(two, np.broadcast_to(grid, (5, 2, 16)), y, p0).x, expected, **close)
    np.testing.assert_allclose(bn.curve_fit(decay, T, y, [1, 1, 0]).x, expected, **close)
    np.testing.assert_allclose(bn.curve_fit(decay, T, y, p0, np.full((5, 16), 2.0)).x, expected, **close)
    np.testing.assert_allclose(bn.curve_fit(decay, T, y, p0, 2.0).x, expected, **close)
    np.testing.assert_allclose(bn.curve_fit(decay, T, y[2], p0).x, np.broadcast_to(expected[2], (5, 3)), **close)


def test_args_data_and_shared():
    rng = np.random.default_rng(3)
    X, truth = rng.normal(size=(6, 30, 2)), rng.normal(size=(6, 2))
    y = np.einsum("bmk,bk->bm", X, truth)

    def residual(w, ridge, row, y):
        return [row @ w - y, ridge * w[0], ridge * w[1]]

    free = bn.least_squares(residual, np.zeros((6, 2)), (0.0,), data=(X, y))
    np.testing.assert_allclose(free.x, truth, atol=1e-9)
    ridge = bn.least_squares(residual, np.zeros((6, 2)), (np.full(6, 0.1),), data=(X, y))
    exact = [np.linalg.solve(X[b].T @ X[b] + 30 * 0.01 * np.eye(2), X[b].T @ y[b]) for b in range(6)]
    np.testing.assert_allclose(ridge.x, exact, rtol=1e-9)
    same_rows = bn.least_squares(residual, np.zeros((6, 2)), (0.1,), data=(bn.shared(X[0]), bn.shared(y[0])))
    np.testing.assert_allclose(same_rows.x, np.broadcast_to(ridge.x[0], (6, 2)), rtol=1e-9)
    single = bn.least_squares(residual, np.zeros(2), (0.1,), data=(X[0], y[0]))
    np.testing.assert_allclose(single.x, ridge.x[0], rtol=1e-9)


def test_array_arguments_keep_their_shape():
    A, b = np.array([[[2.0, 1.0], [1.0, 3.0]], [[1.0, 0.0], [0.0, 4.0]]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    res = bn.root(lambda x, A, b: A @ x - b, np.ones((2, 2)), (A, b))
    np.testing.assert_allclose(res.x, np.linalg.solve(A, b[..., None])[..., 0], rtol=1e-12)
    assert res.success.all()


def workload(name, data, dtype):
    """A workload through its front door."""
    data = {key: values.astype(dtype) for key, values in data.items()}
    if name == "W4":
        return bn.minimize(workloads.logistic_term, data["p0"], data=(data["X"], data["y"]), dtype=dtype)
    if name == "W5":
        return bn.minimize(workloads.valley, data["p0"], (data["a"], data["b"]), dtype=dtype)
    return bn.curve_fit(workloads.FORMULAS[name], data["x"], data["y"], data["p0"], dtype=dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["W1_5", "W1_15", "W2", "W3", "W4", "W5"])
def test_workloads_are_solved(name, dtype):
    data = workloads.make(name, 200)
    result = workload(name, data, dtype)
    assert result.x.dtype == dtype
    best = workloads.best_cost(name, data, 200)
    if (name, dtype) != ("W5", "float32"):  # 1e-8 of F near 1 is below float32's last digit
        assert workloads.solved(name, data, result.x, best, dtype == "float32").all()
    assert result.success.all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bits_do_not_depend_on_threads_chunks_lanes_or_neighbours(dtype, monkeypatch):
    y, p0 = decays(700, 1, dtype)
    y[::50] = y[1::50] * 1e3  # some that are hard
    whole = bn.curve_fit(decay, T, y, p0, dtype=dtype, threads=1)
    same(whole, bn.curve_fit(decay, T, y, p0, dtype=dtype, threads=3))
    monkeypatch.setattr("batchnewton.schedule.LONGEST", 37)
    same(whole, bn.curve_fit(decay, T, y, p0, dtype=dtype, threads=2))
    order = np.random.default_rng(0).permutation(700)
    shuffled = bn.curve_fit(decay, T, y[order], p0[order], dtype=dtype)
    np.testing.assert_array_equal(shuffled.x, whole.x[order])
    for i in (0, 13, 699):
        np.testing.assert_array_equal(bn.curve_fit(decay, T, y[i], p0[i], dtype=dtype).x, whole.x[i])


@pytest.mark.parametrize("bad", [-np.inf, np.inf])
def test_a_bad_problem_gets_its_status_and_leaves_the_others_alone(bad):
    y, p0 = decays(100)
    clean = bn.curve_fit(decay, T, y, p0)
    y[17, 3] = bad
    p0[42, 1] = 0.0  # division by zero at the start
    dirty = bn.curve_fit(decay, T, y, p0)
    others = np.setdiff1d(np.arange(100), [17, 42])
    assert (dirty.status[[17, 42]] == bn.Status.NOT_FINITE_AT_START).all()
    np.testing.assert_array_equal(dirty.x[[17, 42]], p0[[17, 42]])
    np.testing.assert_array_equal(dirty.x[others], clean.x[others])
    np.testing.assert_array_equal(dirty.nfev[others], clean.nfev[others])
    assert dirty.success[others].all() and not dirty.success[[17, 42]].any()
    assert np.isinf(dirty.cov[17]).all() and np.isfinite(dirty.cov[0]).all()


@pytest.mark.parametrize(
    ("fun", "x0", "status"),
    [
        (lambda x: x[0] ** 2 - x[1] ** 2, (1.0, 0.0), {"UNBOUNDED", "SADDLE"}),
        (lambda x: x[0] ** 3, (-1.0,), {"UNBOUNDED"}),
        (lambda x: np.log(x[0]), (-1.0,), {"NOT_FINITE_AT_START"}),
        (lambda x: 0.0 * x[0] + 1, (1.0,), {"SINGULAR"}),
    ],
)
def test_statuses_without_a_minimum(fun, x0, status):
    result = bn.minimize(fun, x0)
    assert not result.success
    assert bn.Status(int(result.status)).name in status


def test_max_iter_is_kept_and_reported():
    result = bn.minimize(lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, (-1.2, 1.0), max_iter=5)
    assert result.status == bn.Status.MAX_ITER and not result.success
    assert "max_iter" in result.message()


def test_no_root_is_said():
    result = bn.root(lambda x, a: [x[0] ** 2 + a], [[1.0], [1.0]], ([1.0, -4.0],))
    assert result.success.tolist() == [False, True]
    assert result.x[1, 0] == pytest.approx(2.0)
    assert bn.Status(int(result.status[0])).name in {"NO_ROOT", "STALLED"}


def test_derivatives_of_the_result():
    y, p0 = decays(4)
    res = bn.curve_fit(decay, T, y, p0)
    assert np.abs(res.grad).max() < 1e-9
    f, g, H = bn.value_grad_hess(lambda x, t, y: (decay(t, *x) - y) ** 2 / 2, res.x, data=(bn.shared(T), y))
    np.testing.assert_allclose(res.hess, H, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(res.fun, f, rtol=1e-12)
    assert (np.linalg.eigvalsh(res.hess) > 0).all()


def test_progress_counts_to_the_end(capsys, monkeypatch):
    monkeypatch.setattr("batchnewton.schedule.LONGEST", 100)
    y, p0 = decays(600)
    seen = []
    bn.curve_fit(decay, T, y, p0, threads=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (600, 600) and len(seen) > 1 and sorted(seen) == seen
    bn.curve_fit(decay, T, y, p0, progress=True)
    assert "100%" in capsys.readouterr().err


def test_summary_and_message_in_plain_words():
    y, p0 = decays(10)
    y[3], p0[3] = 1.0, np.nan
    res = bn.curve_fit(decay, T, y, p0)
    assert "10 problems" in res.summary() and "NOT_FINITE_AT_START" in res.summary()
    assert "NaN" in res.message(3) and "converged" in res.message(0)
    assert "10 problems" in repr(res)


def test_a_changed_global_is_another_formula():
    space = {"np": np, "power": 2}
    exec("def f(x):\n    return (x[0] - power) ** 2", space)
    assert bn.minimize(space["f"], [0.5]).x[0] == 2
    space["power"] = 3
    assert bn.minimize(space["f"], [0.5]).x[0] == 3


def test_a_second_process_compiles_nothing(tmp_path):
    program = textwrap.dedent(
        """
        import sys, numba.core.compiler as compiler
        import batchnewton as bn
        count = [0]
        real = compiler.CompilerBase.compile_extra
        def counted(self, *arguments):
            count[0] += 1
            return real(self, *arguments)
        compiler.CompilerBase.compile_extra = counted
        from batchnewton.kernels import machine
        optimised = machine.optimised
        machine.optimised = lambda *given: (count.append(1), optimised(*given))[1]
        res = bn.minimize(lambda x, a: (x[0] - a) ** 4 + x[0] ** 2, [[1.0]] * 3, ([1.0, 2.0, 3.0],))
        print(sum(count), len(count) - 1, res.x.tobytes().hex())
        """
    )
    script = tmp_path / "job.py"
    script.write_text(program)
    environment = os.environ | {"BATCHNEWTON_CACHE": str(tmp_path / "cache")}
    runs = [
        subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    (loops, kernels, x), (loops_again, kernels_again, y) = (run.split() for run in runs)
    assert int(loops) > 0 and int(kernels) > 0
    assert loops_again == kernels_again == "0"
    assert x == y
    assert (tmp_path / "cache" / "kernels").stat().st_mode & 0o077 == 0 or os.name == "nt"


def test_threads_of_the_user_may_meet_the_same_new_formula():
    def cubic(x, a):
        return (x[0] - a) ** 2 + 0.125 * x[0] ** 4 * a**2

    def work(a):
        return bn.minimize(cubic, [[1.0]], ([a],)).x[0, 0]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(work, [0.5, 1.0, 1.5, 2.0] * 4))
    assert together == [work(a) for a in [0.5, 1.0, 1.5, 2.0]] * 4


def test_a_tampered_module_in_the_cache_is_replaced(tmp_path, monkeypatch):
    from batchnewton import compile as compiler
    from batchnewton.kernels import cache

    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)
    text = "value = 1\n"
    assert compiler.load("tampered", text).value == 1
    (file,) = tmp_path.glob("*.py")
    sys.modules.pop(file.stem)
    file.write_text("value = 2\n")
    assert compiler.load("tampered", text).value == 1
    assert file.read_text() == text


@pytest.mark.parametrize("damage", [lambda whole: whole[:-9], lambda whole: b"", lambda whole: whole[:80] + whole[81:]])
def test_machine_code_that_is_not_whole_is_made_again(damage, tmp_path, monkeypatch):
    from batchnewton.kernels import cache, machine

    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)
    text = "import numpy as np\nfrom batchnewton.kernels.machine import entry\nT = np.float64\n"
    text += f'\n@entry("I")\ndef more(k):\n    return k + 1\n\n# {tmp_path}\n'
    machine.load("damaged", text)
    (file,) = tmp_path.glob("*.o")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    machine._load.cache_clear()  # as another process
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(machine.load("damaged", text)["more"])(41) == 42
    assert file.read_bytes() == whole


@pytest.mark.parametrize("limit", [1, 2, 7, 25, 60])
def test_max_iter_bounds_the_evaluations(limit):
    def hard(x, a):
        return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2 + a * x[0] ** 8

    start = np.random.default_rng(0).uniform(-30, 30, (50, 2))
    result = bn.minimize(hard, start, (np.linspace(0, 1, 50),), max_iter=limit)
    assert result.nfev.max() <= limit


def test_a_minimum_at_zero_from_a_tiny_start_is_a_minimum():
    result = bn.minimize(lambda x: 2 + 1e-3 * (x[0] ** 2 + x[1] ** 2) + x[0] ** 4, [[1e-8, -1e-8], [1e-6, 1.0]])
    assert result.success.all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_data_without_noise_need_no_second_attempt(dtype, monkeypatch):
    """What a newcomer tries first must not wait for the patient path to compile."""
    calls = []
    real = phases.patiently
    monkeypatch.setattr(phases, "patiently", lambda *given: (calls.append(len(given[1])), real(*given)))
    rng = np.random.default_rng(0)
    truth = np.stack([rng.uniform(0.5, 2, 300), rng.uniform(0.5, 2, 300), rng.uniform(0, 0.5, 300)], 1)
    y = decay(T, *truth.T[:, :, None]).astype(dtype)
    result = bn.curve_fit(decay, T, y, [1.5, 1.0, 0.0], dtype=dtype)
    assert result.success.all()
    np.testing.assert_allclose(result.x, truth, rtol=1e-8 if dtype == "float64" else 1e-3)
    assert sum(calls) <= 6  # some starts are hard


@pytest.mark.parametrize("bounds", [None, (0.0, [3.0, 2.0, 3.0]), (0.0, [1.0, 2.0, 3.0])])
def test_a_start_at_the_answer_of_data_without_noise(bounds):
    """F is the rounding of zero there, and falls no more: neither STALLED, nor MAX_ITER where a bound is the answer."""

    def decay(t, a, tau, c):
        return a * np.exp(-t / tau) + c

    t = np.linspace(0, 5, 16)
    for start in ([1.0, 1.0, 0.0], [1.0, 1.0, 1e-9], [1.2, 0.8, 0.1]):
        result = bn.curve_fit(decay, t, np.exp(-t), start, bounds=bounds)
        assert result.success, result.summary()
        np.testing.assert_allclose(result.x, [1.0, 1.0, 0.0], atol=1e-12)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_no_success_where_float32_cannot_hold_the_answer():
    """The patient path runs in float64; its answer of 1e-100 became 0, of 1e50 infinite, with success."""
    small = bn.curve_fit(decay, T, 1e-100 * decays(4)[0], [1e-100, 1.0, 0.0], dtype="float32")
    large = bn.minimize(lambda x: (1e-50 * x[0] - 1.0) ** 2, [1.0], dtype="float32")
    assert not small.success.any() and not large.success
    zero = bn.minimize(lambda x: x[0] ** 2 + x[0] ** 4, [1.0], dtype="float32")  # far below its start, and right
    assert zero.success and abs(zero.x[0]) < 1e-6
