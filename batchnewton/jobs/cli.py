"""The command `batchnewton`: parses, calls, prints. The work is in the other files of this folder."""

import importlib.util
import os
import tomllib
from pathlib import Path
from typing import Any

import click

from batchnewton.version import __version__

PICTURES = (".png", ".pdf", ".svg")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Fit or solve thousands to millions of small nonlinear problems at once."""


def _picture(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Refuse at once what could only fail after the work."""
    if value is None:
        return None
    if value.suffix.lower() not in PICTURES:
        raise click.BadParameter(f"'{value}' ends in '{value.suffix}', expected one of {', '.join(PICTURES)}")
    if not os.access(value.resolve().parent, os.W_OK):
        raise click.BadParameter(f"folder '{value.resolve().parent}' does not exist or cannot be written to")
    if importlib.util.find_spec("matplotlib") is None:
        raise click.ClickException("--plot needs matplotlib; to install it: pip install 'batchnewton[plot]'")
    return value


@main.command()
def info() -> None:
    """Show devices, versions and the cache folder, and what to install where something is missing."""
    from batchnewton.installation import info as found

    click.echo(repr(found()))


@main.command()
def models() -> None:
    """List the ready models, which `fit` knows by name, with their parameters."""
    from batchnewton.models import ALL

    for name, one in ALL.items():
        x = "x" if one.coordinates == 1 else f"({', '.join('xyz'[: one.coordinates])})"
        click.echo(f"{name}({x}, {', '.join(one.names)})")


@main.command()
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_picture,
    metavar="FILE.png",
    help="Draw some images with their fits, and the errors in units of their standard errors.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:0.")
@click.option(
    "--dtype",
    type=click.Choice(["float64", "float32"]),
    default="float64",
    show_default=True,
    help="Precision of the image fits; the NIST problems are always fitted in float64.",
)
@click.option("--fits", type=click.IntRange(min=1), default=100_000, hidden=True)
def demo(plot: Path | None, device: str, dtype: str, fits: int) -> None:
    """Fit problems with certified answers, then 100,000 images. No input, no GPU, no network needed."""
    from batchnewton.jobs import demo as work
    from batchnewton.options import check_device

    try:
        check_device(device)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--device") from error
    click.secho("1. The 27 NIST StRD problems, each from its far and its near start (float64)", bold=True)
    runs = work.fit_nist(device)
    click.echo(work.nist_table(runs))
    click.echo(work.nist_totals(runs))

    click.secho(f"\n2. {fits:,} noisy 5x5 images of single molecules, a 2-D Gaussian each ({dtype})", bold=True)
    images = work.simulate(fits)
    fit = work.fit_images(images, dtype=dtype, device=device)
    click.echo(work.image_report(images, fit))

    click.secho("\n3. Device", bold=True)
    click.echo(work.device_report())
    if plot is not None:
        work.draw(images, fit, plot)
        click.echo(f"\nPicture: {plot}")


