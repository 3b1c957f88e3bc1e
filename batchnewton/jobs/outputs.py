"""Results of a job out: chunk by chunk, into Zarr, Parquet, NetCDF or npz.

A sink writes the chunks in any order, each one whole or not at all (a chunk written twice is as one written once), and
makes the finished output of them.  Zarr and Parquet have files for each chunk; NetCDF and npz are put together at the
end.
"""

from __future__ import annotations

import functools
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .blocks import Grid, shape_of
from .durable import sync, sync_all, write
from .errors import JobError, needs
from .files import ends_in, suffix


@dataclass(frozen=True)
class Layout:
    """What a result holds.

    Attributes
    ----------
    grid : Grid
    dims : tuple of str
        Names of the batch's axes.
    variables : dict
        dtype of each answer, one value a problem.
    coordinates : dict
        Along the axes: (extent,) arrays; the first axis's where the name is no axis's.
    attributes : dict
        Of each variable.
    record : dict
        How the result was made; JSON.
    """

    grid: Grid
    dims: tuple[str, ...]
    variables: dict[str, np.dtype]
    coordinates: dict[str, np.ndarray] = field(default_factory=dict)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)

    def coordinate_dim(self, name: str) -> str:
        """The axis along which a coordinate lies."""
        return name if name in self.dims else self.dims[0]

    @property
    def record_text(self) -> str:
        return json.dumps(self.record, sort_keys=True)


class Sink:
    """Where chunks go: ``data`` becomes the output when all are there."""

    def __init__(self, data: Path, layout: Layout) -> None:
        self.data, self.layout = data, layout
        if not data.exists():
            self.create()

    def create(self) -> None:
        self.data.mkdir(parents=True)

    def put(self, number: int, answers: Mapping[str, np.ndarray]) -> None:
        """Write a chunk: flat arrays of its problems.  When this returns it is on the disk."""
        raise NotImplementedError

    def finish(self) -> Path:
        """The finished output, to be moved to its place."""
        return self.data


class ZarrSink(Sink):
    """A Zarr group, an array an answer; chunks are those of the job."""

    def create(self) -> None:
        import zarr

        grid, temporary = self.layout.grid, self.data.with_name("new")
        group = zarr.open_group(temporary, mode="w", zarr_format=3)
        for name, dtype in self.layout.variables.items():
            group.create_array(
                name,
                shape=grid.shape,
                chunks=grid.chunk,
                dtype=dtype,
                dimension_names=self.layout.dims,
                compressors=None,  # digits of answers are noise: it would cost time and save little
                fill_value=np.nan if dtype.kind == "f" else -1,
                attributes=self.layout.attributes.get(name, {}),
            )
        for name, values in self.layout.coordinates.items():
            kind = "string" if values.dtype.kind == "U" else values.dtype
            where = [self.layout.coordinate_dim(name)]
            group.create_array(name, shape=values.shape, dtype=kind, dimension_names=where)[...] = values
        group.attrs["batchnewton"] = self.layout.record_text
        sync_all(path for path in temporary.rglob("*") if path.is_file())
        os.replace(temporary, self.data)

    @functools.cached_property
    def arrays(self) -> dict[str, Any]:
        """The answers' arrays, by name."""
        import zarr

        group = zarr.open_group(self.data, mode="r+")
        return {name: group[name] for name in self.layout.variables}

    def put(self, number: int, answers: Mapping[str, np.ndarray]) -> None:
        block, at, files = self.layout.grid.block(number), self.layout.grid.coordinates(number), []
        for name, values in answers.items():
            array = self.arrays[name]
            array[block] = values.reshape(shape_of(block))
            file = self.data / name / array.metadata.encode_chunk_key(at)
            files += [file] if file.exists() else []  # a chunk of fill values has none
        sync_all(files)


class ParquetSink(Sink):
    """A folder of Parquet files, one a chunk; a row a problem, its place in the batch first."""

    def put(self, number: int, answers: Mapping[str, np.ndarray]) -> None:
        import pyarrow
        from pyarrow import parquet

        layout, block = self.layout, self.layout.grid.block(number)
        places = np.meshgrid(*(np.arange(one.start, one.stop) for one in block), indexing="ij")
        columns = {}
        for dim, place in zip(layout.dims, places, strict=True):
            own = [name for name in layout.coordinates if layout.coordinate_dim(name) == dim]
            columns |= {name: layout.coordinates[name][place.ravel()] for name in own} or {dim: place.ravel()}
        table = pyarrow.table(columns | dict(answers))
        table = table.replace_schema_metadata({"batchnewton": layout.record_text})
        write(self.data / f"part-{number:08d}.parquet", lambda path: parquet.write_table(table, path))


