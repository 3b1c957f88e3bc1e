"""Dask arrays in, Dask arrays out; jobs on a cluster of processes, one of which is killed."""

import os
import threading
import time
import types

import numpy as np
import pytest
from job_cases import T, decay, decays, files_of, folder, request

import batchnewton as bn
from batchnewton.jobs.job import run

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
Y = decays((900,))
START = np.random.default_rng(2).uniform(0.8, 1.2, (900, 3))


@pytest.fixture(scope="module")
def cluster():
    """Two processes."""
    distributed = pytest.importorskip("distributed")
    options = dict(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with distributed.LocalCluster(**options) as two, distributed.Client(two, set_as_default=False) as client:
        yield client


def check(lazy, expected, **how):
    names = ("x", "fun", "status", "success", "nit", "nfev", "grad", "hess", "cov", "stderr")
    for name, found in zip(names, dask.compute(*(getattr(lazy, name) for name in names), **how), strict=True):
        np.testing.assert_array_equal(found, getattr(expected, name), err_msg=name)
        assert getattr(lazy, name).shape == found.shape and getattr(lazy, name).dtype == found.dtype


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_curve_fit_gives_the_same_bits_later(dtype):
    """Data in chunks of both axes; starts, sigma and counts in NumPy arrays or Dask arrays of other chunks."""
    sigma, counts = np.full(Y.shape, 0.02), np.full(900, 14)
    expected = bn.curve_fit(decay, T, Y, START, sigma, counts=counts, dtype=dtype)
    y, s = da.from_array(Y, chunks=(400, 5)), da.from_array(sigma, chunks=(123, 16))
    lazy = bn.curve_fit(decay, T, y, START, s, counts=counts, dtype=dtype)
    assert "not solved yet" in repr(lazy) and lazy.names == ("a", "tau", "c")
    check(lazy, expected, scheduler="synchronous")


def test_all_doors_on_threads():
    a = np.linspace(0.1, 0.9, 50)
    lazy = da.from_array(a, chunks=20)
    rows = da.from_array(np.outer(a, np.arange(4.0)), chunks=(7, 2))

    def wave(x, e):
        return x[0] - e * np.sin(x[0]) - 1.0

    def line(x, e, t):
        return x[0] * e - t + 0.1 * x[1] * t

    ones = np.ones((50, 1))
    check(bn.root(wave, ones, args=(lazy,)), bn.root(wave, ones, args=(a,)))
    check(bn.minimize(lambda x, e: (x[0] - e) ** 2, ones, lazy), bn.minimize(lambda x, e: (x[0] - e) ** 2, ones, a))
    check(
        bn.least_squares(line, np.ones((50, 2)), lazy, data=rows),
        bn.least_squares(line, np.ones((50, 2)), a, data=np.asarray(rows)),
    )
    shared = bn.least_squares(line, np.ones((50, 2)), lazy, data=bn.shared(da.arange(4.0, chunks=2)))
    check(shared, bn.least_squares(line, np.ones((50, 2)), a, data=bn.shared(np.arange(4.0))))
    for found, expected in zip(
        bn.value_grad_hess(wave, da.from_array(ones, chunks=9), a), bn.value_grad_hess(wave, ones, a), strict=True
    ):
        np.testing.assert_array_equal(found.compute(), expected)
    single = bn.curve_fit(decay, da.from_array(T), Y[0], [1, 1, 0.0])  # no batch: solved at once
    assert isinstance(single, bn.Result)


def test_nothing_is_solved_before_it_is_wanted_and_then_once(monkeypatch):
    from batchnewton import fitting

    calls = []
    solved = fitting.solved
    monkeypatch.setattr(fitting, "solved", lambda *given: (calls.append(1), solved(*given))[1])
    lazy = bn.curve_fit(decay, T, da.from_array(Y, chunks=(300, 16)), [1, 1, 0.0])
    assert not calls
    dask.compute(lazy.x, lazy.cov, lazy.status, scheduler="synchronous")
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(p0=np.ones((7, 3))), r"shape \(7, 3\); expected a batch axis of 900"),
        (dict(method="magic"), "method='magic' is not known"),
    ],
)
def test_bad_calls(given, message):
    with pytest.raises(ValueError, match=message):
        bn.curve_fit(decay, T, da.from_array(Y), **{"p0": [1, 1, 0.0]} | given).x.compute()
    unknown = da.from_array(Y)[da.from_array(Y)[:, 0] > 0]
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        bn.curve_fit(decay, T, unknown)


def test_formula_of_main_on_a_cluster(cluster):
    """As in a notebook: the workers cannot import it, so it travels by value."""
    main = types.ModuleType("__main__")
    exec("import math\ndef f(t, a, tau, c):\n    return a * math.exp(-t / tau) + c\n", main.__dict__)
    lazy = bn.curve_fit(main.f, T, da.from_array(Y, chunks=(300, 16)), START)
    check(lazy, bn.curve_fit(main.f, T, Y, START), scheduler=cluster.get)


def test_a_killed_worker_loses_nothing(cluster, tmp_path):
    """Two worker processes; one is killed when the first chunks are there."""
    pytest.importorskip("zarr")
    place = folder(tmp_path, (2000,))
    run(request(place, "whole.zarr", chunk=50))
    log = place / "dask.zarr.part" / "done.log"
    victim = next(iter(cluster.run(os.getpid).values()))
    over = threading.Event()

    def kill():
        while not over.is_set() and not (log.exists() and log.read_bytes().count(b"\n") >= 3):
            time.sleep(0.002)
        os.kill(victim, 9)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        report = run(request(place, "dask.zarr", chunk=50, dask=cluster.scheduler.address))
    finally:
        over.set()
        killer.join()
    assert sum(report.status.values()) == 2000
    assert files_of(place / "dask.zarr") == files_of(place / "whole.zarr")


def test_a_killed_worker_of_a_local_cluster_loses_nothing(tmp_path):
    """The job's own two processes, as ``--dask local --workers 2`` starts them."""
    pytest.importorskip("zarr")
    pytest.importorskip("distributed")
    psutil = pytest.importorskip("psutil")
    place = folder(tmp_path, (2000,))
    run(request(place, "whole.zarr", chunk=50))
    log = place / "local.zarr.part" / "done.log"
    others, over, killed = {one.pid for one in psutil.Process().children(recursive=True)}, threading.Event(), []

    def kill():
        while not over.is_set() and not (log.exists() and log.read_bytes().count(b"\n") >= 3):
            time.sleep(0.002)
        fresh = [one for one in psutil.Process().children(recursive=True) if one.pid not in others]
        workers = [one for one in fresh if any("spawn_main" in word for word in one.cmdline())]
        killed.append((len(workers), log.exists()))
        workers[0].kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        report = run(request(place, "local.zarr", chunk=50, dask="local", workers=2))
    finally:
        over.set()
        killer.join()
    assert killed == [(2, True)]  # one of two, before the end
    assert sum(report.status.values()) == 2000
    assert files_of(place / "local.zarr") == files_of(place / "whole.zarr")
