"""What `gpu_check` says of its parts, without a GPU: the CPU takes its place."""

import gpu_batches
import gpu_judge
import gpu_speed
import pytest
import workloads


def fails():
    raise ValueError("no")


def test_all_parts_that_fail_are_named():
    with pytest.raises(AssertionError) as failure:
        gpu_judge.each([("one", fails), ("two", lambda: "fine"), ("three", fails)])
    assert str(failure.value) == "one: ValueError: no\nthree: ValueError: no"


def test_what_is_left_out_is_said(monkeypatch):
    monkeypatch.setattr(gpu_judge, "UNTIL", [0.0])
    assert gpu_judge.each([("one", fails)]) == "the rest LEFT OUT: the time is over"
    assert gpu_judge.count([("one", fails)], "cases") == "0 of 1 cases"


@pytest.mark.parametrize("wrong", [False, True])
def test_every_workload_is_compared(wrong, monkeypatch):
    """Of full length; the answers of a GPU that is wrong are no success of the check."""

    def run(name, data, dtype, where):
        result = gpu_speed.run_host(name, data, dtype, "cpu")
        if wrong and where == "cuda":
            result.x[:] += 1.0
        return result

    make = workloads.make
    monkeypatch.setattr(workloads, "make", lambda name, B: make(name, 6))
    monkeypatch.setattr(gpu_batches, "run_host", run)
    if not wrong:
        assert gpu_batches.workloads_solved(False).count("same status 1.0000, solved 1.0000") == 12
        return
    with pytest.raises(AssertionError) as failure:
        gpu_batches.workloads_solved(False)
    named = {line.split(":")[0] for line in str(failure.value).splitlines()}
    every = {f"{name} {dtype}" for name in workloads.RECIPES for dtype in ("float64", "float32")}
    assert named == every - {"W5 float32"}  # of which float32's last digit is asked
