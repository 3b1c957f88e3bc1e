"""Files that survive a power cut once a function here has returned."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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
    """These files and the folders that hold them.

    All at once: file systems write what is waiting in one go, and answer together.
    """
    files = list(files)
    with ThreadPoolExecutor(32, "sync") as pool:
        for some in (files, sorted({one.parent for one in files})):
            for done in [pool.submit(sync, one) for one in some]:
                done.result()


def write(path: Path, fill: Callable[[Path], object]) -> None:
    """``fill`` writes a new file, which appears under its name when it is whole."""
    temporary = path.with_name(f"{path.name}.tmp{path.suffix}")
    fill(temporary)
    sync(temporary)
    os.replace(temporary, path)
    sync(path.parent)
