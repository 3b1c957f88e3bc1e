"""A copy of the user's function in which `math`, array makers and `min`/`max` understand traced values.

NumPy asks its arguments what to do, `math` and the builtins do not. The function's globals, closure and defaults are
therefore replaced, and those of the functions, methods and objects that it uses; the user's own stay as they are.
"""

from __future__ import annotations

import builtins
import functools
import random
import sys
import types
from typing import Any

import numpy as np

from batchnewton.derive.advice import SOLVE
from batchnewton.derive.arrays import has_traced
from batchnewton.derive.errors import FROZEN, TraceError, is_users
from batchnewton.derive.known import adopted
from batchnewton.derive.numpy_functions import vectorize
from batchnewton.derive.scalar import ELSEWHERE
from batchnewton.derive.substitutes import BUILTINS, SUBSTITUTES, scipy_functions

MAX_CONTAINER = 1000
"""Longer lists and dictionaries are taken for data, and not searched for functions."""

RANDOM = (np.random.RandomState, np.random.Generator, random.Random)


def formula_name(function: Any) -> str:
    """The name that a user knows a callable by."""
    function = _unwrapped(function)
    if isinstance(function, functools.partial):
        return formula_name(function.func)
    return getattr(function, "__name__", type(function).__name__)


def source_place(function: Any) -> str:
    """File and line where a callable is defined, if it has source."""
    function = _unwrapped(getattr(function, "surveyed_formula", function))
    if isinstance(function, functools.partial):
        return source_place(function.func)
    method = function if hasattr(function, "__code__") else vars(type(function)).get("__call__")
    code = getattr(method, "__code__", None)
    return f"{code.co_filename}, line {code.co_firstlineno}" if code else ""


def rebound(function: Any) -> Any:
    """The copy, of a function, numba dispatcher, partial, method or object with ``__call__``."""
    return _Rebinder().substitute(function)


def _unwrapped(function: Any) -> Any:
    """The Python function of a numba dispatcher, in a `functools.lru_cache`, or that a key stands beside."""
    cached = hasattr(function, "cache_info") and not isinstance(function, type)
    inner = getattr(function, "__wrapped__" if cached else "py_func", function)
    if inner is function or not callable(inner):  # an object may have any attribute that it is asked for
        return function
    return _unwrapped(inner)


class _ModuleView:
    """A module whose functions are substituted as they are read."""

    def __init__(self, module: types.ModuleType, rebinder: _Rebinder) -> None:
        self.__dict__.update(_module=module, _rebinder=rebinder)

    def __getattr__(self, name: str) -> Any:
        return self._rebinder.substitute(getattr(self._module, name))


class _Randomness:
    """A generator of random numbers, or one of its functions; a formula may hold it, but not use it."""

    def __getattr__(self, name: str) -> Any:
        raise TraceError(f"random numbers in a formula. {FROZEN}")

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.numbers


