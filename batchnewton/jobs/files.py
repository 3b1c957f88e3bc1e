"""Files that hold arrays: which format, which array; opened without reading them."""

from __future__ import annotations

import copyreg
from pathlib import Path
from typing import Any

from .errors import JobError
from .formats import READERS
from .stored import Stored

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


def open_array(text: str) -> Stored:
    """``FILE`` or ``FILE:NAME``."""
    path, name = split_name(text)
    return choose(open_file(path), name, path)


def reopened(path: Path, name: str) -> Stored:
    """An array, opened again in another process."""
    return open_file(path)[name]


def address(array: Stored) -> Any:
    """To a worker an array goes as its address, and is opened there."""
    return reopened, (array.path.resolve(), array.name)


copyreg.pickle(Stored, address)
