"""What `batchnewton inspect` tells of a finished result."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from batchnewton import Status

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


def report(result: Finished, worst: int) -> str:
    """How it was made, how the fits ended, the parameters, and the worst fits."""
    record, total = result.record, int(np.prod(result.shape))
    made = {key: value for key, value in record["options"].items() if key not in ("by", "x", "y")}
    lines = [
        f"{result.path}: {total:,} fits of {record['model']['name']}({', '.join(result.names)}), batch {result.shape}",
        f"input    {', '.join(one['file'] for one in record['input'].values())}",
        f"options  {json.dumps(made)}",
        f"versions {', '.join(f'{key} {value}' for key, value in record['versions'].items())}",
        "",
    ]
    codes = np.zeros(128, np.int64)
    for _, part in result.pieces("status"):
        codes += np.bincount(part[part >= 0], minlength=128)[:128]
    for code in np.argsort(-codes, kind="stable")[: np.count_nonzero(codes)]:
        lines.append(f"  {Status(int(code)).name:20s} {codes[code]:12,d}  {100 * codes[code] / total:6.2f} %")
    good = result.sample("status") <= Status.CONVERGED_AT_BOUND
    rows = []
    for name in (*result.names, "chi_square"):
        values = result.sample(name)[good]
        rows.append([name, *(np.nanquantile(values, [0.05, 0.5, 0.95]) if values.size else [np.nan] * 3)])
    of = "" if good.size == total else f" of {good.size:,} of them"
    lines += ["", f"converged fits, quantiles{of}:", tabulate(rows, ["", "5 %", "50 %", "95 %"], floatfmt=".5g")]
    if worst:
        lines += ["", *worst_lines(result, worst)]
    return "\n".join(lines)


def worst_lines(result: Finished, count: int) -> list[str]:
    """The fits that did not converge, then those of the largest chi-square."""
    failed, largest = np.zeros(0, np.int64), np.zeros((0, 2))
    for (first, status), (_, chi) in zip(result.pieces("status"), result.pieces("chi_square"), strict=True):
        bad = status > Status.CONVERGED_AT_BOUND
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
    """Histograms of the parameters of converged fits; maps where the batch is an image."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise needs("matplotlib", "--plot", "plot") from error
    shown = [*result.names, "chi_square"]
    image = len(result.shape) == 2 and min(result.shape) > 1 and math.prod(result.shape) <= 4 * SAMPLE
    figure = Figure(figsize=(3 * len(shown), 6 if image else 3), layout="constrained")
    axes = figure.subplots(1 + image, len(shown), squeeze=False)
    good = result.sample("status") <= Status.CONVERGED_AT_BOUND
    for column, name in enumerate(shown):
        values = result.sample(name)[good]
        values = values[np.isfinite(values)]
        low, high = np.quantile(values, [0.01, 0.99]) if values.size else (0.0, 1.0)
        axes[0, column].hist(values, bins=60, range=(low, high) if high > low else None)
        axes[0, column].set(title=name, yticks=[])
        if image:
            whole = np.asarray(result.arrays[name][(slice(None), slice(None))])
            picture = axes[1, column].imshow(whole, vmin=low, vmax=high)
            figure.colorbar(picture, ax=axes[1, column], shrink=0.7)
    figure.savefig(path, dpi=120)
