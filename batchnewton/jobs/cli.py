"""The command `batchnewton`: parses, calls, prints. The work is in the other files of this folder."""

import importlib.util
import os
from pathlib import Path

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
