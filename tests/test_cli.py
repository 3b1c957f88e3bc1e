"""The command line, run as a user runs it; the demo with fewer images."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from batchnewton.jobs import cli, demo
from batchnewton.version import __version__


def run(*arguments: str):
    return CliRunner().invoke(cli.main, arguments)


def test_demo_fits_reports_and_draws(tmp_path):
    picture = tmp_path / "demo.png"
    done = run("demo", "--fits", "1000", "--plot", str(picture))
    assert done.exit_code == 0, done.output
    assert "54 runs have 6 or more certified digits" in done.output
    assert "fits/s" in done.output
    assert "auto takes" in done.output
    assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_image_fits_are_right(dtype):
    """Nearly all converge, unbiased to a tenth of a standard error, which is as wide as it says."""
    images = demo.simulate(2000)
    fit = demo.fit_images(images, dtype=dtype)
    pulls = fit.pulls(images.truth)
    assert fit.success.mean() > 0.99
    assert np.all(np.abs(pulls.mean(axis=0)) < 0.1)
    np.testing.assert_allclose(pulls.std(axis=0), np.sqrt(20 / 18), atol=0.1)


def test_images_are_the_same_in_every_run():
    np.testing.assert_array_equal(demo.simulate(10).pixels, demo.simulate(10).pixels)


def test_start_values_come_from_the_pixels():
    """Without noise the guess is near the truth, so that the fit is the solver's work and not luck."""
    x, truth = demo.simulate(1).x, np.array([[500.0, 2.2, 1.9, 1.0, 10.0]])
    pixels = demo.gaussian(x, *truth.T[:, :, None])
    np.testing.assert_allclose(demo.guess(demo.Images(x, pixels, truth)), truth, rtol=0.2, atol=5.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--plot", "fits.jpq"], "ends in '.jpq', expected one of .png, .pdf, .svg"),
        (["demo", "--plot", "no/such/folder/fits.png"], "does not exist"),
        (["demo", "--device", "cuda"], "device='cuda': "),
        (["demo", "--dtype", "float16"], "'float16' is not one of 'float64', 'float32'"),
        (["dmeo"], "No such command 'dmeo'"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, message):
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.output


def test_plot_without_matplotlib_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    done = run("demo", "--plot", str(tmp_path / "fits.png"))
    assert done.exit_code == 1
    assert "pip install 'batchnewton[plot]'" in done.output


def test_version_also_as_a_module():
    assert run("--version").output.strip().endswith(__version__)
    command = [sys.executable, "-m", "batchnewton", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    assert done.stdout.strip() == f"batchnewton, version {__version__}"
