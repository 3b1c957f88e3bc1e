"""The benchmark against peers runs, counts right, and its peers solve what they are measured on."""

import json
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import workloads

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "asv_benchmarks"))

from peers_runners import (  # noqa: E402
    accuracy,
    cupy_peer,
    gpufit_peer,
    limits,
    numpy_peer,
    registry,
    robust,
    scipy_peer,
    startup,
    table,
    worker,
)

without_jax = pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed: its peers have not run")
ROWS = 16


@pytest.fixture
def quiet():
    """The peers silence NumPy and warnings for the whole of their process."""
    with np.errstate(), warnings.catch_warnings():
        yield


def rows(workload):
    return {key: value.astype(float) for key, value in workloads.make(workload, ROWS).items()}


def solved_by(module, name, workload):
    """Costs that each candidate of a peer ends with."""
    data = rows(workload)
    for candidate in module.candidates(name, workload, data, "float64", 1):
        parts = candidate.build()(ROWS)
        assert sum(len(counts) for _, counts in parts) == ROWS
        yield workloads.cost(workload, data, np.concatenate([np.asarray(x) for x, _ in parts]))


@pytest.mark.parametrize("workload", registry.WORKLOADS)
def test_numpy_and_scipy_find_the_same_minima(workload, quiet):
    costs = [*solved_by(numpy_peer, "numpy", workload), *solved_by(scipy_peer, "scipy", workload)]
    least = np.fmin.reduce(costs)
    assert np.mean([cost <= 1.00001 * least + 1e-10 for cost in costs]) > 0.9


@without_jax
@pytest.mark.parametrize(("name", "workload"), [("jax-unrolled", "W2"), ("jax-cho-hessian", "W5")])
def test_jax_finds_the_same_minima(name, workload, quiet):
    from peers_runners import jax_peer

    (cost,) = solved_by(jax_peer, name, workload)
    least = next(solved_by(numpy_peer, "numpy", workload))
    assert np.allclose(cost, least, rtol=1e-5, atol=1e-10)


@without_jax
def test_unrolled_cholesky_solves():
    from peers_runners import jax_peer

    A, g = np.array([[4.0, 2, 1], [2, 5, 3], [1, 3, 6]], np.float32), np.array([1, 2, 3], np.float32)
    assert np.allclose(jax_peer.unrolled(A, g), np.linalg.solve(A, g), rtol=1e-5)


def test_whole_run(tmp_path):
    """Peers alternating on one core; a table, JSON and Markdown with nothing left out."""
    options = {"workloads": "W5", "dtypes": "float64", "peers": "ours,numpy,scipy", "problems": 32, "cores": 1}
    options |= {"seconds": 0.01, "rounds": 2, "json": "peers.json", "markdown": "peers.md", "cache": "cache"}
    given = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, ROOT / "asv_benchmarks" / "peers.py", *given]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "peers.json").read_text())
    assert found["machine"]["packages"]["numpy"] == np.__version__
    assert [row["peer"] for row in found["rows"]] == ["ours", "numpy", "scipy"]
    for row in found["rows"]:
        assert len(row["rates"]) == 2 and min(row["rates"]) > 0 and row["solved"] > 0.9, row
    assert "W5 float64: ours / " in done.stdout
    assert "| W5 | float64 | scipy |" in (tmp_path / "peers.md").read_text()


def test_who_finds_a_lower_minimum_sets_the_standard(tmp_path, quiet):
    file = accuracy.data_file(tmp_path, "W2", ROWS)
    best = accuracy.best_known(tmp_path, "W2", ROWS, [])
    truth = workloads.make("W2", ROWS)["truth"]
    assert np.all(best < workloads.cost("W2", rows("W2"), truth))
    assert accuracy.fraction_solved("W2", file, truth, best, "float64") == 0.0
    assert np.array_equal(accuracy.best_known(tmp_path, "W2", ROWS, [truth]), best)


def test_a_name_stands_for_its_variants():
    assert [peer.name for peer in registry.chosen(["ours", "jax-cho"])] == [
        *("ours", "ours-loose", "ours-pow"),
        *("jax-cho", "jax-cho-hessian"),
    ]
    with pytest.raises(SystemExit, match="no peer 'jacks'"):
        registry.chosen(["jacks"])


def test_peers_on_a_gpu_are_others():
    assert [peer.module for peer in registry.chosen(["ours", "gpufit"], "cuda")] == ["ours_cuda", "gpufit_peer"]
    assert {peer.device for peer in registry.chosen(registry.roots("cuda"), "cuda")} == {"cuda"}
    assert registry.size(registry.chosen(["cupy"], "cuda")[0], "W2", 10_000_000) == 10_000_000
    with pytest.raises(SystemExit, match="no peer 'cupy'"):
        registry.chosen(["cupy"])


