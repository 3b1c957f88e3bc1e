"""The command `batchnewton fit`: its options, and how they are told and read."""

import tomllib
from pathlib import Path
from typing import Any

import click

from .errors import one_line


def configured(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    """``--config``: values of a TOML file in the place of options that are not given."""
    if value is None:
        return
    from batchnewton.options import nearest

    try:
        found = tomllib.loads(value.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.BadParameter(f"{value} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{value} is not TOML: {error}") from error
    found = {name.replace("_", "-"): one for name, one in found.items()}
    known = {str(one.name).replace("_", "-") for one in context.command.params} - {"config", "debug"}
    for name in found:
        if name not in known:
            raise click.BadParameter(f"{value}: {name!r} is not known{nearest(name, sorted(known))}")
    context.default_map = {name.replace("-", "_"): as_text(one) for name, one in found.items()}


def as_text(value: Any) -> Any:
    """Lists and tables of TOML as the command line writes them: ``1,2`` and ``a=1,b=0:10``."""
    if isinstance(value, dict):
        pairs = ((k, ":".join(map(str, v)) if isinstance(v, list) else v) for k, v in value.items())
        return ",".join(f"{k}={v}" for k, v in pairs)
    return ",".join(map(str, value)) if isinstance(value, list) else value


EXAMPLES = """
\b
Examples:
  batchnewton fit decay.py:decay y.npy -o fits.zarr --x t.npy --p0 1,1,0
  batchnewton fit gaussian spectra.h5:flux -o peaks.nc --x wavelength
  batchnewton fit spot.py:f spots.h5 -o fits.zarr --axis -2,-1 --guess guess
  batchnewton fit relax.py:t2 scan.nii.gz -o t2.nc --x 10,20,40 --p0 1000,50
  batchnewton fit pk.py:model visits.csv -o pk.parquet --p0 dose=1,rate=0.5 \\
      --by patient --x time --y conc
  batchnewton fit --config job.toml --resume

\b
Exit status:
  0    done; each fit has its own status in the output
  1    a file, an option or the formula is wrong, or the disk is full
  2    the command line cannot be understood
  3    the output belongs to a running or to another job
  130  Ctrl-C
"""
LOSSES = "linear, soft_l1, huber, cauchy, arctan; poisson, binomial, negative-binomial, rician, scmos."
SECTIONS = {
    "Data": ("x", "axis", "by", "y", "sigma", "absolute_sigma", "trials", "mask"),
    "Start and limits": ("p0", "guess", "bounds", "fixed"),
    "Fit": ("loss", "f_scale", "method", "max_iter", "dtype", "device", "stderr"),
    "Job": (),  # all others
}


class InSections(click.Command):
    """A command whose options `--help` lists under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Section after section, in columns of one width."""
        options = [one for one in self.get_params(ctx) if isinstance(one, click.Option)]
        rows = {one.name: row for one in options if (row := one.get_help_record(ctx))}
        width = max(len(option) for option, _ in rows.values())
        others = tuple(name for name in rows if not any(name in names for names in SECTIONS.values()))
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(rows[name][0].ljust(width), rows[name][1]) for name in names or others])


@click.command(cls=InSections, epilog=EXAMPLES, short_help="Fit a formula to every curve in a file.")
@click.argument("model")
@click.argument("input")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help=".zarr, .nc, .parquet or .npz.")
@click.option("--p0", metavar="NUMBERS|FILE", help="Start: 1,2,3 or a=1,b=2,c=3, or an array (n,) or (..., n).")
@click.option("--guess", metavar="FUNCTION", help="guess(x, y) in MODEL's file: starts (n,) or (B, n) for y (B, m).")
@click.option("--bounds", metavar="a=0:10,b=0:", help="Limits of parameters.")
@click.option("--fixed", metavar="a,b", help="Parameters that stay at their start.")
@click.option("--loss", metavar="NAME", show_default="linear", help=LOSSES)
@click.option(
    "--f-scale", type=float, metavar="NUMBER", show_default="1", help="Residual at which a robust loss begins."
)
@click.option("--sigma", metavar="NUMBER|FILE|COLUMN", help="Standard deviations of the data.")
@click.option("--absolute-sigma", is_flag=True, help="Standard errors take sigma as it is, unscaled.")
@click.option("--trials", metavar="NUMBER|FILE|COLUMN", help="Of --loss binomial and negative-binomial, as --sigma.")
@click.option("--mask", metavar="NUMBERS|FILE", help="Points that count: not 0.")
@click.option("--x", metavar="NUMBERS|FILE|COLUMN", help="Abscissae, (m,) or (k, m); of a table a column.")
@click.option("--y", metavar="COLUMN", help="Of a table: what is fitted.")
@click.option("--by", metavar="COLUMN,...", help="Of a table: rows of the same key are one curve.")
@click.option("--axis", metavar="AXIS,...", show_default="the last", help="Axes of one curve: numbers or names.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:0.")
@click.option(
    "--dtype",
    type=click.Choice(["float64", "float32", "mixed"]),
    default="float64",
    show_default=True,
    metavar="NAME",
    help="float64, float32, or mixed: float32 first, float64 at the end.",
)
@click.option("--method", metavar="NAME", show_default="lm", help="lm, newton, trust-region, bfgs, lbfgs, ...")
@click.option(
    "--max-iter",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="the method's",
    help="Evaluations that a fit may take.",
)
@click.option("--stderr/--no-stderr", default=True, show_default=True, help="Write standard errors.")
@click.option(
    "--chunk", type=click.IntRange(min=1), metavar="N", show_default="32 MiB of data", help="Problems at a time."
)
@click.option("--resume", is_flag=True, help="Go on where a run was killed; begin where there was none.")
@click.option("--overwrite", is_flag=True, help="Replace an output that exists, when the new one is finished.")
@click.option("--dask", metavar="ADDRESS|local", help="Solve on a Dask cluster.")
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", show_default="all cores", help="Processes of --dask local."
)
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=configured,
    metavar="JOB.toml",
    help="Arguments and options by name; the command line overrules it.",
)
@click.option("--debug", is_flag=True, help="Full traceback of an error.")
def fit(debug: bool, **asked: Any) -> None:
    """Fit MODEL to every curve of INPUT.

    MODEL is file.py:function, or a ready model by name (`batchnewton models`). Only this file is executed.

    INPUT is an array (.npy .npz .zarr .h5 .nc .fits .tif .nii), whose other axes count problems, or a table (.csv .tsv
    .parquet) with --by, --x and --y. FILE may be FILE:NAME, or an array of INPUT by its name.
    """
    if asked["resume"] and asked["overwrite"]:
        raise click.UsageError("--resume and --overwrite exclude each other")
    if asked["workers"] and asked["dask"] != "local":
        raise click.UsageError("--workers is for --dask local")
    with one_line(debug, f"interrupted; what was finished is kept: go on with --resume ({asked['output']})"):
        from batchnewton.jobs.job import run
        from batchnewton.jobs.request import Request

        report = run(Request(**asked))
        if report.finished_before:
            click.echo(f"{report.output} is finished already")
            return
        total = sum(report.status.values())
        resumed = f", {report.resumed} chunks were there already" if report.resumed else ""
        rate = f", {report.rate:,.0f} fits/s" if report.rate else ""
        click.echo(f"{report.output}: {total:,} fits{rate}{resumed}")
        for name, count in sorted(report.status.items(), key=lambda pair: -pair[1]):
            click.echo(f"  {name:20s} {count:12,d}  {100 * count / total:6.2f} %")
