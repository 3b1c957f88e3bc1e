"""Real data end to end, beside the fit of the package that they come with; skipped where that is not installed.

`pip install 'batchnewton[real]'` installs them.
"""

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


LINES = """import math

def hcn(v, height, center, width):
    u, w, t = v - center, v - center - 4.847, v - center + 7.065
    lines = math.exp(-u * u / (2 * width**2)), math.exp(-w * w / (2 * width**2)), math.exp(-t * t / (2 * width**2))
    return height * (lines[0] + 0.6 * lines[1] + 0.2 * lines[2])
"""


@pytest.mark.filterwarnings("ignore")
def test_hydrogen_cyanide_in_a_spectral_cube_as_pyspeckit_fits_it(tmp_path):
    """A map of 37 x 47 spectra that comes with pyspeckit: J = 1-0 of HCN, three hyperfine lines, optically thin.

    Spectra outside the map are NaN.  The brightest ten are fitted by both.
    """
    fits = pytest.importorskip("astropy.io.fits")
    pyspeckit = pytest.importorskip("pyspeckit")
    cube = Path(pyspeckit.__file__).parent / "tests" / "data" / "region5_hcn_crop.fits"
    header, data = fits.getheader(cube), fits.getdata(cube).astype(float)
    velocity = (header["CRVAL3"] + (np.arange(len(data)) + 1 - header["CRPIX3"]) * header["CDELT3"]) / 1000  # km/s
    np.save(tmp_path / "v.npy", velocity)
    (tmp_path / "hcn.py").write_text(LINES)
    given = dict(axis="0", x=str(tmp_path / "v.npy"), p0="1,-5.6,1.5", quiet=True)
    report = run(Request(f"{tmp_path}/hcn.py:hcn", str(cube), tmp_path / "lines.npz", chunk=500, **given))
    found = inspection.open_result(tmp_path / "lines.npz").arrays
    ours = {name: np.asarray(found[name][...]) for name in found}
    assert ours["status"].shape == data.shape[1:] == (37, 47)
    outside = np.isnan(data).all(0)
    assert report.status["TOO_FEW_POINTS"] == outside.sum() == 410

    names = ("height", "center", "width")
    signal = np.where(ours["status"] == 0, ours["height"] / ours["height_stderr"], 0.0)
    tied = ["", "", "", "0.6*p[0]", "p[1]+4.847", "p[2]", "0.2*p[0]", "p[1]-7.065", "p[2]"]
    start = [1.0, -5.6, 1.5, 0.6, -0.753, 1.5, 0.2, -12.665, 1.5]
    for row, column in np.argwhere(signal > np.sort(signal.ravel())[-11]):
        spectrum = pyspeckit.Spectrum(
            data=data[:, row, column], xarr=velocity, xarrkwargs=dict(unit="km/s"), error=np.ones(len(velocity))
        )
        spectrum.specfit(fittype="gaussian", guesses=list(start), tied=tied, verbose=False, quiet=True)
        for name, theirs in zip(names, spectrum.specfit.parinfo.values, strict=False):
            difference = abs(theirs - ours[name][row, column]) / ours[f"{name}_stderr"][row, column]
            assert difference < 0.01, (row, column, name)
        np.testing.assert_allclose(spectrum.specfit.chi2, ours["chi_square"][row, column], rtol=1e-6)


def test_budworms_killed_by_a_poison_as_venables_and_ripley_fit_them(tmp_path):
    """Of 20 moths of each sex a dose of a pyrethroid killed so many (Collett 1991, Modelling Binary Data, p. 75): a
    table with trials, one logistic curve a sex.  Estimates, standard errors and deviance of Venables & Ripley (2002),
    Modern Applied Statistics with S, section 7.2."""
    pytest.importorskip("pyarrow")
    killed = {"F": (0, 2, 6, 10, 12, 16), "M": (1, 4, 9, 13, 18, 20)}
    rows = [f"{sex},{k},{dead},20" for sex, each in killed.items() for k, dead in enumerate(each)]
    (tmp_path / "budworm.csv").write_text("sex,log2_dose,dead,of\n" + "\n".join(rows) + "\n")
    (tmp_path / "logistic.py").write_text(
        "import math\ndef share(x, intercept, slope):\n    return 1 / (1 + math.exp(-intercept - slope * x))\n"
    )
    given = dict(by="sex", x="log2_dose", y="dead", trials="of", loss="binomial", p0="0,0", quiet=True)
    run(Request(f"{tmp_path}/logistic.py:share", f"{tmp_path}/budworm.csv", tmp_path / "fits.npz", **given))
    found = inspection.open_result(tmp_path / "fits.npz")
    assert found.labels["sex"].tolist() == ["F", "M"]
    ours = {name: np.asarray(one[...]) for name, one in found.arrays.items()}
    assert ours["status"].tolist() == [0, 0]
    np.testing.assert_allclose(ours["intercept"], [-2.9935, -2.9935 + 0.1750], atol=1.1e-4)
    np.testing.assert_allclose(ours["slope"], [0.9060, 0.9060 + 0.3529], atol=1.1e-4)
    np.testing.assert_allclose(ours["intercept_stderr"][0], 0.5527, atol=6e-5)
    np.testing.assert_allclose(ours["slope_stderr"][0], 0.1671, atol=6e-5)
    np.testing.assert_allclose(ours["chi_square"].sum(), 4.9937, atol=6e-5)  # the deviance
