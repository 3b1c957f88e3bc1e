"""What `batchnewton inspect` tells of a finished result."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from batchnewton import Status
from batchnewton.status import SUCCESS

from .blocks import Grid
from .errors import JobError, needs
from .files import open_file, suffix
from .outputs import SINKS, record_of

PIECE = 1_000_000  # values read at a time
SAMPLE = 1_000_000  # fits from which quantiles are estimated


@dataclass
class Finished:
    """A result on disk.

    Attributes
    ----------
    path : Path
    arrays : dict
        Array-likes of one shape, the answers by name.
    record : dict
        How it was made.
    labels : dict
        Keys of the problems, where there are.
    """

    path: Path
    arrays: dict[str, Any]
    record: dict[str, Any]
    labels: dict[str, np.ndarray]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the batch."""
        return tuple(self.arrays["status"].shape)

    @property
    def names(self) -> list[str]:
        """Names of the parameters."""
        return self.record["parameters"]

    def pieces(self, name: str) -> Any:
        """(first flat index, values) piece by piece."""
        first = 0
        for block in Grid.of(self.shape, PIECE).blocks():
            part = np.asarray(self.arrays[name][block]).ravel()
            yield first, part
            first += part.size

    def sample(self, name: str) -> np.ndarray:
        """Values of every k-th fit, k = 1 up to SAMPLE fits."""
        step = -(-int(np.prod(self.shape)) // SAMPLE)
        return np.concatenate([part[-first % step :: step] for first, part in self.pieces(name)])


def open_result(path: Path) -> Finished:
    """A finished output of `batchnewton fit`."""
    if not path.exists():
        begun = path.with_name(f"{path.name}.part").exists()
        raise JobError(f"{path} is not finished; 'fit --resume' goes on" if begun else f"{path} does not exist")
    record = record_of(path) if suffix(path) in SINKS else None
    if record is None:
        raise JobError(f"{path} is no output of 'batchnewton fit'")
    if suffix(path) == ".parquet":
        return from_parquet(path, record)
    stored = open_file(path)
    shape = stored["status"].shape
    answers = {*record["parameters"], *(f"{one}_stderr" for one in record["parameters"]), "chi_square", "nit", "nfev"}
    arrays = {name: one for name, one in stored.items() if name in answers | {"status"}}
    return Finished(path, arrays, record, labels_of(path, arrays) if len(shape) == 1 else {})


def labels_of(path: Path, arrays: dict[str, Any]) -> dict[str, np.ndarray]:
    """Keys of the problems, numbers or texts."""
    if suffix(path) == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if name not in arrays and name != "batchnewton"}
    import xarray

    options: Any = {"engine": "zarr", "consolidated": False} if suffix(path) == ".zarr" else {}
    with xarray.open_dataset(path, **options) as dataset:
        return {str(name): one.values for name, one in dataset.variables.items() if name not in arrays}


def from_parquet(path: Path, record: dict[str, Any]) -> Finished:
    """The columns of a Parquet result, in memory."""
    from pyarrow import parquet

    table = parquet.read_table(path)
    first = table.column_names.index(record["parameters"][0])
    columns = {name: table[name].to_numpy() for name in table.column_names}
    labels = {name: columns.pop(name) for name in table.column_names[:first]}
    return Finished(path, columns, record, labels)


def converged(result: Finished) -> np.ndarray:
    """Which fits of the `Finished.sample` are a success; NOT_RUN is where a file of a Zarr result is missing."""
    return np.isin(result.sample("status"), SUCCESS)


def report(result: Finished, worst: int) -> str:
    """How it was made, how the fits ended, the parameters, and the worst fits."""
    record, total = result.record, int(np.prod(result.shape))
    lines = [
        f"{result.path}: {total:,} fits of {record['model']['name']}({', '.join(result.names)}), batch {result.shape}",
        f"input    {', '.join(one['file'] for one in record['input'].values())}",
        f"options  {' '.join(words(record['options']))}",
        f"versions {', '.join(f'{key} {value}' for key, value in record['versions'].items())}",
        "",
    ]
    counts: Counter[int] = Counter()
    for _, part in result.pieces("status"):
        codes, each = np.unique(part, return_counts=True)
        counts.update(dict(zip(codes.tolist(), each.tolist(), strict=True)))
    for code, count in counts.most_common():
        lines.append(f"  {Status(code).name:20s} {count:12,d}  {100 * count / total:6.2f} %")
    good = converged(result)
    rows = []
    for name in (*result.names, "chi_square"):
        values = result.sample(name)[good]
        rows.append([name, *(np.nanquantile(values, [0.05, 0.5, 0.95]) if values.size else [np.nan] * 3)])
    of = "" if good.size == total else f" of {good.size:,} of them"
    lines += ["", f"converged fits, quantiles{of}:", tabulate(rows, ["", "5 %", "50 %", "95 %"], floatfmt=".5g")]
    if worst:
        lines += ["", *worst_lines(result, worst)]
    return "\n".join(lines)


