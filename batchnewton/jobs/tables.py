"""The batch of a job in a table: one curve for each group of rows that share a key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import positive
from .blocks import Block
from .errors import JobError, needs
from .files import suffix


@dataclass
class Groups:
    """Curves of different lengths, the rows of each one after the other.

    The columns that are needed are held in memory, 8 bytes a row and column; text columns as codes.

    Attributes
    ----------
    path : Path
    dim : str
        Name of the batch's axis.
    columns : dict
        (rows,) arrays ``x``, ``y`` and maybe ``sigma`` and ``trials``, sorted by group.
    starts : (groups + 1,) array
        First row of each group.
    coordinates : dict
        The key of each group, column by column.
    constants : dict
        ``sigma`` and ``trials`` where they are a number for all rows.
    """

    path: Path
    dim: str
    columns: dict[str, np.ndarray]
    starts: np.ndarray
    coordinates: dict[str, np.ndarray]
    constants: dict[str, float]
    p0: Any = None
    dropped: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.starts) - 1,)

    @property
    def dims(self) -> tuple[str, ...]:
        return (self.dim,)

    @property
    def m(self) -> int:
        """Points of the longest curve."""
        return max(1, int(np.diff(self.starts).max()))

    @property
    def bytes_each(self) -> int:
        """Bytes of a problem's data, padded to the longest."""
        return 8 * self.m * len(self.columns) * 2

    @property
    def pieces(self) -> tuple[int, ...]:
        return ()

    def stored(self) -> dict[str, Any]:
        return {"input": self}

    def read(self, block: Block) -> dict[str, Any]:
        """Arguments of `curve_fit` for some groups: columns padded with NaN to the longest, and their lengths."""
        first, last = block[0].start, block[0].stop
        counts = np.diff(self.starts[first : last + 1])
        m = max(1, int(counts.max()))
        there = np.arange(m) < counts[:, None]
        rows = slice(self.starts[first], self.starts[last])
        padded = {}
        for name, column in self.columns.items():
            padded[name] = np.full(there.shape, np.nan)
            padded[name][there] = column[rows]
        found = {"xdata": padded["x"][:, None, :], "ydata": padded["y"], "counts": counts}
        found |= {name: column for name, column in padded.items() if name not in ("x", "y")}
        found |= {name: np.full(m, one) for name, one in self.constants.items()}
        if self.p0 is not None:
            found["p0"] = self.p0
        return found


def open_groups(
    path: Path, by: str | None, x: str | None, y: str | None, p0: np.ndarray | str | None, beside: dict[str, str]
) -> Groups:
    """Read the columns that a command line names, and sort their rows by group; ``beside`` are its ``--sigma`` and
    ``--trials``, columns or numbers."""
    for option, value in (("--by", by), ("--x", x), ("--y", y)):
        if value is None:
            what = "a table has a row for each point, with columns that say of which curve it is (--by), x and y"
            raise JobError(
                f"{path} is a table: {option} COLUMN is needed; {what}. Curves as rows are an array, as in .npy"
            )
    assert by is not None and x is not None and y is not None
    if isinstance(p0, str):
        raise JobError(f"--p0 {p0!r}: for a table give numbers, n values for all groups")
    constants = {key: float(positive(f"--{key}", one, 1)[0]) for key, one in beside.items() if is_float(one)}
    keys = [word.strip() for word in by.split(",")]
    values = {"x": x, "y": y} | {key: one for key, one in beside.items() if key not in constants}
    table = read_columns(path, [*keys, *values.values()])
    if not table.num_rows:
        raise JobError(f"{path} has no rows")
    columns = {role: real_column(path, name, table[name]) for role, name in values.items()}
    codes, coordinates = group_codes(table, keys)
    usable = np.all([np.isfinite(column) for column in columns.values()], axis=0)
    order = np.flatnonzero(usable)
    order = order[np.argsort(codes[order], kind="stable")]
    groups = len(next(iter(coordinates.values())))
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes[order], minlength=groups))])
    columns = {role: column[order] for role, column in columns.items()}
    dim = keys[0] if len(keys) == 1 else "group"
    return Groups(path, dim, columns, starts, coordinates, constants, p0, int((~usable).sum()))


def is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_columns(path: Path, names: list[str]) -> Any:
    """Some columns of a CSV or Parquet table, by pyarrow."""
    try:
        import pyarrow
        from pyarrow import csv, parquet
    except ImportError as error:
        raise needs("pyarrow", f"reading {path}") from error
    if not path.exists():
        raise JobError(f"{path} does not exist")
    kind = suffix(path)
    try:
        if kind == ".parquet":
            known = parquet.ParquetDataset(path).schema.names
        else:
            parse = csv.ParseOptions(delimiter="\t" if kind == ".tsv" else ",")
            with csv.open_csv(path, parse_options=parse) as reader:
                known = reader.schema.names
        missing = [name for name in names if name not in known]
        if missing:
            raise JobError(f"{path} has no column {missing[0]!r}; it has {', '.join(map(repr, known))}")
        if kind == ".parquet":
            return parquet.read_table(path, columns=list(dict.fromkeys(names)))
        convert = csv.ConvertOptions(include_columns=list(dict.fromkeys(names)))
        return csv.read_csv(path, parse_options=parse, convert_options=convert)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise JobError(f"{path} cannot be read as a table: {error}") from error


def real_column(path: Path, name: str, column: Any) -> np.ndarray:
    """A column of numbers as float64; what is missing is NaN."""
    import pyarrow

    kind = column.type
    if not (pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_null(kind)):
        came = f"column {name!r} holds {kind}"
        if pyarrow.types.is_string(kind):
            words = [(i, one) for i, one in enumerate(column.to_pylist()) if one and not is_float(one)]
            came += f", {words[0][1]!r} in row {words[0][0] + 1}" if words else ""
        raise JobError(f"{path}: {came}; expected numbers")
    return column.cast("float64").to_numpy()


def group_codes(table: Any, keys: list[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The number of each row's group, in the order in which groups first appear, and the keys of the groups."""
    codes = np.zeros(table.num_rows, np.int64)
    dictionaries = {}
    for key in keys:
        coded = table[key].combine_chunks().dictionary_encode("encode")
        dictionaries[key] = coded.dictionary
        codes = codes * max(1, len(coded.dictionary)) + coded.indices.to_numpy(zero_copy_only=False)
    _, first, group = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    heads = first[order]
    keys_of = {key: table[key].take(heads).to_numpy(zero_copy_only=False) for key in keys}
    return place[group], {key: texts(one) for key, one in keys_of.items()}


def texts(keys: np.ndarray) -> np.ndarray:
    """Keys as numbers or as text."""
    return keys if keys.dtype.kind in "iuf" else np.array([str(one) for one in keys])
