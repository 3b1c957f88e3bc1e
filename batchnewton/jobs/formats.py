"""The formats of files that hold arrays: NumPy, Zarr, HDF5, NetCDF, FITS, TIFF, NIfTI.

Each is read by its own library, imported when a file needs it.  No file is unpickled or executed.
"""

from __future__ import annotations

import importlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .errors import needs
from .stored import Stored, mapped, of


def numpy_file(path: Path) -> dict[str, Stored]:
    return {"": mapped(path, "", np.load(path, mmap_mode="r", allow_pickle=False))}


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
