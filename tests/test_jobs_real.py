"""Real data end to end, beside the fit of the package that they come with."""

from pathlib import Path

import numpy as np
import pytest

from batchnewton.jobs import inspection
from batchnewton.jobs.job import run
from batchnewton.jobs.request import Request

TENSOR = """import math

def signal(x, s0, xx, yy, zz, xy, xz, yz):
    b, u, v, w = x
    d = xx * u * u + yy * v * v + zz * w * w + 2 * (xy * u * v + xz * u * w + yz * v * w)
    return s0 * math.exp(-b * d)
"""


def test_diffusion_tensors_of_a_brain_as_dipy_fits_them(tmp_path):
    """A volume of 65 directions that comes with dipy; both minimise the same sum of squares."""
    pytest.importorskip("nibabel")
    dipy = pytest.importorskip("dipy")
    from dipy.core.gradients import gradient_table
    from dipy.io.image import load_nifti
    from dipy.reconst.dti import TensorModel

    files = Path(dipy.__file__).parent / "data" / "files"
    b, g = np.loadtxt(files / "small_64D.bval"), np.loadtxt(files / "small_64D.bvec")
    g = g if g.shape[1] == 3 else g.T
    g = np.where(np.isfinite(g), g, 0.0)
    np.save(tmp_path / "x.npy", np.vstack([b / 1000, g.T]))
    (tmp_path / "tensor.py").write_text(TENSOR)
    volume = str(files / "small_64D.nii")
    given = dict(x=str(tmp_path / "x.npy"), p0="300,1,1,1,0,0,0", quiet=True)
    report = run(Request(f"{tmp_path}/tensor.py:signal", volume, tmp_path / "tensors.npz", chunk=200, **given))
    data = load_nifti(volume)[0].astype(float)
    assert sum(report.status.values()) == np.prod(data.shape[:3])

    arrays = inspection.open_result(tmp_path / "tensors.npz").arrays
    ours = {name: np.asarray(arrays[name][...]) for name in ("s0", "xx", "yy", "zz", "xy", "xz", "yz", "status")}
    good = ours["status"] == 0
    assert good.mean() > 0.9
    table = gradient_table(b, bvecs=g)
    theirs = TensorModel(table, fit_method="NLLS", return_S0_hat=True, min_signal=1e-6).fit(data)
    form = 1000 * theirs.quadratic_form
    # dipy keeps eigenvalues from being negative: compare where they are not
    inner = good & (theirs.evals.min(-1) > 1e-5)
    assert inner.mean() > 0.8
    names = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "xy": (0, 1), "xz": (0, 2), "yz": (1, 2)}
    for name, (i, j) in names.items():
        difference = np.abs(ours[name] - form[..., i, j])[inner]
        assert np.quantile(difference, 0.95) < 1e-3, name
    np.testing.assert_allclose(np.median(ours["s0"][inner] / theirs.S0_hat[inner]), 1.0, rtol=1e-4)