@pytest.mark.parametrize("workload", ["W2", "W4", "W5"])
def test_the_numpy_peer_computes_with_another_library(workload, quiet):
    """Its copy has the library's functions, and the original keeps NumPy's."""
    calls = []

    class Library:
        def __getattr__(self, name):
            calls.append(name)
            return np.asarray if name == "asnumpy" else getattr(np, name)

    candidates = cupy_peer.with_library(Library(), workload, rows(workload), "float64")
    (x, evaluations), *_ = candidates[0].build()(ROWS)
    (least,) = {tuple(cost) for cost in list(solved_by(numpy_peer, "numpy", workload))[:1]}
    assert np.allclose(workloads.cost(workload, rows(workload), x), least, rtol=1e-9, atol=1e-10)
    assert len(evaluations) == ROWS and "asnumpy" in calls and numpy_peer.np is np


def test_gpufit_gets_what_it_takes():
    """Its own call, with a stand-in: arrays of float32 in rows, the model of W1's five parameters in W1's order."""
    asked = {}

    class Gpufit:
        ModelID = type("ModelID", (), {"GAUSS_2D": 1})
        EstimatorID = type("EstimatorID", (), {"LSE": 0})

        @staticmethod
        def fit(data, weights, model, start, tolerance, most, fitted, estimator):
            asked.update(data=data, model=model, start=start)
            return start, np.zeros(len(data)), np.zeros(len(data)), np.full(len(data), 4), 0.1

    data = rows("W1_5")
    ((x, iterations),) = gpufit_peer.prepare(Gpufit, data)(3)
    assert asked["data"].dtype == np.float32 and asked["data"].shape == (3, 25) and asked["model"] == 1
    assert np.array_equal(x, data["p0"][:3].astype(np.float32)) and iterations.tolist() == [4, 4, 4]


def test_robustness_is_judged_not_believed(monkeypatch):
    some = [one for one in robust.nist.problems() if one.name in ("Misra1a", "Nelson", "BoxBOD", "Rat43")]
    monkeypatch.setattr(robust.nist, "problems", lambda: some)
    certified = {one.name: one.certified for one in some}
    right = robust.on_nist(lambda problem, starts: [(certified[problem.name], True, 1)] * len(starts))
    assert (right.runs, right.solved, right.success, right.false) == (8, 8, 8, []) and np.mean(right.digits) > 10
    wrong = robust.on_nist(lambda problem, starts: [(x0, True, 1) for x0 in starts])
    assert (wrong.solved, wrong.success, len(wrong.false)) == (0, 8, 8)
    silent = robust.on_nist(lambda problem, starts: [(x0 * np.nan, False, 1) for x0 in starts])
    assert (silent.solved, silent.success, silent.false) == (0, 0, [])
    measured = robust.on_nist(robust.SOLVERS["scipy-trf"][1])
    assert measured.solved >= 6 and min(measured.evaluations) > 4


def test_startup_of_a_process(tmp_path):
    (peer,) = registry.chosen(["numpy"])
    imports, first, second, whole = startup.process(peer, "W2", "float64", str(tmp_path))
    assert 0 < imports + first + second < whole
    missing = registry.Peer("none", "no_such_peer", "not there")
    assert startup.process(missing, "W2", "float64", str(tmp_path)).startswith("failed: ImportError")
    assert worker.absent("ModuleNotFoundError: No module named 'cupy.core'") == "cupy is not installed"


def test_only_peers_that_solve_everything_compete():
    def row(peer, rates, solved):
        ratios = [ours / rate for ours, rate in zip([10.0, 12.0], rates, strict=True)]
        return table.Row("W2", "float64", 1, peer, rates, ratios, solved, 5.0, 0.0)

    measured = [row("ours", [10.0, 12.0], 1.0), row("sloppy", [9.0, 9.0], 0.5), row("good", [2.0, 2.0], 1.0)]
    absent = table.Row("W2", "float64", 1, "missing", note="it is not installed")
    assert table.summaries([*measured, absent]) == ["W2 float64: ours / good = 5.50 (5.00 to 6.00)"]
    assert absent.cells()[3] == "n/a" and absent.cells()[-1] == "it is not installed"


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("62 f1 fd 48 58 00", ("arith", "arith 512")),  # vaddpd zmm0, zmm0, [rax]
        ("c5 fd 5e c1", ("arith", "arith 256", "div")),  # vdivpd ymm0, ymm0, ymm1
        ("c4 e2 fd b8 c1", ("arith", "arith 256")),  # vfmadd231pd ymm0, ymm0, ymm1
        ("c5 fb 58 c1", ("arith", "arith 128")),  # vaddsd xmm0, xmm0, xmm1
        ("c5 fd 10 00", ("moves",)),  # vmovupd ymm0, [rax]
        ("c5 f8 77", ("other",)),  # vzeroupper
        ("48 01 c8", ("other",)),  # add rax, rcx
    ],
)
def test_instructions_are_told_apart(code, kinds):
    assert limits.kind(bytes.fromhex(code).ljust(8, b"\0")) == kinds
