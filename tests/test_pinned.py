"""Pinned memory: laid out without overlap, kept for the next batch on the same GPU, not without end."""

import types

import numpy as np
import pytest

from batchnewton import pinned


@pytest.fixture
def cuda(monkeypatch):
    """A GPU's memory, which counts what is asked of it."""
    asked = []

    def pinned_array(size, dtype):
        asked.append(size)
        return np.empty(size, dtype)

    monkeypatch.setattr(pinned, "FREE", [])
    return types.SimpleNamespace(asked=asked, current_context=lambda: "a", pinned_array=pinned_array)


KINDS = [(100, np.float32), (7, np.int8), (0, np.float64), (33, np.float64)]


def test_arrays_lie_side_by_side(cuda):
    arrays = pinned.Arrays(cuda, KINDS).arrays
    assert [(one.size, one.dtype) for one in arrays] == [(size, np.dtype(dtype)) for size, dtype in KINDS]
    for k, one in enumerate(arrays):
        one[:] = k
    assert all((one == k).all() for k, one in enumerate(arrays))
    assert len(cuda.asked) == 1


def test_memory_is_used_again_on_its_gpu(cuda):
    first = pinned.Arrays(cuda, KINDS)
    block = first.block[1]
    first.give_back()
    cuda.current_context = lambda: "b"
    assert pinned.Arrays(cuda, KINDS).block[1] is not block
    cuda.current_context = lambda: "a"
    assert pinned.Arrays(cuda, KINDS).block[1] is block
    assert pinned.Arrays(cuda, KINDS).block[1] is not block  # which is in use
    assert len(cuda.asked) == 3


def test_no_more_is_kept_than_is_right(cuda, monkeypatch):
    monkeypatch.setattr(pinned, "KEPT", 1_000_000)
    some = [pinned.Arrays(cuda, [(100_000, np.float32)]) for _ in range(5)]
    for one in some:
        one.give_back()
    assert [block for _, block in pinned.FREE] == [one.block[1] for one in some[3:]]  # the last ones
    small = pinned.Arrays(cuda, [(10, np.int8)])
    assert small.block[1].size < 1000  # a large block is not spent on it
