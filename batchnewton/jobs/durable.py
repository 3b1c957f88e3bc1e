"""Files that survive a power cut once a function here has returned."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path


def sync(path: Path) -> None:
    """The content of a file, or the entries of a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot do it, and does not need it
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(files: Iterable[Path]) -> None:
    """These files and the folders that hold them."""
    files = list(files)
    for one in files:
        sync(one)
    for folder in sorted({one.parent for one in files}):
        sync(folder)


def write(path: Path, fill: Callable[[Path], object]) -> None:
    """``fill`` writes a new file, which appears under its name when it is whole."""
    temporary = path.with_name(f"{path.name}.tmp{path.suffix}")
    fill(temporary)
    sync(temporary)
    os.replace(temporary, path)
    sync(path.parent)
