"""Settings for all tests. The modules `problems`, `reference` and `workloads` of this folder can be imported."""

import os
import signal

import hypothesis
import pytest

pytest.register_assert_rewrite("derive_users")  # a check of several test files
os.environ.setdefault("MPLBACKEND", "Agg")  # pictures open no windows

# What a shell starts in the background ignores Ctrl-C, and hands that on to the processes of tests that send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A first example may compile for seconds; in CI every run tries the same examples.
hypothesis.settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("house")


def gpu_count() -> int:
    try:
        from numba import cuda

        return len(cuda.gpus) if cuda.is_available() else 0
    except Exception:  # a broken driver raises its own kinds of error
        return 0


def pytest_collection_modifyitems(config, items):
    marked = [item for item in items if "gpu" in item.keywords]
    if marked and not gpu_count():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no GPU here: this test has not run"))
