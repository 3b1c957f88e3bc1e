"""What a formula is, as a hashable key: its code and every value that it reads from outside.

Two calls share a kernel when their keys are equal.  A formula that reads a changed global, closure variable or
default is another formula.  What cannot be compared safely (a mutable object of unknown kind) counts as new every time.
"""

from __future__ import annotations

import functools
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

CONSTANT = (type, types.BuiltinFunctionType, np.ufunc)
SCALARS = (int, float, complex, bool, str, bytes, type(None), np.generic)


class Formula:
    """A callable with its key; equal where the keys are."""

    __slots__ = ("function", "key", "name")

    def __init__(self, function: Callable[..., Any], key: Any, name: str) -> None:
        self.function, self.key, self.name = function, key, name

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Formula) and self.key == other.key


class Signature:
    """What a kernel is made for: a formula, its inputs, how data may be missing.  There is one of each (`signature`),
    so that it is found by its identity.

    Attributes
    ----------
    formula : Formula
    inputs : tuple
        As for `batchnewton.derive.derive`.
    missing : {None, "counts", "mask", "gaps0", "gaps1", ...}
        How a problem tells which rows of the data it has (``kernels/lanes.py``).
    bounded : bool
        Whether the unknowns have bounds.
    """

    __slots__ = ("bounded", "formula", "inputs", "missing")

    def __init__(self, formula: Formula, inputs: tuple[Any, ...], missing: str | None, bounded: bool) -> None:
        self.formula, self.inputs, self.missing, self.bounded = formula, inputs, missing, bounded


@functools.lru_cache(maxsize=4096)
def signature(
    formula: Formula, inputs: tuple[Any, ...], missing: str | None = None, bounded: bool = False
) -> Signature:
    """The one signature of these."""
    return Signature(formula, inputs, missing, bounded)


def fingerprint(function: Callable[..., Any]) -> Formula:
    """The formula with its key."""
    name = getattr(function, "__name__", None) or type(function).__name__
    return Formula(function, _key(function, ()), name)


def _key(value: Any, above: tuple[_Code, ...]) -> Any:
    """Hashable stand-in of a value; ``above`` holds the functions being looked at, so that recursion ends."""
    kind = type(value)
    if kind is types.FunctionType:
        return _function_key(value, above)
    if kind is types.ModuleType:
        return value
    if isinstance(value, SCALARS):
        return (kind, value)
    if isinstance(value, CONSTANT):
        return value
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, tuple | list):
        return (type(value), *(_key(one, above) for one in value))
    if isinstance(value, dict):
        return (dict, *((_key(k, above), _key(v, above)) for k, v in value.items()))
    if hasattr(value, "py_func"):  # compiled by Numba
        return _key(value.py_func, above)
    if isinstance(value, functools.partial):
        return (functools.partial, *(_key(one, above) for one in (value.func, value.args, value.keywords)))
    if isinstance(value, types.MethodType):
        return (types.MethodType, _key(value.__func__, above), _key(value.__self__, above))
    return _Once(value)


def _function_key(function: types.FunctionType, above: tuple[_Code, ...]) -> Any:
    code = _code(function.__code__)
    if code in above:
        return code
    above = (*above, code)
    key = [code]
    if code.names:
        space = function.__globals__
        key += [_key(space[name], above) if name in space else None for name in code.names]
    if function.__closure__:
        key += [_key(cell.cell_contents, above) for cell in function.__closure__ if _filled(cell)]
    if function.__defaults__ or function.__kwdefaults__:
        key += [_key(function.__defaults__, above), _key(function.__kwdefaults__, above)]
    return tuple(key)


class _Code:
    """A code object and the names that it reads; there is one of equal ones, so that its identity is its hash, which
    Python works out anew for code every time."""

    __slots__ = ("__weakref__", "code", "names")

    def __init__(self, code: types.CodeType) -> None:
        self.code, self.names = code, _names(code)


EQUAL: weakref.WeakValueDictionary[types.CodeType, _Code] = weakref.WeakValueDictionary()
CODES: dict[int, tuple[types.CodeType, _Code]] = {}  # by the address of the code, which lives as long as its entry


def _code(code: types.CodeType) -> _Code:
    found = CODES.get(id(code))
    if found is None:
        if len(CODES) >= 4096:
            CODES.clear()
        found = CODES[id(code)] = code, EQUAL.setdefault(code, _Code(code))
    return found[1]


def _names(code: types.CodeType) -> tuple[str, ...]:
    """What a function and those within it read by name."""
    inner = [name for one in code.co_consts if isinstance(one, types.CodeType) for name in _names(one)]
    return tuple(dict.fromkeys([*code.co_names, *inner]))


def _filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # not assigned yet
        return False


class _Once:
    """Equal to nothing but itself: the formula is traced anew whenever it reads such a value."""

    def __init__(self, value: Any) -> None:
        self.value = value
