"""Jobs that are killed, resumed, locked out, refused: the output is bit for bit that of an undisturbed run."""

import errno
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from job_cases import SOURCE, files_of, folder, request, run_in_child

from batchnewton.jobs import durable, outputs
from batchnewton.jobs.checkpoint import Checkpoint, difference
from batchnewton.jobs.errors import JobError, Refused
from batchnewton.jobs.inspection import open_result
from batchnewton.jobs.job import run

pytest.importorskip("zarr")
ROOT = Path(__file__).parents[1]
KILLS = int(os.environ.get("BATCHNEWTON_TEST_KILLS", "10"))  # of one job, which is as long as that takes
FITS = 250 * KILLS


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    place = folder(tmp_path_factory.mktemp("job"), (FITS,))
    run(request(place, "whole.zarr", chunk=50))
    run(request(place, "whole.npz", chunk=50))
    return place


def killed(place, output, chunks, seconds):
    """Run the job in a process, killed so long after so many more chunks; whether it came to its end before."""
    log = place / f"{output}.part" / "done.log"
    goal = finished(log) + chunks
    process = servants().Process(target=run_in_child, args=(place, output, 50))
    process.start()
    while process.exitcode is None and finished(log) < goal:
        process.join(0.002)
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
    assert process.exitcode in (0, -9), process.exitcode
    return process.exitcode == 0


def finished(log):
    """Chunks that a log records."""
    return log.read_bytes().count(b"\n") if log.exists() else 0


