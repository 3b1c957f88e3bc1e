"""Where generated text and machine code are kept, and what makes them stale."""

import functools
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from numba.core.caching import CacheImpl, _CacheLocator

HERE = Path(__file__).resolve().parent


@functools.cache
def source_hash() -> str:
    """Hash of all sources of the kernels: a change in any of them must not find old machine code."""
    digest = hashlib.sha256()
    for file in sorted(HERE.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def cache_folder() -> Path:
    """The folder of generated modules, the user's alone: ``$BATCHNEWTON_CACHE``, or the platform's cache folder."""
    folder = Path(os.environ.get("BATCHNEWTON_CACHE") or _users_folder()) / "kernels"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if private(folder) and os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="batchnewton-"))


def keep_text(name: str, text: str) -> Path:
    """The file of a generated module: under the hash of its text, written unless it is there already."""
    path = cache_folder() / f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:20]}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text.encode())
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(temporary, path)


def _users_folder() -> str:
    """The platform's folder for caches; a plain one where platformdirs is not installed."""
    try:
        from platformdirs import user_cache_dir
    except ImportError:
        return str(Path.home() / ".cache" / "batchnewton")
    return user_cache_dir("batchnewton")


def private(folder: Path) -> bool:
    """Whether nobody else can write to the folder (Windows: its access lists see to that)."""
    if not hasattr(os, "getuid"):
        return True
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


class _ByAllSources(_CacheLocator):
    """Numba's machine code of this package's functions: in the cache folder, valid for these very sources.

    Numba itself looks at the one file that holds a function, not at those of the functions that it calls.
    """

    def __init__(self, function) -> None:
        self.line = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return str(cache_folder() / f"loops_{source_hash()}")

    def get_source_stamp(self) -> str:
        return source_hash()

    def get_disambiguator(self) -> str:
        return str(self.line)

    @classmethod
    def from_function(cls, py_func, py_file):
        if HERE not in Path(py_file).resolve().parents:
            return None
        locator = cls(py_func)
        locator.ensure_cache_path()
        return locator


CacheImpl._locator_classes.insert(0, _ByAllSources)


def on_cuda_too() -> None:
    """The same for kernels of this package: Numba's CUDA has a list of its own."""
    from numba.cuda.core.caching import CacheImpl

    if _ByAllSources not in CacheImpl._locator_classes:
        CacheImpl._locator_classes.insert(0, _ByAllSources)