class _Rebinder:
    def __init__(self) -> None:
        self._done: dict[int, tuple[Any, Any]] = {}
        self._known = SUBSTITUTES | scipy_functions()
        self.builtins = {**vars(builtins), **{real.__name__: ours for real, ours in BUILTINS.items()}}
        self.builtins["__import__"] = self._import

    def _import(self, *args: Any, **options: Any) -> Any:
        return self.substitute(builtins.__import__(*args, **options))

    def substitute(self, value: Any) -> Any:
        """What a formula sees in the place of a global, a closure's variable or an attribute."""
        value = _unwrapped(value)
        if id(value) in self._done:
            return self._done[id(value)][1]
        try:
            known = self._known.get(value)
        except Exception:  # not hashable, or of a library whose values refuse it
            known = None
        return known or self._made(value)

    def _keep(self, value: Any, copy: Any) -> Any:
        self._done[id(value)] = (value, copy)
        return copy

    def _made(self, value: Any) -> Any:
        kind = type(value)
        if isinstance(value, RANDOM) or isinstance(getattr(value, "__self__", None), RANDOM):
            return _Randomness()
        if getattr(value, "solves", False) is True:
            return _solve(value)
        if isinstance(value, types.ModuleType):
            return self._keep(value, _ModuleView(value, self)) if _is_viewed(value) else value
        if isinstance(value, types.FunctionType):
            return self._function(value) if is_users(value.__code__.co_filename) else value
        if isinstance(value, types.MethodType):
            return types.MethodType(self.substitute(value.__func__), self.substitute(value.__self__))
        if isinstance(value, functools.partial):
            keywords = {key: self.substitute(item) for key, item in value.keywords.items()}
            return functools.partial(self.substitute(value.func), *map(self.substitute, value.args), **keywords)
        if isinstance(value, np.vectorize):
            return vectorize(self.substitute(value.pyfunc))
        if kind is np.ndarray:
            return adopted(value)
        if kind in (list, tuple, dict):
            return self._container(value) if len(value) <= MAX_CONTAINER else value
        if _is_users_class(value):
            return self._class(value)
        return self._instance(value) if _is_users_class(kind) and hasattr(value, "__dict__") else value

    def _function(self, function: types.FunctionType) -> Any:
        names = {"__builtins__": self.builtins, "__name__": function.__module__}
        cells = None if function.__closure__ is None else tuple(types.CellType() for _ in function.__closure__)
        copy = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)
        self._keep(function, copy)
        copy.__defaults__ = self.substitute(function.__defaults__)
        copy.__kwdefaults__ = self.substitute(function.__kwdefaults__)
        copy.__dict__.update({name: self.substitute(value) for name, value in vars(function).items()})
        for name in _global_names(function.__code__) & function.__globals__.keys():
            names[name] = self.substitute(function.__globals__[name])
        for new, old in zip(cells or (), function.__closure__ or (), strict=True):
            try:
                new.cell_contents = self.substitute(old.cell_contents)
            except ValueError:  # a variable that is not yet assigned
                continue
        return copy

    def _container(self, value: Any) -> Any:
        """A copy if something in it is substituted; else the container itself, which the user may go on filling."""
        items = list(value.values()) if isinstance(value, dict) else list(value)
        copies = [self.substitute(item) for item in items]
        if all(copy is item for copy, item in zip(copies, items, strict=True)):
            return value
        return type(value)(zip(value, copies, strict=True) if isinstance(value, dict) else copies)

    def _class(self, cls: type) -> Any:
        """A subclass whose methods are rebound, below those of its bases, so that super() finds them."""
        bases = [self.substitute(base) for base in cls.__bases__ if _is_users_class(base)]
        try:
            copy = type(cls.__name__, (*bases, cls), {"__module__": cls.__module__})
        except TypeError:  # final, or with rules of its own
            return cls
        self._keep(cls, copy)
        for name, member in vars(cls).items():
            if isinstance(member, _MEMBERS) and name != "__new__":
                setattr(copy, name, self._member(member))
            elif not name.startswith("__") and not hasattr(member, "__get__"):
                setattr(copy, name, self.substitute(member))
        return copy

    def _member(self, member: Any) -> Any:
        if isinstance(member, (staticmethod, classmethod)):
            return type(member)(self.substitute(member.__func__))
        return property(self.substitute(member.fget)) if isinstance(member, property) else self.substitute(member)

    def _instance(self, instance: Any) -> Any:
        """A shallow copy of the rebound class."""
        try:
            copy = object.__new__(self.substitute(type(instance)))
        except TypeError:  # made by a class of another sort
            return instance
        self._keep(instance, copy)
        copy.__dict__.update({name: self.substitute(value) for name, value in vars(instance).items()})
        return copy


def _solve(door: Any) -> Any:
    """What a formula sees in the place of a front door: it may solve what holds none of its own parameters."""

    def called(*args: Any, **options: Any) -> Any:
        refused = TraceError(f"bn.{door.__name__} in a formula: {SOLVE}")
        if any(map(has_traced, (*args, *options.values()))):
            raise refused
        try:
            return door(*args, **options)
        except TraceError as error:
            raise refused if ELSEWHERE in str(error) else error from None

    return called


_MEMBERS = (types.FunctionType, staticmethod, classmethod, property)


def _is_viewed(module: types.ModuleType) -> bool:
    name = module.__name__
    file = getattr(module, "__file__", None)
    return (
        name in ("math", "random") or name.split(".")[0] in ("numpy", "scipy") or (file is not None and is_users(file))
    )


def _is_users_class(cls: Any) -> bool:
    """Whether this is an ordinary class of the user's source."""
    if type(cls) is not type:
        return False
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return cls.__module__ == "__main__" or (file is not None and is_users(file))


def _global_names(code: types.CodeType) -> set[str]:
    nested = (const for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*map(_global_names, nested))
