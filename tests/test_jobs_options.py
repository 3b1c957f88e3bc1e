"""Every option of `batchnewton fit` reaches `curve_fit`: by words and by ``job.toml`` the answers are its own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from job_cases import T, decay, decays, folder

import batchnewton as bn
from batchnewton.jobs import cli, inspection
from batchnewton.losses import LIKELIHOODS, LOSSES

Y = decays((200,))
START = [1.0, 1.0, 0.0]
NAMES = ("a", "tau", "c")
MASK = np.random.default_rng(0).random(Y.shape) > 0.2
SIGMA = np.random.default_rng(1).uniform(0.01, 0.03, Y.shape)
TRIALS = np.random.default_rng(2).integers(20, 60, (40, 16))
DIED = np.random.default_rng(3).binomial(TRIALS, 0.8 * np.exp(-T / 2) + 0.1)

OPTIONS = {  # words of the command line, lines of job.toml, keywords of curve_fit
    "bounds": (["--bounds", "tau=:1.2,c=0.1:0.4"], "bounds = {tau = ':1.2', c = [0.1, 0.4]}",
               dict(bounds=([-np.inf, -np.inf, 0.1], [np.inf, 1.2, 0.4]))),
    "fixed": (["--fixed", "c"], "fixed = ['c']", dict(fixed=[False, False, True])),
    "loss": (["--loss", "soft_l1", "--f-scale", "0.02"], "loss = 'soft_l1'\nf-scale = 0.02",
             dict(loss="soft_l1", f_scale=0.02)),
    "method": (["--method", "newton"], "method = 'newton'", dict(method="newton")),
    "bfgs": (["--method", "bfgs"], "method = 'bfgs'", dict(method="bfgs")),
    "mask": (["--mask", "mask.npy"], "mask = 'mask.npy'", dict(mask=MASK)),
    "mask for all": (["--mask", "1," * 8 + "0," * 4 + "1,1,1,1"], f"mask = {[1] * 8 + [0] * 4 + [1] * 4}",
                     dict(mask=np.array([True] * 8 + [False] * 4 + [True] * 4))),
    "sigma": (["--sigma", "sigma.npy", "--absolute-sigma"], "sigma = 'sigma.npy'\nabsolute-sigma = true",
              dict(sigma=SIGMA, absolute_sigma=True)),
    "one sigma": (["--sigma", "0.02", "--absolute-sigma"], "sigma = 0.02\nabsolute-sigma = true",
                  dict(sigma=0.02, absolute_sigma=True)),
    "mixed": (["--dtype", "mixed"], "dtype = 'mixed'", dict(dtype="mixed")),
    "float32": (["--dtype", "float32"], "dtype = 'float32'", dict(dtype="float32")),
    "max-iter": (["--max-iter", "4"], "max-iter = 4", dict(max_iter=4)),
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = folder(tmp_path_factory.mktemp("options"), (200,))
    np.save(place / "mask.npy", MASK)
    np.save(place / "sigma.npy", SIGMA)
    return place


def fit(monkeypatch, place, *words):
    monkeypatch.chdir(place)
    done = CliRunner().invoke(cli.main, ["fit", *words, "--overwrite", "--quiet"])
    assert done.exit_code == 0, done.output
    return done.output


def answers(path):
    found = inspection.open_result(path)
    return {name: np.asarray(one[(slice(None),)]) for name, one in found.arrays.items()}


def same(found, expected):
    for i, name in enumerate(expected.names):
        np.testing.assert_array_equal(found[name], expected.x[:, i])
        np.testing.assert_array_equal(found[f"{name}_stderr"], expected.stderr[:, i])
    np.testing.assert_array_equal(found["chi_square"], 2 * expected.fun)
    for name in ("status", "nit", "nfev"):
        np.testing.assert_array_equal(found[name], getattr(expected, name))


@pytest.mark.parametrize("what", OPTIONS)
def test_command_line_and_config_say_the_same(monkeypatch, place, what):
    words, lines, keywords = OPTIONS[what]
    expected = bn.curve_fit(decay, T, Y, START, **keywords)
    plain = bn.curve_fit(decay, T, Y, START)
    assert not (np.array_equal(expected.x, plain.x) and np.array_equal(expected.stderr, plain.stderr))
    files = ["decay.py:decay", "y.npy", "--x", "t.npy", "--p0", "1,1,0"]
    fit(monkeypatch, place, *files, *words, "-o", "words.npz")
    (place / "job.toml").write_text(
        f"model = 'decay.py:decay'\ninput = 'y.npy'\nx = 't.npy'\np0 = [1, 1, 0]\noutput = 'lines.npz'\n{lines}\n"
    )
    fit(monkeypatch, place, "--config", "job.toml")
    same(answers(place / "words.npz"), expected)
    same(answers(place / "lines.npz"), expected)


def counted(place, form):
    """The words that name data and numbers of trials in files, and these numbers."""
    if form in ("of the data", "of all", "a number"):
        trials = {"of the data": TRIALS, "of all": 60 + np.arange(16)}.get(form, np.full(16, 60))
        np.savez(place / "counts.npz", died=DIED, trials=trials)
        return ["counts.npz:died", "--x", "t.npy", "--trials", "60" if form == "a number" else "trials"], trials
    pytest.importorskip("pyarrow")
    rows = [f"{i},{float(T[k])!r},{DIED[i, k]},{TRIALS[i, k]}" for i in range(40) for k in range(16)]
    rows += ["7,1.0,3,"] if form == "a column" else []  # no number of trials: left out
    (place / "counts.csv").write_text("who,t,died,of\n" + "\n".join(rows) + "\n")
    words = ["counts.csv", "--by", "who", "--x", "t", "--y", "died", "--trials"]
    return ([*words, "of"], TRIALS) if form == "a column" else ([*words, "60"], np.full(16, 60))


@pytest.mark.parametrize("form", ["of the data", "of all", "a number", "a column", "a number for a table"])
def test_trials_of_a_binomial_likelihood(monkeypatch, place, form):
    words, trials = counted(place, form)
    fit(monkeypatch, place, "decay.py:decay", *words, "--loss", "binomial", "--p0", "0.7,1.5,0.1", "-o", "out.npz")
    expected = bn.curve_fit(decay, T, DIED, [0.7, 1.5, 0.1], loss="binomial", trials=trials)
    assert expected.success.mean() > 0.5
    same(answers(place / "out.npz"), expected)


@pytest.mark.parametrize(("form", "line"), [("a number", "trials = 60"), ("of the data", "trials = 'trials'")])
def test_trials_of_a_job_file(monkeypatch, place, form, line):
    _, trials = counted(place, form)
    (place / "trials.toml").write_text(
        "model = 'decay.py:decay'\ninput = 'counts.npz:died'\nx = 't.npy'\noutput = 'out.npz'\n"
        f"loss = 'binomial'\np0 = [0.7, 1.5, 0.1]\n{line}\n"
    )
    fit(monkeypatch, place, "--config", "trials.toml")
    same(answers(place / "out.npz"), bn.curve_fit(decay, T, DIED, [0.7, 1.5, 0.1], loss="binomial", trials=trials))


def test_limits_are_those_of_the_method_where_none_is_given(monkeypatch, place):
    """Steepest descent may take 10,000 evaluations, and a narrow valley needs more than the 500 of others."""
    words = ["decay.py:decay", "y.npy", "--x", "t.npy", "--p0", "1,1,0", "--method", "gradient-descent"]
    fit(monkeypatch, place, *words, "-o", "out.npz")
    expected = bn.curve_fit(decay, T, Y, START, method="gradient-descent")
    assert expected.nfev.max() > 500
    same(answers(place / "out.npz"), expected)


@pytest.mark.parametrize("start", [[], ["--p0", "1,1,0"]], ids=["guess", "p0"])
def test_a_ready_model_by_its_name(monkeypatch, place, start):
    """With its own guess where no start is given."""
    model = bn.models.exponential_decay
    fit(monkeypatch, place, "exponential_decay", "y.npy", "--x", "t.npy", *start, "-o", "out.npz")
    same(answers(place / "out.npz"), bn.curve_fit(model, T, Y, START if start else None))
    record = inspection.open_result(place / "out.npz").record
    assert record["model"]["name"] == "exponential_decay" and record["parameters"] == ["amplitude", "tau", "offset"]


def test_a_ready_model_on_a_table_and_with_a_mask(monkeypatch, place):
    """The guess sees neither what is masked nor where a short curve ends."""
    model = bn.models.exponential_decay
    fit(monkeypatch, place, "exponential_decay", "y.npy", "--x", "t.npy", "--mask", "mask.npy", "-o", "out.npz")
    same(answers(place / "out.npz"), bn.curve_fit(model, T, Y, mask=MASK))
    pytest.importorskip("pyarrow")
    lengths = 16 - np.arange(20) % 5
    rows = [f"{i},{float(T[k])!r},{float(Y[i, k])!r}" for i, m in enumerate(lengths) for k in range(m)]
    (place / "table.csv").write_text("who,t,y\n" + "\n".join(rows) + "\n")
    words = ["exponential_decay", "table.csv", "--by", "who", "--x", "t", "--y", "y"]
    fit(monkeypatch, place, *words, "--sigma", "0.02", "-o", "table.npz")
    ragged = [Y[i, :m] for i, m in enumerate(lengths)]
    expected = bn.curve_fit(model, [T[:m] for m in lengths], ragged, sigma=[np.full(m, 0.02) for m in lengths])
    found = answers(place / "table.npz")
    np.testing.assert_allclose(found["tau"], expected.x[:, 1], rtol=1e-9)
    np.testing.assert_array_equal(found["status"], expected.status)


def test_every_ready_model_is_listed():
    done = CliRunner().invoke(cli.main, ["models"])
    assert [line.partition("(")[0] for line in done.output.splitlines()] == list(bn.models.ALL)
    assert "gaussian_2d((x, y), amplitude, center_x, center_y, sigma, offset)" in done.output


def test_help_fits_a_terminal_and_lists_every_option_and_loss():
    lines = CliRunner().invoke(cli.main, ["fit", "--help"], terminal_width=80).output.splitlines()
    assert max(map(len, lines)) <= 80
    listed = lines[: lines.index("  Examples:")]
    for option in cli.fit.params:
        if option.param_type_name == "option":
            starts = (f"{option.opts[0]} ", f"{option.opts[0]}, ")
            assert sum(line.strip().startswith(starts) for line in listed) == 1, option.opts
    said = " ".join(" ".join(lines).split())
    assert ", ".join(LOSSES) + "; " + ", ".join(LIKELIHOODS) in said


def test_what_chi_square_is_with_a_loss_is_said(monkeypatch, place):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    fit(
        monkeypatch,
        place,
        "decay.py:decay",
        "y.npy",
        "--x",
        "t.npy",
        "--loss",
        "soft_l1",
        "-o",
        "out.nc",
        "--p0",
        "1,1,0",
    )
    with xarray.open_dataset(place / "out.nc") as found:
        assert found.chi_square.attrs["long_name"] == "twice the sum of loss='soft_l1'"


def test_a_process_ends_with_one_line_and_the_status_that_is_documented(place):
    """As in a terminal: an own process, whose exit status is what `fit --help` and docs/jobs.md say."""
    command = [sys.executable, "-m", "batchnewton", "fit", f"{place}/decay.py:decay", f"{place}/y.npy", "--quiet"]
    output, root = place / "process.npz", Path(__file__).parents[1]

    def end(*words, **how):
        more = ["-o", str(output), "--x", f"{place}/t.npy", "--p0", "1,1,0", *words]
        done = subprocess.run([*command, *more], capture_output=True, text=True, cwd=root, **how)
        return done.returncode, done.stderr.splitlines()

    code, lines = end("--axis", "7")
    assert code == 1 and len(lines) == 1 and lines[0].startswith("Error: --axis '7'")
    assert end("--chunk", "0")[0] == 2
    assert not output.exists()
    assert end() == (0, [])
    code, lines = end()
    assert code == 1 and lines == [f"Error: {output} exists; --overwrite replaces it"]
    code, lines = end("--resume", "--dtype", "float32")
    assert code == 3 and len(lines) == 1 and "options.dtype was 'float64' and is 'float32'" in lines[0]
    assert not output.with_name("process.npz.part").exists()
