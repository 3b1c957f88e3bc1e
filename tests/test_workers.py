"""Threads and processes of others: no more threads than cores, and the same answers everywhere."""

import ast
import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import batchnewton as bn
from batchnewton import cores, syntax

START = np.random.default_rng(0).uniform(-2, 2, (500, 2))


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def solve(_=0):
    """The default number of threads where this runs, and the answers."""
    return cores.default_threads(), bn.minimize(rosenbrock, START).x


def both_chunks(_=0):
    return bn.minimize(rosenbrock, START, threads=2).x


@pytest.fixture
def plenty(monkeypatch):
    """A machine of 16 cores and no environment."""
    monkeypatch.setattr(cores, "usable_cores", lambda: 16)
    monkeypatch.setattr(cores, "ENVIRONMENT", {})


def test_all_cores_in_the_main_thread_and_in_a_plain_thread(plenty):
    assert cores.default_threads() == 16
    seen = []
    thread = threading.Thread(target=lambda: seen.append(cores.default_threads()))
    thread.start()
    thread.join()
    assert seen == [16]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OMP_NUM_THREADS": "4"}, 4),
        ({"NUMBA_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "4,2", "NUMBA_NUM_THREADS": "6"}, 4),
        ({"OMP_NUM_THREADS": "64"}, 16),
        ({"OMP_NUM_THREADS": "0"}, 16),
        ({"OMP_NUM_THREADS": "many"}, 16),
    ],
)
def test_the_environment_is_heeded(plenty, monkeypatch, environment, expected):
    monkeypatch.setattr(cores, "ENVIRONMENT", environment)
    assert cores.default_threads() == expected


def test_loky_limit_counts_as_cores(monkeypatch):
    monkeypatch.setattr(cores, "ENVIRONMENT", {"LOKY_MAX_CPU_COUNT": "1"})
    assert cores.default_threads() == 1


def test_one_in_a_thread_of_a_pool(plenty, monkeypatch):
    with ThreadPoolExecutor(2) as pool:
        assert pool.submit(cores.default_threads).result() == 1
        monkeypatch.setattr(
            cores, "ENVIRONMENT", {"OMP_NUM_THREADS": "8"}
        )  # meant for the process, not for each thread
        assert pool.submit(cores.default_threads).result() == 1


@pytest.mark.parametrize(
    ("files", "own", "expected"),
    [
        ({"cpu.max": "150000 100000"}, "0::/", 2),
        ({"cpu.max": "max 100000"}, "0::/", None),
        ({"a/cpu.max": "400000 100000", "a/b/cpu.max": "max 100000"}, "0::/a/b", 4),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, "4:cpu,cpuacct:/x\n3:memory:/", 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, "4:cpu:/", None),
        ({}, "", None),
    ],
)
def test_quota_of_a_container(tmp_path, files, own, expected):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "own").write_text(own)
    assert cores.cpu_quota(str(tmp_path), str(tmp_path / "own")) == expected


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib(backend):
    joblib = pytest.importorskip("joblib")
    expected = solve()[1]
    for threads, x in joblib.Parallel(n_jobs=os.cpu_count(), backend=backend)(joblib.delayed(solve)(i) for i in (1, 2)):
        assert threads == 1
        np.testing.assert_array_equal(x, expected)


def test_dask_threads(plenty):
    dask = pytest.importorskip("dask")
    expected = solve()[1]
    for threads, x in dask.compute(*[dask.delayed(solve)(i) for i in range(4)], scheduler="threads"):
        assert threads == 1
        np.testing.assert_array_equal(x, expected)
    assert dask.compute(dask.delayed(solve)(0), scheduler="synchronous")[0][0] == 16


def test_dask_distributed(plenty):
    distributed = pytest.importorskip("distributed")
    options = dict(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None)
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        threads, x = client.submit(solve).result()
    assert threads == 1
    np.testing.assert_array_equal(x, solve()[1])


METHODS = [method for method in ("fork", "spawn") if method in multiprocessing.get_all_start_methods()]
CHILDREN = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import test_workers

if __name__ == "__main__":
    expected = test_workers.both_chunks()  # on threads: what a fork must survive
    with ProcessPoolExecutor(1, multiprocessing.get_context(sys.argv[1])) as pool:
        threads, x = pool.submit(test_workers.solve).result(timeout=120)
        together = pool.submit(test_workers.both_chunks).result(timeout=120)
    print(threads, (x == expected).all() and (together == expected).all())
"""


@pytest.mark.parametrize("method", METHODS)
def test_child_processes_solve_after_the_parent_did(method, tmp_path):
    """In a process of its own: what else these tests have imported may not survive a fork."""
    script = tmp_path / "job.py"
    script.write_text(CHILDREN)
    quiet = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    here = [str(Path(__file__).parent), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    run = [sys.executable, "-W", "ignore", str(script), method]
    environment = quiet | {"PYTHONPATH": os.pathsep.join(here)}
    done = subprocess.run(run, capture_output=True, text=True, env=environment, timeout=300)
    assert done.stdout.split() == ["1", "True"], done.stderr[-2000:]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_while_another_thread_compiles_leaves_no_lock():
    program = textwrap.dedent(
        """
        import os, threading, time
        import batchnewton as bn
        from batchnewton import compile as compiler
        ready, go = threading.Event(), threading.Event()
        bn.minimize(lambda x: (x[0] - 1) ** 2, [2.0])
        def hold():
            with compiler.ONE_AT_A_TIME:
                ready.set()
                go.wait(60)
        threading.Thread(target=hold).start()
        ready.wait()
        child = os.fork()
        if child == 0:
            good = bn.minimize(lambda x: (x[0] - 1) ** 2, [2.0]).x[0] == 1.0
            os._exit(0 if good else 1)
        _, how = os.waitpid(child, 0)
        go.set()
        print(os.waitstatus_to_exitcode(how))
        """
    )
    run = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(run, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=60)
    assert done.stdout.strip() == "0", done.stderr[-2000:]


def test_a_parser_that_stumbles_over_another_thread_is_asked_again(monkeypatch):
    """CPython 3.11 raises SystemError where another thread parses meanwhile (python/cpython#106905)."""
    once = iter([SystemError("AST constructor recursion depth mismatch (before=18, after=9)"), ast.parse("a + b")])

    def parser(text, mode="exec"):
        answer = next(once)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(ast, "parse", parser)
    assert ast.unparse(syntax.parse("a + b")) == "a + b"


def test_a_syntax_error_is_one():
    with pytest.raises(SyntaxError):
        syntax.parse("a +")