def servants():
    """Processes with all imports done, so that a kill strikes the work."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["job_cases", "zarr"])
    return context


@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="no SIGKILL here")
def test_killed_at_random_moments(undisturbed):
    moments, kills, seen = random.Random(7), 0, []
    output = undisturbed / "killed.zarr"
    log = undisturbed / "killed.zarr.part" / "done.log"
    while kills < KILLS:
        if killed(undisturbed, "killed.zarr", moments.randint(0, 6), moments.uniform(0, 0.05)):
            assert files_of(output) == files_of(undisturbed / "whole.zarr")
            shutil.rmtree(output)
            continue
        kills += 1
        assert not output.exists()
        seen.append(finished(log))
    run_in_child(undisturbed, "killed.zarr", 50)
    assert files_of(output) == files_of(undisturbed / "whole.zarr")
    assert len({done for done in seen if 0 < done < FITS // 50}) > 3, seen  # kills struck in the middle
    assert not log.parent.exists()


@pytest.mark.parametrize(("output", "steps"), [("out.zarr", 140), ("out.npz", 19)])
def test_killed_between_any_two_steps_of_a_chunk(undisturbed, monkeypatch, output, steps):
    """The steps of writing: where each of them ends nothing is lost and nothing counts that is not there."""
    whole = files_of(undisturbed / f"whole{Path(output).suffix}")
    sync, calls = durable.sync, []
    monkeypatch.setattr(durable, "sync", lambda path: (calls.append(path), sync(path))[1])
    moments, target = random.Random(1), undisturbed / output
    for stop in sorted(moments.sample(range(3, steps), 4)):
        calls.clear()

        def dying(path, stop=stop):
            if len(calls) == stop:
                raise SystemError("power cut")
            calls.append(path)
            return sync(path)

        monkeypatch.setattr(durable, "sync", dying)
        with pytest.raises(SystemError, match="power cut"):
            run(request(undisturbed, output, chunk=50, resume=True))
        assert not target.exists()
        log = undisturbed / f"{output}.part" / "done.log"
        if log.exists():
            log.write_bytes(log.read_bytes() + b'{"chunk": 7')  # what a power cut leaves of a line
        for chunks in log.parent.rglob("c"):
            (chunks / "9.0123456789abcdef.partial").write_bytes(b"")  # and of a chunk that Zarr was writing
    monkeypatch.setattr(durable, "sync", sync)
    report = run(request(undisturbed, output, resume=True))  # the size of the chunks is remembered
    assert report.resumed > 0 and sum(report.status.values()) == FITS
    assert files_of(target) == whole
    assert run(request(undisturbed, output, resume=True)).finished_before


@pytest.mark.parametrize("step", ["before", "between", "after"])
def test_killed_while_the_output_is_published(tmp_path, monkeypatch, step):
    """Also where an older output is replaced: at each moment the old one or the new one, or the way on, is there."""
    place = folder(tmp_path, (300,))
    run(request(place, max_iter=400, chunk=100))
    run(request(place, "whole.zarr", chunk=100))
    replace, published = os.replace, place / "out.zarr"

    def dying(source, target):
        last = target == published
        if (step == "before" and str(target).endswith("old")) or (step == "between" and last):
            raise SystemError("killed")
        replace(source, target)
        if last:
            raise SystemError("killed")

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(SystemError, match="killed"):
        run(request(place, overwrite=True, chunk=100))
    monkeypatch.setattr(os, "replace", replace)
    run(request(place, resume=True))
    assert files_of(published) == files_of(place / "whole.zarr")
    assert not (place / "out.zarr.part").exists()


@pytest.mark.skipif(os.name == "nt", reason="no process groups here")
@pytest.mark.parametrize("where", [[], ["--dask", "local", "--workers", "2"]], ids=["here", "dask"])
def test_ctrl_c_as_a_terminal_sends_it(tmp_path, where):
    """To all processes of the job: one line, exit status 130, and the way on."""
    if where:
        pytest.importorskip("distributed")
    place = folder(tmp_path, (6000,))
    words = [f"{place}/decay.py:decay", f"{place}/y.npy", "-o", f"{place}/out.zarr", "--x", f"{place}/t.npy"]
    command = [sys.executable, "-m", "batchnewton", "fit", *words, "--p0", "1,1,0", "--chunk", "50", "--quiet", *where]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, cwd=ROOT
    )
    while process.poll() is None and finished(place / "out.zarr.part" / "done.log") < 3:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    told = process.communicate(timeout=60)[0]
    assert process.returncode == 130, told
    message = f"interrupted; what was finished is kept: go on with --resume ({place}/out.zarr)"
    assert told.splitlines()[-1] == message and told.count("\n") == 1
    assert run(request(place, resume=True)).resumed >= 3


def interrupted(place, monkeypatch, error, at=3, **more):
    """A job that fails at its ``at``-th chunk."""
    put = outputs.ZarrSink.put

    def failing(self, number, answers):
        if number == at:
            raise error
        put(self, number, answers)

    monkeypatch.setattr(outputs.ZarrSink, "put", failing)
    try:
        run(request(place, chunk=50, **more))
    finally:
        monkeypatch.setattr(outputs.ZarrSink, "put", put)


def test_full_disk(tmp_path, monkeypatch):
    place = folder(tmp_path, (500,))
    run(request(place, "whole.zarr", chunk=50))
    with pytest.raises(JobError, match=r"the disk is full .*; 3 chunks are kept: make room, then go on with --resume"):
        interrupted(place, monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(JobError, match="was begun and not finished; --resume goes on"):
        run(request(place))
    with pytest.raises(JobError, match="out.zarr is not finished; 'fit --resume' goes on"):
        open_result(place / "out.zarr")
    assert run(request(place, resume=True)).resumed == 3
    assert files_of(place / "out.zarr") == files_of(place / "whole.zarr")


def change_input(place):
    array = np.load(place / "y.npy")
    array[0, 0] += 1
    np.save(place / "y.npy", array)
    return {}


def change_formula(place):
    (place / "decay.py").write_text(SOURCE.replace("+ c", "- c"))
    return {}


def change_x(place):
    np.save(place / "t.npy", np.load(place / "t.npy") * 2)
    return {}


CHANGES = {
    "input": (change_input, "input.input.changed was"),
    "shape": (lambda place: np.save(place / "y.npy", np.load(place / "y.npy")[:300]) or {}, "input.input.size was"),
    "formula": (change_formula, "model.source has changed"),
    "abscissae": (change_x, "x was"),
    "start": (lambda place: {"p0": "1,1,1"}, "options.p0 was '1,1,0' and is '1,1,1'"),
    "precision": (lambda place: {"dtype": "float32"}, "options.dtype was 'float64' and is 'float32'"),
    "chunk": (lambda place: {"chunk": 60}, r"chunk was \[50\] and is \[60\]"),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("finished", [False, True])
def test_what_has_changed_is_refused_and_named(tmp_path, monkeypatch, what, finished):
    place = folder(tmp_path, (400,))
    if finished:
        run(request(place, chunk=50))
    else:
        with pytest.raises(KeyboardInterrupt):
            interrupted(place, monkeypatch, KeyboardInterrupt())
    change, message = CHANGES[what]
    more = change(place)
    with pytest.raises(Refused, match=message):
        run(request(place, resume=True, **more))
    run(request(place, overwrite=True, **more))


def test_two_jobs_on_one_output_exclude_each_other(tmp_path):
    place = folder(tmp_path, (100,))
    with Checkpoint(place / "out.zarr"):
        for more in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(Refused, match="another job is writing out.zarr"):
                run(request(place, **more))
    run(request(place))


def test_differences_are_named():
    assert difference({"a": {"b": 1}}, {"a": {"b": 1}}) is None
    assert difference({"a": {"b": 1}}, {"a": {"b": 2}}) == "a.b was 1 and is 2"
    assert difference({"a": 1}, {}) == "a was 1 and is None"
    assert difference("x" * 100, "x" * 100 + "y") == " has changed"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss counts otherwise")
def test_memory_does_not_grow_with_the_input(tmp_path):
    """300 MB of data in a memory map: beside what the program itself takes, little more than four chunks of 32 MiB."""
    place = folder(tmp_path, (50,))
    (place / "line.py").write_text("def f(t, a, b):\n    return a + b * t\n")
    rows = np.lib.format.open_memmap(place / "big.npy", "w+", np.float32, (100_000, 750))
    rows[:] = np.arange(750) + np.random.default_rng(0).normal(0, 1, 750)
    rows.flush()
    np.save(place / "small.npy", rows[:100])
    peaks = []
    for name in ("small", "big"):
        words = [f"{place}/line.py:f", f"{place}/{name}.npy", "-o", f"{place}/{name}.zarr", "--p0", "1,0", "--quiet"]
        program = (
            "import resource, sys\nfrom batchnewton.jobs.cli import main\n"
            "main(sys.argv[1:], standalone_mode=False)\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        command = [sys.executable, "-c", program, "fit", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=120)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout.splitlines()[-1]) * 1024)
    assert peaks[1] - peaks[0] < 160 * 2**20 < rows.nbytes


def test_progress_in_a_log_is_plain_lines(tmp_path, capsys, monkeypatch):
    from batchnewton.jobs import progress

    monkeypatch.setattr(progress, "SECONDS", 0.0)
    run(request(folder(tmp_path, (300,)), chunk=100, quiet=False))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" fits, ")[0].strip() for line in lines] == [
        " 33.3 %  100 of 300".strip(),
        "66.7 %  200 of 300",
        "100.0 %  300 of 300",
    ]
    assert all("100.00 % converged" in line and "s left" in line for line in lines)


def test_ctrl_c_while_an_object_is_thrown_away_is_not_forgotten():
    """Python tells of a KeyboardInterrupt in ``__del__`` and goes on: a job on Dask once ran to its end so."""
    from batchnewton.jobs.stream import interrupts_kept

    class Thrown:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    with interrupts_kept() as noted:
        Thrown()
        assert noted == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
