"""Arrays in files, opened without reading them: NumPy, Zarr, HDF5, NetCDF, FITS, TIFF, NIfTI.

Each format is read by its own library; here is only what they have in common.  No file is unpickled or executed.
"""

from __future__ import annotations

import importlib
import mmap
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .errors import JobError, needs


@dataclass(frozen=True)
class Stored:
    """An array in a file, read piece by piece.

    Attributes
    ----------
    path : Path
    name : str
        Its name in the file; empty where a file holds one array without a name.
    shape : tuple of int
    dtype : numpy.dtype
    read : callable
        ``read(key)`` with a tuple of slices, one for each axis.
    dims : tuple of str
        Names of the axes; empty where the format has none.
    attributes : dict
        Texts and numbers that came with it, ``units`` among them.
    chunks : tuple of int
        Extents of the pieces in which the file holds it; empty where it has none.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[tuple[slice, ...]], Any]
    dims: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    chunks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.dtype.kind not in "fiub":
            raise JobError(f"{self} has dtype {self.dtype}; expected real numbers")

    def __str__(self) -> str:
        return f"{self.path}:{self.name}" if self.name else str(self.path)

    def __reduce__(self) -> Any:
        """To a worker it goes as its address, and is opened there."""
        return reopened, (self.path.resolve(), self.name)

    def __getitem__(self, key: Any) -> np.ndarray:
        key = () if key is ... else key if isinstance(key, tuple) else (key,)
        key += (slice(None),) * (len(self.shape) - len(key))
        try:
            return native(self.read(key))
        except Exception as error:  # each library has its own kinds; a corrupt chunk may be anything
            where = ", ".join(f"{one.start or 0}:{one.stop or n}" for one, n in zip(key, self.shape, strict=True))
            raise JobError(f"{self} cannot be read at [{where}] ({type(error).__name__}: {error})") from error


def native(array: Any) -> np.ndarray:
    """A NumPy array in the machine's byte order."""
    array = np.asarray(array)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def of(path: Path, name: str, array: Any, dims: Any = (), attributes: Any = ()) -> Stored:
    """An array-like that reads what is asked of it."""
    dims = tuple(str(one) for one in dims or () if one)
    plain = {str(k): v for k, v in dict(attributes).items() if isinstance(v, str | int | float)}
    names = dims if len(dims) == len(array.shape) else ()
    pieces = getattr(array, "shards", None) or getattr(array, "chunks", None) or ()
    kind = np.dtype(array.dtype)
    return Stored(path, name, tuple(array.shape), kind, lambda key: array[key], names, plain, tuple(pieces))


# ---------------------------------------------------------------- the formats


def numpy_file(path: Path) -> dict[str, Stored]:
    return {"": mapped(path, "", np.load(path, mmap_mode="r", allow_pickle=False))}


def mapped(path: Path, name: str, array: Any) -> Stored:
    """A memory map.  What was read is given back at once: else all of the file would count as memory of the process."""

    def read(key: tuple[slice, ...]) -> np.ndarray:
        part = np.array(array[key])
        if hasattr(mmap, "MADV_DONTNEED") and getattr(array, "_mmap", None) is not None:
            array._mmap.madvise(mmap.MADV_DONTNEED)
        return part

    return Stored(path, name, tuple(array.shape), np.dtype(array.dtype), read)


def numpy_archive(path: Path) -> dict[str, Stored]:
    """Members as `numpy.savez` stores them are mapped; compressed ones are read whole when they are asked for."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            with archive.open(member) as file:
                shape, fortran, dtype = npy_header(file)
                header = file.tell()
            if dtype.kind not in "fiub":
                continue
            if member.compress_type == zipfile.ZIP_STORED and np.prod(shape):
                start = data_offset(path, member) + header
                order = "F" if fortran else "C"
                found[name] = mapped(path, name, np.memmap(path, dtype, "r", start, shape, order))
            else:

                def read(key: tuple[slice, ...], name: str = name) -> np.ndarray:
                    with np.load(path, allow_pickle=False) as whole:
                        return whole[name][key]

                found[name] = Stored(path, name, shape, dtype, read)
    return found


def npy_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran's order, dtype."""
    version = np.lib.format.read_magic(file)
    one = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return one(file)


def data_offset(path: Path, member: zipfile.ZipInfo) -> int:
    """Where the content of a stored member begins: behind its local header, whose name and extra field vary."""
    with path.open("rb") as file:
        file.seek(member.header_offset + 26)
        name, extra = np.frombuffer(file.read(4), "<u2")
    return member.header_offset + 30 + int(name) + int(extra)


def zarr_store(path: Path) -> dict[str, Stored]:
    zarr = library("zarr", path)
    node = zarr.open(path, mode="r")
    if not hasattr(node, "members"):
        return {"": zarr_array(path, "", node)}
    arrays = {name: one for name, one in node.members(max_depth=None) if hasattr(one, "shape")}
    return {name: zarr_array(path, name, one) for name, one in arrays.items() if numeric(one)}


def zarr_array(path: Path, name: str, array: Any) -> Stored:
    attributes = dict(array.attrs)
    dims = getattr(array.metadata, "dimension_names", None) or attributes.get("_ARRAY_DIMENSIONS", ())
    return of(path, name, array, dims, attributes)


def numeric(array: Any) -> bool:
    return getattr(np.dtype(array.dtype), "kind", "O") in "fiub"


def hdf5_file(path: Path) -> dict[str, Stored]:
    h5py = library("h5py", path)
    found = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and node.dtype.kind in "fiub":
            found[name] = of(path, name, node, [one.label for one in node.dims], text_attributes(node.attrs))

    h5py.File(path, "r").visititems(visit)
    return found


