"""The error of a formula that cannot be traced, with the line of the user's source."""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
from types import FrameType

_PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
_OURS = os.path.join(os.path.dirname(_PACKAGE[:-1]), "")
_SPECIAL = os.path.join(_OURS, "special.py")
_STDLIB = os.path.join(os.path.abspath(sysconfig.get_paths()["stdlib"]), "")
_NAMES = "numpy scipy numba pandas polars xarray sympy jax torch statsmodels sklearn"
_LIBRARIES = tuple(_NAMES.split())

FROZEN = "What it made once would stay in the kernel: make it before, and give it as args, data or a constant"


class TraceError(TypeError):
    """A formula does something whose derivative batchnewton cannot derive.

    Parameters
    ----------
    message : str
        What was done and what to write instead. The file and line of the user's source that did it are appended.
    place : str, optional
        Where in the user's source; by default the innermost frame of the stack that is the user's.
    """

    def __init__(self, message: str, place: str | None = None) -> None:
        where = place if place is not None else _users_line()
        super().__init__(f"{message}\n  at {where}" if where else message)


def _users_line() -> str:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if is_shown(file):
            text = linecache.getline(file, frame.f_lineno).strip()
            return f"{file}, line {frame.f_lineno}, in {frame.f_code.co_name}" + (f": {text}" if text else "")
        frame = frame.f_back
    return ""


def is_users(file: str) -> bool:
    """Whether a source file is the user's: neither ours nor of a library that formulas call."""
    path = os.path.abspath(file)
    if path.startswith(_PACKAGE) or path == _SPECIAL or file.startswith(("<__array_function__", "<frozen")):
        return False
    if any(f"{os.sep}{part}{os.sep}" in path for part in ("site-packages", "dist-packages")):
        return not any(f"-packages{os.sep}{library}{os.sep}" in path for library in _LIBRARIES)
    return not path.startswith(_STDLIB)


def is_shown(file: str) -> bool:
    """Whether a line of this file helps the user: it is no part of this package either, whose models and losses are
    formulas like the user's."""
    return is_users(file) and not os.path.abspath(file).startswith(_OURS)