def words(options: dict[str, Any]) -> list[str]:
    """Options as a command line writes them."""
    given = [] if options["stderr"] else ["--no-stderr"]
    for name, value in options.items():
        if name != "stderr" and value is not False:
            option = f"--{name.replace('_', '-')}"
            given += [option if value is True else f"{option} {shlex.quote(str(value))}"]
    return given


def worst_lines(result: Finished, count: int) -> list[str]:
    """The fits that did not converge, then those of the largest chi-square."""
    failed, largest = np.zeros(0, np.int64), np.zeros((0, 2))
    for (first, status), (_, chi) in zip(result.pieces("status"), result.pieces("chi_square"), strict=True):
        bad = ~np.isin(status, SUCCESS)
        failed = np.concatenate([failed, first + np.flatnonzero(bad)[: count - len(failed)]])
        at = np.flatnonzero(~bad & np.isfinite(chi))
        some = at[np.argsort(-chi[at], kind="stable")[:count]]
        largest = np.concatenate([largest, np.stack([first + some, chi[some]], 1)])
        largest = largest[np.argsort(-largest[:, 1], kind="stable")[:count]]
    text = []
    for title, flat in (("first failed fits:", failed), ("largest chi-square:", largest[:, 0].astype(np.int64))):
        if len(flat):
            rows = [one_fit(result, int(i)) for i in flat]
            text += [title, tabulate(rows, ["problem", "status", "chi_square", *result.names], floatfmt=".5g")]
    return text


def one_fit(result: Finished, flat: int) -> list[Any]:
    """A row of the table of worst fits."""
    at = np.unravel_index(flat, result.shape)
    box = tuple(slice(int(i), int(i) + 1) for i in at)
    value = {k: np.asarray(result.arrays[k][box]).item() for k in ("status", "chi_square", *result.names)}
    place = [str(one[flat]) for one in result.labels.values()] or [str(int(i)) for i in at]
    return [", ".join(place), Status(value.pop("status")).name, *value.values()]


def draw(result: Finished, path: Path) -> None:
    """Histograms of the parameters of converged fits; where the batch is an image, maps of them and of the statuses."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise needs("matplotlib", "--plot", "plot") from error
    shown = [*result.names, "chi_square"]
    image = len(result.shape) == 2 and min(result.shape) > 1 and math.prod(result.shape) <= 4 * SAMPLE
    figure = Figure(figsize=(3 * (len(shown) + image), 6 if image else 3), layout="constrained")
    rows = figure.subfigures(1 + image, 1, squeeze=False)[:, 0]
    draw_histograms(result, shown, rows[0])
    if image:
        draw_maps(result, shown, rows[1])
    figure.savefig(path, dpi=120)


def draw_histograms(result: Finished, shown: list[str], figure: Any) -> None:
    """The middle 98 % of what converged."""
    good = converged(result)
    figure.suptitle(f"{np.count_nonzero(good):,} converged fits, 1 % to 99 %", fontsize="medium")
    for axes, name in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        values = result.sample(name)[good]
        values = np.asarray(values[np.isfinite(values)], float)
        low, high = np.quantile(values, [0.01, 0.99]) if values.size else (0.0, 1.0)
        least = 1e-9 * max(abs(low), abs(high)) or 1.0  # where all are as good as equal
        middle, half = (low + high) / 2, max((high - low) / 2, least)
        bins = min(60, max(10, math.isqrt(values.size)))
        axes.hist(values, bins=bins, range=(middle - half, middle + half))
        axes.set(title=name, yticks=[])


def draw_maps(result: Finished, shown: list[str], figure: Any) -> None:
    """How each pixel's fit ended, and its parameters."""
    from batchnewton.plot.maps import status_image, value_image

    first, *others = figure.subplots(1, 1 + len(shown))
    whole = (slice(None), slice(None))
    status = np.asarray(result.arrays["status"][whole])
    status_image(first, status)
    for axes, name in zip(others, shown, strict=True):
        values = np.asarray(result.arrays[name][whole])
        value_image(axes, np.ma.masked_where(~np.isin(status, SUCCESS), values), name)
