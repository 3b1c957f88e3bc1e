"""What a formula is, as a hashable key: its code and every value that it reads from outside.

Two calls share a kernel when their keys are equal.  A formula that reads a changed global, closure variable, default or
attribute (of a module, class or object) is another formula.  Libraries do not change.  What cannot be compared safely
(a mutable object of unknown kind) counts as new every time.
"""

from __future__ import annotations

import abc
import enum
import functools
import sys
import types
import typing
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .derive.surveyed import Surveyed

SCALARS = (int, float, complex, bool, str, bytes, type(None), np.generic)
INNER = ("py_func", "__wrapped__", "pyfunc", "fget", "__func__", "func")
"""Where Numba's jit, functools.lru_cache, np.vectorize and descriptors keep their function."""
BARE = (object, types.SimpleNamespace, abc.ABC, typing.Generic, typing.Protocol)
"""Bases without attributes of their own."""


class Formula:
    """A callable with its key; equal where the keys are.  It stands for the function, in other formulas, too."""

    __slots__ = ("function", "hash", "key", "name")

    def __init__(self, function: Callable[..., Any], key: Any, name: str) -> None:
        self.function, self.key, self.name, self.hash = function, key, name, hash(key)

    @property
    def py_func(self) -> Callable[..., Any]:
        """The function: the attribute by which Numba's functions are unwrapped, too."""
        return self.function

    @property
    def __name__(self) -> str:
        return self.name

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __hash__(self) -> int:
        return self.hash

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
        How a problem tells which rows of the data it has (``kernels/formula.py``).
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
    if isinstance(function, Formula):
        return function
    name = getattr(function, "__name__", None) or type(function).__name__
    return Formula(function, _key(function, ()), name)


def around(formula: Formula | Surveyed, function: Callable[..., Any], what: str) -> Formula:
    """A function of our own that calls a formula: its key is what it does, and the formula's."""
    return Formula(function, (what, formula.key), formula.__name__)


def _key(value: Any, above: tuple[Any, ...], names: tuple[str, ...] = ()) -> Any:
    """Hashable stand-in of a value, whose attributes a function reads by ``names``; ``above`` is what is being looked
    at, so that recursion ends."""
    kind = type(value)
    if isinstance(value, SCALARS):
        return (kind, value)
    if kind is Surveyed or kind is Formula:
        return value.key
    if _is_fixed(value):
        return value
    if kind is types.FunctionType:
        return _function_key(value, above)
    if kind is np.ndarray:
        content = _key(value.tolist(), above) if value.dtype.hasobject else value.tobytes()
        return (value.dtype.str, value.shape, content)
    if isinstance(value, tuple | list):
        return (kind, *(_key(one, above) for one in value))
    if isinstance(value, dict):
        return (dict, *((_key(k, above), _key(v, above)) for k, v in value.items()))
    if isinstance(value, functools.partial):
        return (functools.partial, *(_key(one, above) for one in (value.func, value.args, value.keywords)))
    if isinstance(value, types.MethodType):
        return (types.MethodType, _key(value.__func__, above), _key(value.__self__, above))
    if isinstance(value, enum.Enum):
        return (kind, value.name)
    if kind is not types.ModuleType and _is_fixed(kind):
        for inner in INNER:
            if hasattr(value, inner):
                return (kind, _key(getattr(value, inner), above))
    return _attributes_key(value, above, names)


def _function_key(function: types.FunctionType, above: tuple[Any, ...]) -> Any:
    code = _code(function.__code__)
    if code in above:
        return code
    above = (*above, code)
    key = [code]
    if code.names:
        space = function.__globals__
        key += [_key(_named(name, space), above, code.names) for name in code.names]
    if function.__closure__:
        key += [_key(cell.cell_contents, above, code.names) for cell in function.__closure__ if _filled(cell)]
    if function.__defaults__ or function.__kwdefaults__:
        key += [_key(function.__defaults__, above), _key(function.__kwdefaults__, above)]
    if function.__dict__:
        key += [_key(function.__dict__, above)]
    return tuple(key)


def _named(name: str, space: dict[str, Any]) -> Any:
    """A global; or the module of this name, which a function may import."""
    if name in space:
        return space[name]
    return sys.modules.get(name) or sys.modules.get(f"{space.get('__package__')}.{name}")


def _attributes_key(value: Any, above: tuple[Any, ...], names: tuple[str, ...]) -> Any:
    """Of the user's module the attributes under ``names``; of a class or an object all, with the methods."""
    again = next((at for at, one in enumerate(above) if one is value), None)
    if again is not None:
        return (_attributes_key, again)
    above = (*above, value)
    if isinstance(value, types.ModuleType):
        return (value, *((name, _key(vars(value)[name], above, names)) for name in names if name in vars(value)))
    classes = (value if isinstance(value, type) else type(value)).__mro__
    if any(_is_fixed(one) for one in classes if one not in BARE):  # which may keep something of it elsewhere
        return _Once(value)
    spaces = [vars(one) for one in classes if one not in BARE]
    spaces += [] if isinstance(value, type) else [getattr(value, "__dict__", {}), _slots(value, classes)]
    found = ((name, one) for space in spaces for name, one in space.items() if _counts(name, one))
    return (value if isinstance(value, type) else type(value), *((name, _key(one, above)) for name, one in found))


def _slots(value: Any, classes: tuple[type, ...]) -> dict[str, Any]:
    """Attributes of an object whose class has ``__slots__``."""
    slots = {name for one in classes for name, slot in vars(one).items() if type(slot) is types.MemberDescriptorType}
    return {name: getattr(value, name) for name in sorted(slots) if hasattr(value, name)}


def _counts(name: str, attribute: Any) -> bool:
    """Whether a formula may come to read an attribute: those that Python itself adds are not among them."""
    if type(attribute) is types.MemberDescriptorType:
        return False
    if name.startswith("__"):
        return type(attribute) is types.FunctionType and name not in ("__repr__", "__str__")
    return not name.startswith("_abc_")


def _is_fixed(value: Any) -> bool:
    """Whether a value is a library's module, class or function, or an enumeration."""
    if isinstance(value, types.ModuleType):
        return _is_library(value.__name__)
    if isinstance(value, types.BuiltinFunctionType | np.ufunc):
        return True
    if isinstance(value, type) and issubclass(value, enum.Enum):
        return True
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str) or not _is_library(module):
        return False
    return isinstance(value, type) or getattr(sys.modules.get(module), name, None) is value


@functools.lru_cache
def _is_library(name: str) -> bool:
    """Whether a module is Python's, installed, or of this package: not expected to change while a program runs."""
    package = name.partition(".")[0]
    if package == "batchnewton" or package in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(package), "__file__", None)
    return file is not None and not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


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
    """What a function and those within it read by name; words are names, too, for ``getattr(settings, "time")``."""
    inner = [name for one in code.co_consts if isinstance(one, types.CodeType) for name in _names(one)]
    words = [one for one in code.co_consts if isinstance(one, str) and one.isidentifier()]
    parts = [part for name in code.co_names if "." in name for part in name.split(".")]  # import package.settings
    return tuple(dict.fromkeys([*code.co_names, *parts, *words, *inner]))


def _filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # not assigned yet
        return False


class _Once:
    """Equal to nothing but itself: the formula is traced anew whenever it reads such a value."""

    def __init__(self, value: Any) -> None:
        self.value = value