class ChunkFiles(Sink):
    """One npz a chunk, for formats whose one file cannot be written piece by piece without risk."""

    def put(self, number: int, answers: Mapping[str, np.ndarray]) -> None:
        def fill(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, **dict(answers))  # type: ignore[arg-type]

        write(self.file(number), fill)

    def file(self, number: int) -> Path:
        return self.data / f"{number:08d}.npz"

    def pieces(self, name: str) -> Iterator[np.ndarray]:
        """One answer, chunk by chunk, in order."""
        for number in range(len(self.layout.grid)):
            with np.load(self.file(number), allow_pickle=False) as chunk:
                yield chunk[name]


class NpzSink(ChunkFiles):
    """A NumPy archive; how it was made is the text ``batchnewton``."""

    def finish(self) -> Path:
        target = self.data.with_name("whole.npz")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for name, dtype in self.layout.variables.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                    header = {"descr": dtype.str, "fortran_order": False, "shape": self.layout.grid.shape}
                    np.lib.format.write_array_header_1_0(file, header)
                    for piece in self.pieces(name):
                        file.write(piece.astype(dtype).tobytes())
            for name, values in (self.layout.coordinates | {"batchnewton": np.array(self.layout.record_text)}).items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as file:
                    np.lib.format.write_array(file, values, allow_pickle=False)
        sync(target)
        return target


class NetcdfSink(ChunkFiles):
    """A NetCDF 4 file."""

    def finish(self) -> Path:
        import h5netcdf

        target, layout = self.data.with_name("whole.nc"), self.layout
        with h5netcdf.File(target, "w") as file:
            file.dimensions = dict(zip(layout.dims, layout.grid.shape, strict=True))
            for name, values in layout.coordinates.items():
                kind = values.dtype
                if kind.kind == "U":
                    import h5py

                    kind, values = h5py.string_dtype(), values.astype(object)
                file.create_variable(name, (layout.coordinate_dim(name),), kind)[...] = values
            for name, dtype in layout.variables.items():
                variable = file.create_variable(name, layout.dims, dtype)
                variable.attrs.update(layout.attributes.get(name, {}))
                for block, piece in zip(layout.grid.blocks(), self.pieces(name), strict=True):
                    variable[block] = piece.reshape(shape_of(block))
            file.attrs["batchnewton"] = layout.record_text
        sync(target)
        return target


SINKS: dict[str, tuple[type[Sink], str]] = {
    ".zarr": (ZarrSink, "zarr"),
    ".parquet": (ParquetSink, "pyarrow"),
    ".nc": (NetcdfSink, "h5netcdf"),
    ".npz": (NpzSink, "numpy"),
}


def record_of(output: Path) -> dict[str, Any] | None:
    """How a finished output was made; None where it does not say."""
    try:
        kind, text = suffix(output), ""
        if kind == ".zarr":
            import zarr

            text = zarr.open_group(output, mode="r").attrs["batchnewton"]
        elif kind == ".parquet":
            from pyarrow import parquet

            text = (parquet.read_schema(next(output.glob("part-*.parquet"))).metadata or {})[b"batchnewton"]
        elif kind == ".npz":
            with np.load(output, allow_pickle=False) as archive:
                text = str(archive["batchnewton"])
        else:
            import h5netcdf

            with h5netcdf.File(output, "r") as file:
                text = file.attrs["batchnewton"]
        return json.loads(text if isinstance(text, bytes) else str(text))
    except Exception:  # whatever it is, it is no output of a job
        return None


def sink_for(output: Path) -> type[Sink]:
    """The kind of output that a file name asks for; its library is there."""
    import importlib.util

    kind = suffix(output)
    if kind not in SINKS:
        raise JobError(f"OUTPUT {output} {ends_in(output)}; expected one of {', '.join(SINKS)}")
    sink, package = SINKS[kind]
    if importlib.util.find_spec(package) is None:
        raise needs(package, f"writing {output}")
    return sink
