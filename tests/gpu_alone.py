"""What a GPU must do whatever the CPU does: the same bits every time, also beside bad data and with little memory;
large arrays; arrays that stay where they are."""

from typing import Any
from unittest import mock

import gpu_speed
import numpy as np
import workloads
from both_devices import FIELDS
from gpu_speed import libraries, run_host

import batchnewton as bn
from batchnewton import device, gpus


def same_bits(small: bool) -> str:
    """Three runs, short chunks and reversed order give the same bits."""
    size = 24 if small else 50_000
    data = workloads.make("W2", size)
    first = run_host("W2", data, "float32", "cuda")
    runs = [run_host("W2", data, "float32", "cuda") for _ in range(2)]
    with mock.patch.object(device, "LONGEST", max(1, size // 7)):
        runs.append(run_host("W2", data, "float32", "cuda"))
    turned = {key: value if key == "x" else value[::-1] for key, value in data.items()}
    back = run_host("W2", turned, "float32", "cuda")
    for name in FIELDS:
        for one in runs:
            np.testing.assert_array_equal(getattr(one, name), getattr(first, name), err_msg=name)
        np.testing.assert_array_equal(getattr(back, name)[::-1], getattr(first, name), err_msg=f"{name}, reversed")
    return f"{size} problems, {len(runs)} more runs and one reversed"


def bad_neighbours(small: bool) -> str:
    """Infinite numbers in some problems' data: a status for them, not a bit of difference for the others."""
    size = 24 if small else 20_000
    data = workloads.make("W2", size)
    clean = run_host("W2", data, "float64", "cuda")
    data["y"][::7, 3] = np.inf
    flawed = run_host("W2", data, "float64", "cuda")
    good = np.arange(size) % 7 != 0
    np.testing.assert_array_equal(flawed.x[good], clean.x[good])
    assert (flawed.status[~good] == bn.Status.NOT_FINITE_AT_START).all()
    return f"{(~good).sum()} of {size} problems"


def little_memory(small: bool) -> str:
    """More memory asked for than there is: shorter chunks, the same answers."""
    size = 30 if small else 300_000
    data = workloads.make("W2", size)
    plain = run_host("W2", data, "float32", "cuda")
    lengths = []

    class Greedy(device.Slot):
        def __init__(self, engine: Any, problem: Any, length: int) -> None:
            lengths.append(length)
            if length > size // 10:
                if gpus.simulated():
                    raise MemoryError("the simulator would give it")
                engine.cuda.device_array(1 << 46, np.int8)  # 64 TiB
            super().__init__(engine, problem, length)

    with mock.patch.multiple(device, Slot=Greedy, SHORTEST=1):
        short = run_host("W2", data, "float32", "cuda")
    np.testing.assert_array_equal(short.x, plain.x)
    return f"chunks tried: {lengths}"


def many_elements(small: bool) -> str:
    """More than 2^31 numbers of data in one array: the last problem finds its own."""
    if small:
        return "not in --small"
    import cupy

    m = 65_536
    size = (1 << 31) // m + 1_000
    free = cupy.cuda.Device().mem_info[0]
    if free < 3 * size * m * 4:
        return f"NOT RUN: needs {3 * size * m * 4 / 2**30:.0f} GiB, {free / 2**30:.0f} are free"
    y = cupy.zeros((size, m), np.float32)
    y += cupy.arange(size, dtype=np.float32)[:, None] / size
    result = bn.curve_fit(lambda t, a, b: a + b * t, cupy.linspace(0, 1, m, dtype=np.float32), y,
                          cupy.full((size, 2), 0.5, np.float32), dtype="float32")  # fmt: skip
    error = float(abs(result.x[:, 0] - cupy.arange(size, dtype=np.float32) / size).max())
    del result, y
    gpu_speed.free_pools()
    assert error < 1e-3, f"largest error {error}"
    return f"{size} x {m} = {size * m:.3g} numbers, largest error {error:.1e}"


def arrays_stay(small: bool) -> str:
    """CuPy, PyTorch and JAX arrays come back as such, with the bits that NumPy arrays give."""
    data = workloads.make("W2", 500)
    plain = run_host("W2", data, "float32", "cuda")
    said = []
    for name, there in libraries().items():
        found = run_host("W2", {key: there(value) for key, value in data.items()}, "float32", "auto")
        x = found.x.get() if name == "cupy" else found.x.cpu().numpy() if name == "torch" else np.asarray(found.x)
        np.testing.assert_array_equal(x, plain.x, err_msg=name)
        assert type(found.x).__module__.partition(".")[0] in (name, "jaxlib"), type(found.x)
        said.append(name)
    return f"{', '.join(said) or 'NOT RUN: neither CuPy nor PyTorch nor JAX is here'}"
