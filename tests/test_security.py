"""Nothing in a data file is executed: what SECURITY.md promises, with files that would leave a mark."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from job_cases import folder

from batchnewton.jobs import cli


class Mark:
    """Unpickled, it makes a folder."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return Path.mkdir, (self.place,)


def npy(path: Path, mark: Mark) -> Path:
    np.save(path / "bad.npy", np.array([mark, mark], object), allow_pickle=True)
    return path / "bad.npy"


def npz(path: Path, mark: Mark) -> Path:
    np.savez(path / "bad.npz", y=np.array([mark, mark], object))
    return path / "bad.npz"


def zarr(path: Path, mark: Mark) -> Path:
    """An array of numbers whose filter is pickle."""
    pytest.importorskip("zarr")
    pickled = [{"id": "pickle", "protocol": 5}]
    shape = dict(zarr_format=2, shape=[2, 16], chunks=[2, 16], dtype="<f8", order="C", fill_value=0.0)
    (path / "bad.zarr").mkdir()
    (path / "bad.zarr" / ".zarray").write_text(json.dumps(shape | dict(compressor=None, filters=pickled)))
    (path / "bad.zarr" / "0.0").write_bytes(pickle.dumps(mark))
    return path / "bad.zarr"


@pytest.mark.parametrize("write", [npy, npz, zarr], ids=lambda write: write.__name__)
def test_a_pickle_in_a_data_file_is_refused_and_not_run(tmp_path, write):
    folder(tmp_path, (4,))
    data = write(tmp_path, Mark(tmp_path / "executed"))
    done = CliRunner().invoke(
        cli.main, ["fit", f"{tmp_path}/decay.py:decay", str(data), "-o", f"{tmp_path}/out.npz", "--p0", "1,1,0"]
    )
    assert done.exit_code == 1, done.output
    assert not (tmp_path / "executed").exists()


def test_the_mark_would_be_seen(tmp_path):
    pickle.loads(pickle.dumps(Mark(tmp_path / "executed")))
    assert (tmp_path / "executed").exists()
