"""`bn.info()`: what is there, and what would help."""

import numpy as np
import pytest

import batchnewton as bn
from batchnewton import gpus, installation


def test_info_names_what_is_there():
    found = bn.info()
    assert found["batchnewton"] == bn.__version__
    assert f"numpy {np.__version__}" in found["packages"]
    assert repr(found).count("\n") >= len(found) - 1


@pytest.fixture
def machine(monkeypatch):
    """Pretend another machine: its driver, and whether numba-cuda is installed."""

    def pretend(driver, installed):
        gpus.obstacle.cache_clear()
        monkeypatch.setattr(gpus, "simulated", lambda: False)
        monkeypatch.setattr(gpus, "driver_version", lambda: driver)
        monkeypatch.setattr(gpus.importlib.util, "find_spec", lambda name: object() if installed else None)

    yield pretend
    gpus.obstacle.cache_clear()


@pytest.mark.parametrize(("driver", "extra"), [(12080, "cuda12"), (13010, "cuda13")])
def test_what_to_install(driver, extra, machine):
    machine(driver, installed=False)
    found = installation.info()
    assert found["driver"] == f"for CUDA {driver // 1000}.{driver % 1000 // 10}"
    assert f"pip install 'batchnewton[{extra}]'" in found["auto"]
    with pytest.raises(ValueError, match=rf"device='cuda:0'.*batchnewton\[{extra}\]"):
        bn.minimize(lambda x: x[0] ** 2, [1.0], device="cuda:0")


def test_auto_falls_back_and_says_so(machine):
    machine(None, installed=True)
    assert bn.minimize(lambda x: (x[0] - 2) ** 2, [1.0], device="auto").success
    assert "no NVIDIA driver" in installation.info()["auto"]
    assert installation.info()["gpus"] == ["none"]


@pytest.mark.parametrize("device", ["cuda:", "cuda:one", "nvidia", "CUDA", None, 0])
def test_unknown_devices(device):
    with pytest.raises(ValueError, match="expected 'auto', 'cpu', 'cuda' or 'cuda:0'"):
        bn.minimize(lambda x: x[0] ** 2, [1.0], device=device)
