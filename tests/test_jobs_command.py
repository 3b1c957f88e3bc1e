"""`batchnewton fit` on the command line: options and configuration, bad input in one clear line."""

import numpy as np
import pytest
from click.testing import CliRunner
from job_cases import SOURCE, answers, decays, folder

from batchnewton.jobs import cli, inspection
from batchnewton.jobs.errors import JobError

Y = decays((12, 50))


@pytest.fixture
def place(tmp_path):
    return folder(tmp_path, (12, 50))


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
