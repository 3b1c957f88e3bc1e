"""`batchnewton fit`: every format in and out gives what `curve_fit` gives; bad input gives one clear line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from job_cases import SOURCE, T, decay, decays, folder, request

import batchnewton as bn
from batchnewton.jobs import cli, inspection
from batchnewton.jobs.blocks import Grid
from batchnewton.jobs.errors import JobError
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


def answers(path):
    result = inspection.open_result(path)
    return {name: np.asarray(result.arrays[name][(slice(None),) * len(result.shape)]) for name in result.arrays}


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


# ---------------------------------------------------------------- the command line


def invoke(*words):
    done = CliRunner().invoke(cli.main, list(map(str, words)))
    return done.exit_code, done.output


def test_config_and_command_line(place):
    (place / "job.toml").write_text(
        f'model = "{place}/decay.py:decay"\ninput = "{place}/y.npy"\noutput = "{place}/out.npz"\n'
        f'x = "{place}/t.npy"\np0 = {{a = 1, tau = 1, c = 0}}\nchunk = 100\nmax-iter = 77\n'
    )
    code, text = invoke("fit", "--config", place / "job.toml", "--max-iter", 78, "--no-stderr")
    assert code == 0 and "600 fits" in text and "100.00 % converged" in text
    result = inspection.open_result(place / "out.npz")
    assert result.record["options"]["max_iter"] == 78 and result.record["options"]["p0"] == "a=1,tau=1,c=0"
    assert "a_stderr" not in result.arrays
    code, text = invoke("inspect", place / "out.npz")
    assert code == 0 and "--no-stderr --device auto --dtype float64 --max-iter 78 --p0 a=1,tau=1,c=0 --x" in text
    code, text = invoke("fit", "--config", place / "job.toml", "--resume", "--max-iter", 78, "--no-stderr")
    assert code == 0 and "finished already" in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell):
    code, text = invoke("completion", shell)
    assert code == 0 and "_BATCHNEWTON_COMPLETE" in text


def bad(place, *more, model="decay.py:decay", data="y.npy", output="out.npz"):
    start = [] if "--p0" in more else ["--p0", "1,1,0"]
    if None in more:
        start, more = [], tuple(word for word in more if word not in ("--p0", None))
    return invoke("fit", place / model, place / data, "-o", place / output, *start, *more)


BAD = {
    "no file": (dict(data="z.npy"), [], "z.npy does not exist"),
    "wrong type": (dict(data="decay.py"), [], "ends in '.py'; expected one of .npy, .npz"),
    "not what it says": (dict(data="broken.npy"), [], "broken.npy cannot be opened as npy"),
    "pickled": (dict(data="objects.npy"), [], "objects.npy cannot be opened as npy"),
    "not a number": (dict(data="text.npy"), [], "text.npy has dtype <U1; expected real numbers"),
    "which array": (dict(data="two.npz"), [], "holds 'a', 'b', 'c'; name one of them"),
    "no such array": (dict(data="two.npz:d"), [], "has no array 'd'; it holds 'a', 'b', 'c'"),
    "array without a name": (dict(data="y.npy:z"), [], "has no array 'z'; it holds one array, which has no name"),
    "wrong axis": ({}, ["--axis", "5"], "--axis '5': "),
    "wrong x": ({}, ["--x", "1,2"], "has shape (2,); expected (16,) or (k, 16)"),
    "x of nothing": ({}, ["--x", "1,2,b"], "--x '1,2,b' is neither numbers, nor an array of the input, nor a file"),
    "wrong p0": ({}, ["--p0", "1,1"], "decay takes 3 parameters after x (a, tau, c), but p0 has shape (2,)"),
    "p0 of nobody": ({}, ["--p0", "a=1,b=2"], "expected NAME=VALUE, with NAME one of a, tau, c"),
    "p0 incomplete": ({}, ["--p0", "a=1"], "has no start for tau, c"),
    "wrong sigma": ({}, ["--sigma", "no.npy"], "no.npy does not exist"),
    "no such function": (dict(model="decay.py:dcay"), [], "has no function 'dcay'; did you mean 'decay'?"),
    "no function": (dict(model="decay.py"), [], "names no function"),
    "syntax": (dict(model="syntax.py:f"), [], "syntax.py, line 2: SyntaxError"),
    "error": (dict(model="error.py:f"), [], "error.py, line 2: ZeroDivisionError"),
    "undefined": (dict(model="name.py:f"), [], "name.py, line 2: NameError: name 'undefined' is not defined"),
    "no derivative": (dict(model="trace.py:f"), [], "trace.py"),
    "wrong output": (dict(output="out.xyz"), [], "ends in '.xyz'; expected one of .zarr, .parquet, .nc, .npz"),
    "no folder": (dict(output="no/out.npz"), [], "does not exist"),
    "table option": ({}, ["--by", "who"], "--by is for tables"),
    "no column": (dict(data="t.csv"), ["--by", "who", "--x", "t", "--y", "z"], "t.csv has no column 'z'; it has 'who'"),
    "text column": (dict(data="t.csv"), ["--by", "who", "--x", "t", "--y", "word"], "column 'word' holds string"),
    "no rows": (dict(data="head.csv"), ["--by", "who", "--x", "t", "--y", "y"], "head.csv has no rows"),
    "no ending": (dict(data=""), [], "has no ending; expected one of .npy, .npz"),
    "no group": (dict(data="t.csv"), ["--x", "t", "--y", "word"], "--by COLUMN is needed"),
    "lower above upper": ({}, ["--bounds", "a=2:1"], "bounds: lower 2.0 is above upper 1.0"),
    "bounds of nobody": (
        {},
        ["--bounds", "z=0:1"],
        "--bounds 'z=0:1': expected NAME=VALUE, with NAME one of a, tau, c",
    ),
    "half a bound": ({}, ["--bounds", "a=1"], "--bounds a=1: expected LOWER:UPPER"),
    "fixed nobody": ({}, ["--fixed", "z"], "--fixed 'z': expected names of a, tau, c"),
    "wrong loss": ({}, ["--loss", "magic"], "loss='magic' is not known"),
    "scale of nothing": ({}, ["--f-scale", "2"], "--f-scale 2 is the scale of a robust loss; --loss is needed"),
    "wrong method": ({}, ["--method", "magic"], "method='magic' is not known"),
    "mixed alone": ({}, ["--dtype", "mixed", "--method", "bfgs"], "dtype='mixed' needs method='lm', not 'bfgs'"),
    "wrong mask": ({}, ["--mask", "no.npy"], "no.npy does not exist"),
    "negative sigma": ({}, ["--sigma", "-1"], "--sigma '-1': expected positive numbers"),
    "trials of no loss": ({}, ["--trials", "5"], "trials is given, but loss='linear' does not take it"),
    "no trials": ({}, ["--loss", "binomial"], "trials is None; loss='binomial' needs it: a number, (m,) or (B, m)"),
    "no such trials": ({}, ["--loss", "binomial", "--trials", "no.npy"], "no.npy does not exist"),
    "few trials": ({}, ["--loss", "binomial", "--trials", "5,6"], "--trials '5,6' has 2 numbers; expected 1 or 16"),
    "no trial": ({}, ["--loss", "binomial", "--trials", "0"], "--trials '0': expected positive numbers"),
    "shape of trials": (dict(data="two.npz:a"), ["--trials", "c"], "c has shape (3,); expected (12, 50, 16) or (16,)"),
    "column of trials": (
        dict(data="t.csv"),
        ["--by", "who", "--x", "t", "--y", "y", "--trials", "of"],
        "t.csv has no column 'of'; it has 'who'",
    ),
    "short mask": ({}, ["--mask", "1,0,1"], "--mask '1,0,1' has 3 numbers; expected 1 or 16"),
    "few sigmas": ({}, ["--sigma", "1,2"], "--sigma '1,2' has 2 numbers; expected 1 or 16"),
    "no model": (dict(model="decya"), [], "is neither file.py:function nor a ready model"),
    "guess fails": ({}, ["--p0", None, "--guess", "fails"], "decay.py, line 11: ZeroDivisionError: division by zero"),
    "guess of nobody": ({}, ["--p0", None, "--guess", "gues"], "has no function 'gues'; did you mean 'guess'?"),
    "wrong guess": (
        {},
        ["--p0", None, "--guess", "wrong"],
        "the guess returned shape (1, 16) for 1 curves; expected (3,)",
    ),
    "torn table": (
        dict(data="torn.csv"),
        ["--by", "who", "--x", "t", "--y", "t"],
        "torn.csv cannot be read as a table",
    ),
    "device": ({}, ["--device", "abacus"], "device='abacus' is not known"),
    "no scheduler": ({}, ["--dask", "nonsense"], "--dask nonsense: no scheduler answers there"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_clear_line(place, what):
    np.save(place / "objects.npy", np.array([{}], object))
    np.save(place / "text.npy", np.array(["x"]))
    np.savez(place / "two.npz", a=Y, b=Y, c=np.ones(3))
    (place / "broken.npy").write_bytes(b"\x93NUMPY nothing")
    (place / "syntax.py").write_text("x = 1\ndef f(:\n")
    (place / "error.py").write_text("x = 1\n1 / 0\n")
    (place / "trace.py").write_text("def f(t, a, b, c):\n    return open(a)\n")
    (place / "name.py").write_text("def f(t, a, b, c):\n    return a * undefined\n")
    (place / "t.csv").write_text("who,t,y,word\na,1,2,x\n")
    (place / "head.csv").write_text("who,t,y\n")
    (place / "torn.csv").write_text("who,t\na\n")
    more = "\ndef fails(x, y):\n    return 1 / 0\n\ndef wrong(x, y):\n    return y\n"
    (place / "decay.py").write_text(SOURCE + more)
    arguments, options, message = BAD[what]
    if arguments.get("data", "").endswith(".csv"):
        pytest.importorskip("pyarrow")
    if "--dask" in options:
        pytest.importorskip("distributed")
    before = sorted(place.iterdir())
    code, text = bad(place, *options, **arguments)
    assert code == 1
    lines = [line for line in text.splitlines() if line]
    assert len(lines) == 1 and lines[0].startswith("Error: "), text
    assert message in text
    assert sorted(place.iterdir()) == before  # nothing half written is left


def test_bad_command_lines(place):
    (place / "job.toml").write_text("modle = 1\n")
    code, text = invoke("fit", "--config", place / "job.toml")
    assert code == 2 and "'modle' is not known; did you mean 'model'?" in " ".join(text.split())
    code, text = bad(place, "--resume", "--overwrite")
    assert code == 2 and "exclude each other" in text
    code, text = bad(place, "--workers", 2)
    assert code == 2 and "--workers is for --dask local" in text
    for name, message in (("none.toml", "cannot be read (No such file"), ("decay.py", "is not TOML")):
        code, text = invoke("fit", "--config", place / name)
        assert code == 2 and message in text.replace("\n", " ")
    with pytest.raises(JobError, match="line 4: ZeroDivisionError") as told:
        CliRunner().invoke(
            cli.main, ["fit", "--debug", *debug_arguments(place)], catch_exceptions=False, standalone_mode=False
        )
    assert isinstance(told.value.__cause__, ZeroDivisionError)  # the traceback shows both


def debug_arguments(place):
    (place / "guess.py").write_text("def f(t, a):\n    return a * t\ndef g(x, y):\n    return 1 / 0\n")
    return [f"{place}/guess.py:f", f"{place}/y.npy", "-o", f"{place}/o.npz", "--guess", "g"]


def test_existing_output_is_replaced_only_on_demand(place):
    assert bad(place)[0] == 0
    code, text = bad(place)
    assert code == 1 and "exists; --overwrite replaces it" in text
    (place / "y.npy").write_bytes((place / "y.npy").read_bytes())
    assert bad(place, "--overwrite", "--no-stderr")[0] == 0
    assert "a_stderr" not in answers(place / "out.npz")


def test_a_corrupt_chunk_is_named_and_nothing_is_published(place):
    zarr = pytest.importorskip("zarr")
    array = zarr.open_group(place / "y.zarr", mode="w").create_array("y", shape=Y.shape, chunks=(3, 50, 16), dtype="f8")
    array[...] = Y
    (place / "y.zarr/y/c/2/0/0").write_bytes(b"broken")
    code, text = bad(place, "--chunk", "150", data="y.zarr")
    assert code == 1 and "y.zarr:y cannot be read at [6:9, 0:50, 0:16]" in text
    assert not (place / "out.npz").exists()
    array[6:9] = Y[6:9]
    code, text = bad(place, "--resume", data="y.zarr")
    assert code == 3 and "input.input" in text  # the input is not what it was


def test_nothing_is_executed_but_the_named_file(place):
    """A text that looks like code stays text; a class of the data's own is not made."""
    (place / "job.toml").write_text(f"p0 = \"__import__('os').mkdir('{place}/made')\"\n")
    code, _ = invoke(
        "fit", place / "decay.py:decay", place / "y.npy", "-o", place / "o.npz", "--config", place / "job.toml"
    )
    assert code == 1 and not (place / "made").exists()


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
    run(request(place, "out.npz", max_iter=8))
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
