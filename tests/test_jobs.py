"""`batchnewton fit`: every format in and out gives what `curve_fit` gives."""

import json

import numpy as np
import pytest
from job_cases import SOURCE, T, answers, decay, decays, folder, request

import batchnewton as bn
from batchnewton.jobs import inspection
from batchnewton.jobs.blocks import Grid
from batchnewton.jobs.files import open_array
from batchnewton.jobs.job import run

Y = decays((12, 50))
NAMES = ("a", "tau", "c")


@pytest.fixture(scope="module")
def expected():
    return bn.curve_fit(decay, T, Y.reshape(-1, 16), [1.0, 1.0, 0.0])


@pytest.fixture
def place(tmp_path):
    return folder(tmp_path, (12, 50))


def same(found, expected, shape=(12, 50)):
    for i, name in enumerate(NAMES):
        np.testing.assert_array_equal(found[name].reshape(-1), expected.x[:, i])
        np.testing.assert_array_equal(found[f"{name}_stderr"].reshape(-1), expected.stderr[:, i])
        assert found[name].shape == shape
    np.testing.assert_array_equal(found["chi_square"].ravel(), 2 * expected.fun)
    for name in ("status", "nit", "nfev"):
        np.testing.assert_array_equal(found[name].ravel(), getattr(expected, name))


@pytest.mark.parametrize("output", ["out.zarr", "out.npz", "out.nc", "out.parquet"])
def test_outputs_hold_what_curve_fit_gives(place, expected, output):
    for package in {"out.zarr": ["zarr"], "out.nc": ["h5netcdf", "xarray"], "out.parquet": ["pyarrow"]}.get(output, []):
        pytest.importorskip(package)
    report = run(request(place, output, chunk=130))
    assert report.status == {"CONVERGED": 600}
    same(answers(place / output), expected, (600,) if output.endswith("parquet") else (12, 50))
    record = inspection.open_result(place / output).record
    assert record["model"]["source"] == SOURCE and record["options"]["p0"] == "1,1,0"
    assert record["versions"]["batchnewton"] == bn.__version__
    assert sorted(path.name for path in place.iterdir()) == sorted(["decay.py", output, "t.npy", "y.npy"])
    text = inspection.report(inspection.open_result(place / output), 3)
    assert "600 fits of decay(a, tau, c)" in text and "largest chi-square" in text


def write_npz(path):
    np.savez(path, other=np.zeros(3), y=Y, name=np.array("text"))
    return f"{path}:y"


def write_compressed(path):
    np.savez_compressed(path, y=Y)
    return str(path)


def write_fortran(path):
    np.save(path, np.asfortranarray(Y))
    return str(path)


def write_zarr(path):
    zarr = pytest.importorskip("zarr")
    zarr.open_group(path, mode="w").create_array("deep/y", shape=Y.shape, chunks=(5, 7, 16), dtype="f8")[...] = Y
    return f"{path}:deep/y"


def write_hdf5(path):
    with pytest.importorskip("h5py").File(path, "w") as file:
        file["group/y"] = Y
    return f"{path}:group/y"


