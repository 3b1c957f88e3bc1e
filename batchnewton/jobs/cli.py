"""The command `batchnewton`: parses, calls, prints. The work is in the other files of this folder."""

import importlib.util
import os
from pathlib import Path

import click

from batchnewton.version import __version__

from .cli_fit import fit
from .errors import one_line

PICTURES = (".png", ".pdf", ".svg")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
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


@main.command(short_help="Show devices, versions, the cache folder.")
def info() -> None:
    """Show devices, versions and the cache folder, and what to install where something is missing."""
    from batchnewton.installation import info as found

    click.echo(repr(found()))


@main.command(short_help="List the ready models.")
def models() -> None:
    """List the ready models, which `fit` knows by name, with their parameters."""
    from batchnewton.models import ALL

    for name, one in ALL.items():
        x = "x" if one.coordinates == 1 else f"({', '.join('xyz'[: one.coordinates])})"
        click.echo(f"{name}({x}, {', '.join(one.names)})")


@main.command(short_help="Fit problems with known answers, and 100,000 images.")
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


main.add_command(fit)


@main.command(short_help="Tell how the fits of an output ended.")
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--worst", type=click.IntRange(min=0), default=5, show_default=True, metavar="N", help="Fits to list.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_picture,
    metavar="FILE.png",
    help="Draw histograms of the parameters, and maps where the batch is an image.",
)
@click.option("--debug", is_flag=True, help="Full traceback of an error.")
def inspect(output: Path, worst: int, plot: Path | None, debug: bool) -> None:
    """How a finished OUTPUT of `fit` was made, how its fits ended, and the worst of them."""
    from batchnewton.jobs import inspection

    with one_line(debug, "interrupted"):
        result = inspection.open_result(output)
        click.echo(inspection.report(result, worst))
        if plot is not None:
            inspection.draw(result, plot)
            click.echo(f"\nPicture: {plot}")


@main.command(short_help="Print the shell's completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes SHELL complete commands and options: eval "$(batchnewton completion bash)"."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, "batchnewton", "_BATCHNEWTON_COMPLETE").source())