def _configured(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    """``--config``: values of a TOML file in the place of options that are not given."""
    if value is None:
        return
    try:
        found = tomllib.loads(value.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.BadParameter(f"{value} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{value} is not TOML: {error}") from error
    found = {name.replace("-", "_"): one for name, one in found.items()}
    known = {one.name for one in context.command.params} - {"config", "debug"}
    for name in found:
        if name not in known:
            raise click.BadParameter(f"{value}: {name!r} is not known; expected {', '.join(sorted(map(str, known)))}")
    context.default_map = {name: _as_text(one) for name, one in found.items()}


def _as_text(value: Any) -> Any:
    """Lists and tables of TOML as the command line writes them: ``1,2`` and ``a=1,b=0:10``."""
    if isinstance(value, dict):
        pairs = ((k, ":".join(map(str, v)) if isinstance(v, list) else v) for k, v in value.items())
        return ",".join(f"{k}={v}" for k, v in pairs)
    return ",".join(map(str, value)) if isinstance(value, list) else value


EXAMPLES = """
\b
Examples:
  batchnewton fit decay.py:decay curves.npy -o fits.zarr --x times.npy --p0 1,1,0
  batchnewton fit spot.py:gauss stack.zarr -o spots.zarr --axis -2,-1 --guess guess
  batchnewton fit pk.py:model visits.csv -o pk.parquet --by patient --x time --y conc --p0 dose=1,rate=0.5
  batchnewton fit relax.py:t2 scan.nii.gz -o t2.nc --x 10,20,40,80 --p0 1000,50
  batchnewton fit --config job.toml --resume

\b
Exit status: 0 done (each fit has its own status in the output), 1 a file, an option or the formula is wrong,
2 the command line cannot be understood, 3 the output belongs to a running or to another job, 130 Ctrl-C.
"""


@main.command(epilog=EXAMPLES)
@click.argument("model")
@click.argument("input")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help=".zarr, .nc, .parquet or .npz.")
@click.option("--p0", help="Start: 1,2,3 or a=1,b=2,c=3, or an array (n,) or (..., n): FILE[:NAME].")
@click.option("--guess", metavar="FUNCTION", help="guess(x, y) in MODEL's file: starts (n,) or (B, n) for y (B, m).")
@click.option("--bounds", metavar="a=0:10,b=0:", help="Limits of parameters.")
@click.option("--fixed", metavar="a,b", help="Parameters that stay at their start.")
@click.option(
    "--loss", help="linear, soft_l1, huber, cauchy, arctan, or a likelihood such as poisson.  [default: linear]"
)
@click.option("--f-scale", type=float, help="Residual, in units of sigma, at which a robust loss begins.  [default: 1]")
@click.option("--sigma", help="Standard deviations: a number, FILE[:NAME], or a column of a table.")
@click.option("--trials", help="Of binomial and negative-binomial, as --sigma: a number, FILE[:NAME], or a column.")
@click.option("--absolute-sigma", is_flag=True, help="Standard errors take sigma as it is, unscaled.")
@click.option("--mask", metavar="FILE[:NAME]", help="Points that count: not 0.")
@click.option("--x", help="Abscissae: 1,2,3, an array of INPUT or FILE[:NAME], (m,) or (k, m); of a table a column.")
@click.option("--y", metavar="COLUMN", help="Of a table: what is fitted.")
@click.option("--by", metavar="COLUMN,...", help="Of a table: rows of the same key are one curve.")
@click.option("--axis", metavar="AXIS,...", help="Axes of one problem's data, numbers or names.  [default: the last]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:0.")
@click.option("--dtype", type=click.Choice(["float64", "float32", "mixed"]), default="float64", show_default=True)
@click.option("--method", help="lm, newton, trust-region, bfgs, ... as for curve_fit.  [default: lm]")
@click.option("--max-iter", type=click.IntRange(min=1), help="Evaluations a fit may take.  [default: the method's]")
@click.option("--stderr/--no-stderr", default=True, show_default=True, help="Write standard errors.")
@click.option("--chunk", type=click.IntRange(min=1), help="Problems at a time.  [default: 32 MiB of data]")
@click.option("--resume", is_flag=True, help="Go on where a run was killed; begin where there was none.")
@click.option("--overwrite", is_flag=True, help="Replace an output that exists, when the new one is finished.")
@click.option("--dask", metavar="ADDRESS|local", help="Solve on a Dask cluster.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes of --dask local.  [default: all cores]")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=_configured,
    metavar="JOB.toml",
    help="Arguments and options by name; the command line overrules it.",
)
@click.option("--debug", is_flag=True, help="Full traceback of an error.")
def fit(debug: bool, **asked: Any) -> None:
    """Fit MODEL (file.py:function, or a ready model's name) to every curve of INPUT (FILE or FILE:NAME).

    \b
    INPUT is an array (.npy .npz .zarr .h5 .nc .fits .tif .nii), whose other axes count problems,
    or a table (.csv .parquet) with --by, --x and --y. Only the named .py file is executed.
    """
    from batchnewton.jobs.job import run
    from batchnewton.jobs.request import Request

    if asked["resume"] and asked["overwrite"]:
        raise click.UsageError("--resume and --overwrite exclude each other")
    if asked["workers"] and asked["dask"] != "local":
        raise click.UsageError("--workers is for --dask local")
    with _one_line(debug, f"interrupted; what was finished is kept: go on with --resume ({asked['output']})"):
        report = run(Request(**asked))
        if report.finished_before:
            click.echo(f"{report.output} is finished already")
            return
        total = sum(report.status.values())
        resumed = f", {report.resumed} chunks were there already" if report.resumed else ""
        click.echo(f"{report.output}: {total:,} fits, {report.rate:,.0f} fits/s{resumed}")
        for name, count in sorted(report.status.items(), key=lambda pair: -pair[1]):
            click.echo(f"  {name:20s} {count:12,d}  {100 * count / total:6.2f} %")


@main.command()
@click.argument("output", type=click.Path(exists=True, path_type=Path))
@click.option("--worst", type=click.IntRange(min=0), default=5, show_default=True, help="Fits to list.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), callback=_picture, metavar="FILE.png")
@click.option("--debug", is_flag=True, help="Full traceback of an error.")
def inspect(output: Path, worst: int, plot: Path | None, debug: bool) -> None:
    """How a finished OUTPUT of `fit` was made, how its fits ended, and the worst of them."""
    from batchnewton.jobs import inspection

    with _one_line(debug, "interrupted"):
        result = inspection.open_result(output)
        click.echo(inspection.report(result, worst))
        if plot is not None:
            inspection.draw(result, plot)
            click.echo(f"\nPicture: {plot}")


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes SHELL complete commands and options: eval "$(batchnewton completion bash)"."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, "batchnewton", "_BATCHNEWTON_COMPLETE").source())


class _one_line:
    """Errors as one line with an exit status; with --debug as they are."""

    def __init__(self, debug: bool, interrupted: str) -> None:
        self.debug, self.interrupted = debug, interrupted

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or self.debug or isinstance(error, click.exceptions.Exit | click.ClickException | SystemExit):
            return
        if isinstance(error, KeyboardInterrupt):
            click.echo(self.interrupted, err=True)
            raise SystemExit(130) from None
        from batchnewton.jobs.errors import JobError

        text = str(error) if isinstance(error, JobError) else f"{type(error).__name__}: {error} (--debug shows where)"
        click.echo(f"Error: {' '.join(text.split())}", err=True)
        raise SystemExit(getattr(error, "exit_code", 1)) from None