def write_netcdf(path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    xarray.Dataset({"y": (("row", "column", "time"), Y)}, coords={"time": T}).to_netcdf(path, engine="h5netcdf")
    return str(path)


def write_fits(path):
    pytest.importorskip("astropy.io.fits").PrimaryHDU(Y).writeto(path)
    return str(path)


def write_tiff(path):
    pytest.importorskip("tifffile").imwrite(path, Y)
    return str(path)


def write_nifti(path):
    nibabel = pytest.importorskip("nibabel")
    nibabel.save(nibabel.Nifti1Image(Y.reshape(12, 50, 1, 16), np.eye(4)), path)
    return str(path)


INPUTS = {
    "y.npz": write_npz,
    "z.npz": write_compressed,
    "f.npy": write_fortran,
    "y.zarr": write_zarr,
    "y.h5": write_hdf5,
    "y.nc": write_netcdf,
    "y.fits": write_fits,
    "y.tiff": write_tiff,
    "y.nii.gz": write_nifti,
}


@pytest.mark.parametrize("name", INPUTS)
def test_inputs_read_piece_by_piece_are_the_array(tmp_path, name):
    stored = open_array(INPUTS[name](tmp_path / name))
    whole = Y.reshape(12, 50, 1, 16) if name.endswith(".nii.gz") else Y
    assert stored.shape == whole.shape
    for key in (..., slice(3, 5), (slice(2, 3), slice(10, 31))):
        np.testing.assert_array_equal(stored[key], whole[key])


def test_axes_coordinates_mask_sigma_and_starts(place):
    """Data along the first axis, from a file that holds everything else too."""
    mask, sigma = np.ones((16, 12, 50), bool), np.full(16, 0.02)
    mask[3, 4, :] = False
    start = np.ones((12, 50, 3))
    np.savez(place / "all.npz", y=np.moveaxis(Y, 2, 0), t=T, mask=mask.astype("u1"), sigma=sigma, start=start)
    options = dict(input=f"{place}/all.npz:y", axis="0", x="t", mask="mask", sigma="sigma", p0="start")
    run(request(place, "out.npz", absolute_sigma=True, chunk=70, **options))
    flat = np.moveaxis(mask, 0, 2).reshape(-1, 16)
    expected = bn.curve_fit(decay, T, Y.reshape(-1, 16), np.ones(3), sigma, True, mask=flat)
    same(answers(place / "out.npz"), expected)


def test_images_have_two_coordinates_and_guessed_starts(tmp_path):
    v, u = np.mgrid[0:4, 0:5].astype(float)
    height = np.linspace(1, 2, 30)[:, None, None]
    np.save(tmp_path / "images.npy", height * np.exp(-0.1 * u - 0.2 * v))
    (tmp_path / "plane.py").write_text(
        "import numpy as np\ndef f(x, h, a, b):\n    v, u = x\n    return h * np.exp(-a * u - b * v)\n"
        "def start(x, y):\n    return y.max(1), 0.2, np.full(len(y), 0.2)\n"
    )
    options = dict(model=f"{tmp_path}/plane.py:f", input=f"{tmp_path}/images.npy", x=None, p0=None)
    run(request(tmp_path, "out.npz", axis="1,2", guess="start", **options))
    found = answers(tmp_path / "out.npz")
    np.testing.assert_allclose(found["h"], height.ravel(), rtol=1e-9)
    np.testing.assert_allclose(found["a"], 0.1, rtol=1e-9)


def test_blocks_follow_each_other_and_cover_the_batch():
    for shape, target in [((7,), 3), ((3, 4, 10), 25), ((3, 4, 10), 7), ((5, 6), 1000), ((1,), 1), ((2, 3, 4), 1)]:
        flat = np.arange(np.prod(shape)).reshape(shape)
        blocks = [flat[block].ravel() for block in Grid.of(shape, target).blocks()]
        np.testing.assert_array_equal(np.concatenate(blocks), flat.ravel())
        assert max(map(len, blocks)) <= target


def test_blocks_are_cut_where_the_file_is():
    """None of the file's own pieces is read twice, unless that took more than twice the memory."""
    assert Grid.of((1000,), 84, (50,)).chunk == (100,)
    assert Grid.of((1000,), 60, (50,)).chunk == (50,)
    assert Grid.of((1000,), 30, (50,)).chunk == (50,)
    assert Grid.of((1000,), 20, (50,)).chunk == (20,)
    assert Grid.of((90,), 84, (50,)).chunk == (90,)
    assert Grid.of((8, 100, 10), 330, (2, 32, 10)).chunk == (1, 32, 10)


# ---------------------------------------------------------------- tables


def test_a_table_is_fitted_group_by_group(tmp_path):
    """The rows of a curve need not stand together; NaN and empty cells are left out, in x and in y."""
    pytest.importorskip("pyarrow")
    rng, rows = np.random.default_rng(5), []
    lengths = {"anna": 16, "bob": 9, "carl": 2, "dora": 16}
    for who, m in lengths.items():
        rows += [(who, float(t), float(y)) for t, y in zip(T[:m], decays((4,))[len(who) % 4, :m], strict=True)]
    rows = [rows[i] for i in rng.permutation(len(rows))]
    first = list(dict.fromkeys(who for who, _, _ in rows))
    text = "\n".join(f"{who},{t!r},{y!r},x" for who, t, y in [*rows[:20], ("bob", 1.0, ""), *rows[20:]])
    (tmp_path / "table.csv").write_text("who,t,y,remark\n" + text.replace("''", "") + "\n,".rstrip(","))
    folder(tmp_path)
    given = dict(input=f"{tmp_path}/table.csv", by="who", x="t", y="y")
    report = run(request(tmp_path, "out.parquet", chunk=3, **given))
    assert report.status == {"CONVERGED": 3, "TOO_FEW_POINTS": 1}
    result = inspection.open_result(tmp_path / "out.parquet")
    assert result.labels["who"].tolist() == first
    for i, who in enumerate(first):
        t, y = np.array([(t, y) for one, t, y in rows if one == who]).T
        alone = bn.curve_fit(decay, t[None], y[None], [1.0, 1.0, 0.0])
        assert result.arrays["status"][i] == alone.status[0]
        if alone.success[0]:
            np.testing.assert_array_equal([result.arrays[name][i] for name in NAMES], alone.x[0])


def test_nist_tables_as_one_csv(tmp_path):
    """Real data end to end: certified answers of two data sets of one formula, from a table."""
    pytest.importorskip("pyarrow")
    from batchnewton import nist

    problem = nist.problem("MGH17")
    lines = [f"{start},{x!r},{y!r}" for start in (1, 2) for x, y in zip(problem.x.tolist(), problem.y.tolist())]  # noqa: B905
    (tmp_path / "nist.csv").write_text("copy,x,y\n" + "\n".join(lines) + "\n")
    (tmp_path / "osborne.py").write_text(
        "import math\ndef f(x, b1, b2, b3, b4, b5):\n    return b1 + b2 * math.exp(-x * b4) + b3 * math.exp(-x * b5)\n"
    )
    start = ",".join(map(str, problem.starts[1]))
    given = dict(model=f"{tmp_path}/osborne.py:f", input=f"{tmp_path}/nist.csv", by="copy", x="x", y="y", p0=start)
    assert run(request(tmp_path, "out.npz", **given)).status == {"CONVERGED": 2}
    found = answers(tmp_path / "out.npz")
    x = np.stack([found[f"b{i}"] for i in range(1, 6)], 1)
    assert problem.digits(x).min() > 6


def test_record_is_json_that_says_how(place):
    run(request(place, "out.npz"))
    with np.load(place / "out.npz") as archive:
        record = json.loads(str(archive["batchnewton"]))
    assert record["input"]["input"]["shape"] == [12, 50, 16] and record["parameters"] == list(NAMES)


def test_a_chunk_that_is_lost_from_a_result_is_no_success(place):
    """Zarr reads it as NOT_RUN: it is told, listed as failed, and in no quantile and no picture of what converged."""
    pytest.importorskip("zarr")
    run(request(place, chunk=100))
    (place / "out.zarr/status/c/3/0").unlink()
    result = inspection.open_result(place / "out.zarr")
    text = inspection.report(result, 2)
    for line in ("CONVERGED                     500   83.33 %", "NOT_RUN                       100   16.67 %"):
        assert line in text
    assert "6, 0       NOT_RUN" in text
    assert np.count_nonzero(inspection.converged(result)) == 500


def test_the_picture_of_a_result_that_is_an_image(place, monkeypatch):
    figure = pytest.importorskip("matplotlib.figure").Figure
    drawn = []
    monkeypatch.setattr(figure, "savefig", lambda self, *_, **__: drawn.append(self))
    run(request(place, "out.npz", max_iter=5))
    result = inspection.open_result(place / "out.npz")
    inspection.draw(result, place / "out.png")
    upper, lower = drawn[0].subfigs
    status = np.asarray(result.arrays["status"][...])
    assert [axes.get_title() for axes in upper.axes] == ["a", "tau", "c", "chi_square"]
    assert upper.get_suptitle() == f"{np.count_nonzero(status == 0)} converged fits, 1 % to 99 %"
    statuses, tau = lower.axes[0], lower.axes[2]
    assert 0 < np.count_nonzero(status == 0) < status.size
    assert {text.get_text().split()[0] for text in statuses.get_legend().get_texts()} == {"CONVERGED", "MAX_ITER"}
    np.testing.assert_array_equal(tau.images[0].get_array().mask, status != 0)


def test_a_picture_of_values_that_are_as_good_as_equal(place):
    """Data without noise: the answers differ by rounding alone."""
    pytest.importorskip("matplotlib")
    np.save(place / "y.npy", decay(T, 1000.0, np.linspace(1, 2, 20).reshape(4, 5, 1), 0.0))
    run(request(place, "out.npz", p0="900,1,0"))
    result = inspection.open_result(place / "out.npz")
    assert 0 < np.ptp(result.arrays["a"][...]) < 1e-6
    inspection.draw(result, place / "out.png")
    assert (place / "out.png").read_bytes().startswith(b"\x89PNG")