def text_attributes(attributes: Any) -> dict[str, Any]:
    return {k: v.decode(errors="replace") if isinstance(v, bytes) else v for k, v in attributes.items()}


def netcdf_file(path: Path) -> dict[str, Stored]:
    xarray = library("xarray", path)
    dataset = xarray.open_dataset(path, chunks=None, decode_times=False)
    found = {}
    for name, one in dataset.variables.items():
        if numeric(one):
            read = one.variable if hasattr(one, "variable") else one
            found[str(name)] = Stored(
                path,
                str(name),
                one.shape,
                np.dtype(one.dtype),
                lambda key, read=read: read[key].values,
                tuple(map(str, one.dims)),
                {k: v for k, v in one.attrs.items() if isinstance(v, str | int | float)},
            )
    return found


def fits_file(path: Path) -> dict[str, Stored]:
    fits = library("astropy.io.fits", path, "astropy")
    found = {}
    for i, unit in enumerate(fits.open(path, memmap=True)):
        if unit.is_image and unit.shape:
            found[unit.name or str(i)] = Stored(
                path,
                unit.name or str(i),
                tuple(unit.shape),
                np.dtype("f4") if unit.header.get("BITPIX") in (-32, 8, 16) else np.dtype("f8"),
                lambda key, unit=unit: unit.section[key],
                attributes={"units": str(unit.header["BUNIT"])} if "BUNIT" in unit.header else {},
            )
    return found


def tiff_file(path: Path) -> dict[str, Stored]:
    tifffile = library("tifffile", path)
    try:
        return {"": mapped(path, "", tifffile.memmap(path, mode="r"))}
    except ValueError:  # compressed or in tiles
        zarr = library("zarr", path)
        return {"": of(path, "", zarr.open(tifffile.TiffFile(path).series[0].aszarr(), mode="r"))}


def nifti_file(path: Path) -> dict[str, Stored]:
    nibabel = library("nibabel", path)
    image: Any = nibabel.load(path)
    proxy = image.dataobj
    scaled = np.dtype(proxy.dtype) if proxy.slope == 1 and proxy.inter == 0 else np.dtype("f8")
    return {"": Stored(path, "", tuple(proxy.shape), scaled, lambda key: proxy[key])}


def library(name: str, path: Path, package: str | None = None) -> Any:
    """An optional library, imported when a file needs it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        usual = name in ("zarr", "xarray", "h5py", "pyarrow")
        raise needs(package or name, f"reading {path}", "io" if usual else None) from error


READERS = {
    ".npy": numpy_file,
    ".npz": numpy_archive,
    ".zarr": zarr_store,
    ".h5": hdf5_file,
    ".hdf5": hdf5_file,
    ".nc": netcdf_file,
    ".nc4": netcdf_file,
    ".fits": fits_file,
    ".fit": fits_file,
    ".fits.gz": fits_file,
    ".tif": tiff_file,
    ".tiff": tiff_file,
    ".nii": nifti_file,
    ".nii.gz": nifti_file,
}
TABLES = (".csv", ".csv.gz", ".tsv", ".parquet")


def suffix(path: Path) -> str:
    """The ending that tells the format: `.nii.gz` is one."""
    two = "".join(path.suffixes[-2:]).lower()
    return two if two in READERS or two in TABLES else path.suffix.lower()


def ends_in(path: Path) -> str:
    """What an error says of the ending."""
    return f"ends in {suffix(path)!r}" if suffix(path) else "has no ending"


def split_name(text: str) -> tuple[Path, str]:
    """``FILE`` or ``FILE:NAME``."""
    path, colon, name = text.rpartition(":")
    if colon and not Path(text).exists() and suffix(Path(path)) in (*READERS, *TABLES):
        return Path(path), name
    return Path(text), ""


def open_file(path: Path) -> dict[str, Stored]:
    """All arrays of real numbers in a file, by name; nothing is read yet."""
    kind = suffix(path)
    if kind not in READERS:
        raise JobError(f"{path} {ends_in(path)}; expected one of {', '.join((*READERS, *TABLES))}")
    if not path.exists():
        raise JobError(f"{path} does not exist")
    try:
        found = READERS[kind](path)
    except JobError:
        raise
    except Exception as error:  # each library has its own kinds
        raise JobError(f"{path} cannot be opened as {kind[1:]} ({type(error).__name__}: {error})") from error
    if not found:
        raise JobError(f"{path} holds no array of real numbers")
    return found


def choose(arrays: dict[str, Stored], name: str, path: Path) -> Stored:
    """The array that is meant; the only one that is no coordinate where none is named."""
    if name:
        if name not in arrays:
            known = ", ".join(map(repr, arrays)) if any(arrays) else "one array, which has no name"
            raise JobError(f"{path} has no array {name!r}; it holds {known}")
        return arrays[name]
    dims = {one for array in arrays.values() for one in array.dims}
    meant = {key: one for key, one in arrays.items() if not (len(one.shape) == 1 and key in dims)}
    if len(meant) != 1:
        raise JobError(f"{path} holds {', '.join(map(repr, arrays))}; name one of them: {path}:{next(iter(arrays))}")
    return next(iter(meant.values()))


def reopened(path: Path, name: str) -> Stored:
    """An array, opened again in another process."""
    return open_file(path)[name]


def open_array(text: str) -> Stored:
    """``FILE`` or ``FILE:NAME``."""
    path, name = split_name(text)
    return choose(open_file(path), name, path)
