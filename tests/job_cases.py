"""Small jobs for the tests of `batchnewton fit`: files, a formula, how to run them."""

import numpy as np
from decays import T, decay

from batchnewton.jobs import inspection
from batchnewton.jobs.job import run
from batchnewton.jobs.request import Request

SOURCE = """import numpy as np

def decay(t, a, tau, c):
    return a * np.exp(-t / tau) + c

def guess(x, y):
    low = np.nanmin(y, 1)
    return np.stack([np.nanmax(y, 1) - low, np.ones(len(y)), low], -1)
"""


def decays(shape):
    """Noisy decays, (*shape, 16)."""
    rng = np.random.default_rng(3)
    a, tau, c = rng.uniform([[0.5], [0.5], [0.0]], [[2.0], [2.0], [0.5]], (3, int(np.prod(shape))))
    y = decay(T, a[:, None], tau[:, None], c[:, None]) + rng.normal(0, 0.02, (a.size, 16))
    return y.reshape(*shape, 16)


def folder(path, shape=(4000,)):
    """A folder with a formula and data."""
    (path / "decay.py").write_text(SOURCE)
    np.save(path / "y.npy", decays(shape))
    np.save(path / "t.npy", T)
    return path


def request(path, output="out.zarr", **more):
    """A job in that folder."""
    given = dict(model=f"{path}/decay.py:decay", input=f"{path}/y.npy", output=path / output, x=f"{path}/t.npy")
    return Request(**given | dict(p0="1,1,0", quiet=True) | more)


def run_in_child(path, output, chunk):
    """The target of a process that may be killed."""
    run(request(path, output, chunk=chunk, resume=True))


def answers(path):
    """The arrays of a result."""
    result = inspection.open_result(path)
    return {name: np.asarray(result.arrays[name][(slice(None),) * len(result.shape)]) for name in result.arrays}


def files_of(path):
    """Name and content of every file of an output."""
    if path.is_file():
        return {"": path.read_bytes()}
    return {str(one.relative_to(path)): one.read_bytes() for one in sorted(path.rglob("*")) if one.is_file()}
