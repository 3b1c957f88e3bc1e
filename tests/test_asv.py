"""The asv suite: what it measures is what it says, and what is not there is n/a."""

import importlib
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
import workloads

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "asv_benchmarks"))

from benchmarks import common, starting, steps, throughput  # noqa: E402

FOLDER = ROOT / "asv_benchmarks" / "benchmarks"
KINDS = ("time_", "timeraw_", "track_", "peakmem_")


def found():
    """Benchmarks as asv finds them: (class, method name)."""
    for path in sorted(FOLDER.glob("[!_]*.py")):
        module = importlib.import_module(f"benchmarks.{path.stem}")
        for one in vars(module).values():
            if inspect.isclass(one) and one.__module__ == module.__name__:
                yield from ((one, name) for name in vars(one) if name.startswith(KINDS))


def test_programs_are_not_benchmarks():
    programs = {path.stem for path in FOLDER.parent.glob("*.py")}
    assert {"feeding", "peers", "scaling"} <= programs
    modules = {one.__module__ for one, _ in found()}
    assert modules == {f"benchmarks.{path.stem}" for path in FOLDER.glob("[!_]*.py")} - {"benchmarks.common"}


@pytest.mark.parametrize(("one", "name"), list(found()), ids=lambda value: getattr(value, "__name__", value))
def test_every_benchmark_takes_its_parameters(one, name):
    params, names = getattr(one, "params", ()), getattr(one, "param_names", ())
    assert len(params) == len(names)
    cached = hasattr(one, "setup_cache")
    given = [object()] * (len(params) + cached)
    inspect.signature(getattr(one, name)).bind(None, *given)
    if hasattr(one, "setup"):
        inspect.signature(one.setup).bind(None, *given)
    assert not name.startswith("track_") or getattr(getattr(one, name), "unit", None)


def test_tracked_solves_its_workload():
    tracked = throughput.Tracked()
    tracked.setup("W2", "float64")
    result = tracked.solve()
    assert len(result.x) == throughput.TRACKED["W2"] and result.success.mean() > 0.999


def test_quality_sees_what_is_not_solved():
    best = {"W2": throughput.best_cost("W2", workloads.make("W2", throughput.CHECKED))}
    quality, chosen = throughput.Quality(), (best, "W2", "default", "float64", "cpu")
    quality.setup(*chosen)
    assert 3 < quality.track_evaluations(*chosen) < 8
    assert quality.track_share_solved(*chosen) == 1.0
    spoilt = quality.result.x.copy()
    spoilt[:250] *= 1.01
    quality.result = type("Answers", (), {"x": spoilt})
    assert quality.track_share_solved(*chosen) == 0.75


def test_large_batches_repeat_a_workload(monkeypatch):
    monkeypatch.setattr(common, "ORIGINAL", 10)
    data, once = common.arrays("W2", "float64", 25), common.arrays("W2", "float64", 10)
    assert data["y"].shape == (25, 16) and data["y"].dtype == float and set(data) == {"x", "y", "p0"}
    assert np.array_equal(data["y"][20:], once["y"][:5]) and np.array_equal(data["x"], once["x"])


def test_fits_per_second_is_the_median_of_rounds(monkeypatch):
    seconds = iter([0.01, 0.2, 0.2, 0.1, 3.0, 0.2])  # one call to choose how many; five rounds of ten
    calls = []
    monkeypatch.setattr(common, "timed", lambda solve, count: (calls.append(count), next(seconds))[1])
    assert common.fits_per_second(lambda: None, 6) == 6 * 10 / 0.2
    assert calls == [1, 10, 10, 10, 10, 10]


def test_slow_calls_have_fewer_rounds(monkeypatch):
    seconds = iter([2.0, 1.0, 3.0])  # the first one counts, too
    monkeypatch.setattr(common, "timed", lambda solve, count: next(seconds))
    assert common.fits_per_second(lambda: None, 6) == 6 / 2.0


def test_what_is_not_there_is_not_measured(monkeypatch):
    from batchnewton import gpus

    monkeypatch.setattr(gpus, "obstacle", lambda: "no GPU")
    with pytest.raises(NotImplementedError, match="no GPU"):
        throughput.Throughput().setup("W2", "float64", "cuda", "1")
    with pytest.raises(NotImplementedError, match="cores"):
        common.need_cores(100_000)
    monkeypatch.setattr(common, "free_memory", lambda: 2.0**20)
    with pytest.raises(NotImplementedError, match="GiB of memory"):
        common.arrays("W2", "float64", 100_000)


def test_cholesky_factorises():
    """``1 1ᵀ + n I``: the pivots are n + n / (n + j), by hand."""
    factor, arrays = steps.factorisation(2, "float64", times=1)
    factor()
    assert np.allclose(arrays["inverse_0"], 1 / 3) and np.allclose(arrays["inverse_1"], 1 / (3 - 1 / 3))
    assert np.allclose(arrays["lower_1_0"], 1 / 3)


def test_first_call_of_a_process(tmp_path):
    assert starting.first_call("W5", "float64", str(tmp_path)) > 0
    assert list(tmp_path.glob("kernels/valley*.py"))  # what it compiled lies there, and nowhere else
