"""Ctrl-C: the solve ends soon, and what was finished is what it would have been."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import batchnewton as bn

ROOT = Path(__file__).parents[1]
PROGRAM = """
import os, signal, sys, threading, time
import numpy as np
import batchnewton as bn
from batchnewton import schedule

def term(x, a, t):
    return (x[0] - a) ** 2 * (1 + t) + 0.1 * (x[1] - x[0] * t) ** 4 + np.exp(0.01 * t * x[1])

B, rows = {size}, {rows}
a = np.random.default_rng(0).uniform(0.5, 2, B)
t = bn.shared(np.linspace(0, 1, rows))

def run(size, **options):
    return bn.minimize(term, np.ones((size, 2)), (a[:size],), data=t, **options)

whole = run(8, threads=1)  # everything is compiled, the patient path too
sent = []
def interrupt():
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.4, interrupt).start()
try:
    run(B, threads={threads}, max_iter=400)
except bn.Interrupted as stopped:
    took, result, said = time.perf_counter() - sent[0], stopped.result, str(stopped)
else:
    sys.exit("it was not interrupted")
assert issubclass(bn.Interrupted, KeyboardInterrupt) and took < 3.0, took
state = result.status
ended = state != bn.Status.NOT_RUN
print("finished", ended.sum(), "of", B, "after", round(took, 3), file=sys.stderr)
assert not ended.all() and not result.success[~ended].any() and str(int(ended.sum())) in said
np.testing.assert_array_equal(result.x[~ended], 1.0)
assert np.isnan(result.fun[~ended]).all() and (result.nfev[~ended] == 0).all()
some = np.flatnonzero(ended)
assert {least} <= some.size
if some.size:
    some = some[:: max(1, len(some) // 200)]
    again = bn.minimize(term, np.ones((len(some), 2)), (a[some],), data=t, threads=1, max_iter=400)
    for name in ("x", "fun", "status", "nit", "nfev"):
        np.testing.assert_array_equal(getattr(again, name), getattr(result, name)[some], err_msg=name)
assert "NOT_RUN" in result.summary() and "interrupted" in result.message(int(np.flatnonzero(~ended)[0]))
threading.Timer(0.3, interrupt).start()  # nothing is left over: it works again, and so does a plain Ctrl-C
try:
    time.sleep(5)
    sys.exit("no second interrupt")
except KeyboardInterrupt:
    pass
assert run(8, threads=1).x.tobytes() == whole.x.tobytes()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill cannot send Ctrl-C to this process alone")
@pytest.mark.parametrize(
    ("threads", "size", "rows", "least"), [(1, 500_000, 400, 1), (2, 1_000_000, 400, 1), (1, 64, 1_500_000, 0)]
)
def test_an_interrupted_run_keeps_what_was_finished(threads, size, rows, least):
    program = textwrap.dedent(PROGRAM).format(threads=threads, size=size, rows=rows, least=least)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    print(done.stderr)


def test_an_interrupt_from_the_progress_callback_keeps_what_was_finished(monkeypatch):
    def stop(done, total):
        if done >= 500:
            raise KeyboardInterrupt

    monkeypatch.setattr("batchnewton.schedule.LONGEST", 100)
    start = np.linspace(1, 2, 1000)[:, None]
    with pytest.raises(bn.Interrupted) as caught:
        bn.minimize(lambda x: (x[0] - 3) ** 2 + x[0] ** 4, start, threads=1, progress=stop)
    result = caught.value.result
    ended = result.status != bn.Status.NOT_RUN
    assert 500 <= ended.sum() < 1000 and result.success[ended].all()
    whole = bn.minimize(lambda x: (x[0] - 3) ** 2 + x[0] ** 4, start)
    np.testing.assert_array_equal(result.x[ended], whole.x[ended])
    np.testing.assert_array_equal(result.x[~ended], start[~ended])


def test_an_interrupt_within_a_chunk_takes_back_what_is_not_certain(monkeypatch):
    """Between the kernels and the marking of bounds a status may say too much."""

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("batchnewton.phases.mark_bounds", stop)
    with pytest.raises(bn.Interrupted) as caught:
        bn.minimize(lambda x: (x[0] - 3) ** 2 + x[0] ** 4, [[1.0], [2.0]], bounds=(None, 0.5), threads=1)
    assert (caught.value.result.status == bn.Status.NOT_RUN).all()
    np.testing.assert_array_equal(caught.value.result.x, [[0.5], [0.5]])
