"""A copy of the user's function in which `math`, array makers and `min`/`max` understand traced values.

NumPy asks its arguments what to do, `math` and the builtins do not. The function's globals and closure are therefore
replaced, and those of the functions that it calls; the user's own function and modules stay as they are.
"""

from __future__ import annotations

import builtins
import functools
import math
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

from batchnewton.derive.arrays import has_traced
from batchnewton.derive.errors import is_users
from batchnewton.derive.numpy_functions import MAKERS, logsumexp, softmax
from batchnewton.derive.scalar import TracedScalar, apply
from batchnewton.derive.vocabulary import VOCABULARY


def _math_function(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: apply(name, *args) if has_traced(list(args)) else real(*args)


def _log(x: Any, *base: Any) -> Any:
    if not has_traced([x, *base]):
        return math.log(x, *base)
    return apply("log", x) / apply("log", base[0]) if base else apply("log", x)


def _fsum(values: Iterable[Any]) -> Any:
    values = list(values)
    return sum(values) if has_traced(values) else math.fsum(values)


def _dist(p: Any, q: Any) -> Any:
    return apply("sqrt", sum((a - b) * (a - b) for a, b in zip(p, q, strict=True)))


def _extreme(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def function(*args: Any, **options: Any) -> Any:
        values = list(args[0]) if len(args) == 1 else list(args)
        if options or not has_traced(values):
            return real(*([values] if len(args) == 1 else args), **options)
        return functools.reduce(functools.partial(apply, name), values)

    return function


MATH: dict[Any, Callable[..., Any]] = {
    **{
        getattr(math, name): _math_function(name, getattr(math, name))
        for name in dir(math)
        if name in VOCABULARY and callable(getattr(math, name))
    },
    math.log: _log,
    math.fsum: _fsum,
    math.dist: _dist,
}
BUILTINS: dict[Any, Callable[..., Any]] = {min: _extreme("min", min), max: _extreme("max", max)}
SUBSTITUTES: dict[Any, Callable[..., Any]] = {**MATH, **BUILTINS, **MAKERS}


def formula_name(function: Any) -> str:
    """The name that a user knows a callable by."""
    function = _unwrapped(function)
    if isinstance(function, functools.partial):
        return formula_name(function.func)
    return getattr(function, "__name__", type(function).__name__)


def source_place(function: Any) -> str:
    """File and line where a callable is defined, if it has source."""
    function = _unwrapped(function)
    if isinstance(function, functools.partial):
        return source_place(function.func)
    code = getattr(function, "__code__", None) or getattr(getattr(type(function), "__call__", None), "__code__", None)
    return f"{code.co_filename}, line {code.co_firstlineno}" if code else ""


def rebound(function: Any) -> Any:
    """The copy, of a function, numba dispatcher, partial, method or object with ``__call__``."""
    return _Rebinder().substitute(function)


def _unwrapped(function: Any) -> Any:
    return getattr(function, "py_func", function)


class _ModuleView:
    """A module whose functions are substituted as they are read."""

    def __init__(self, module: types.ModuleType, rebinder: _Rebinder) -> None:
        self.__dict__.update(_module=module, _rebinder=rebinder)

    def __getattr__(self, name: str) -> Any:
        return self._rebinder.substitute(getattr(self._module, name))


class _Rebinder:
    def __init__(self) -> None:
        self._done: dict[int, tuple[Any, Any]] = {}
        self._special = _scipy_functions()
        self.builtins = {**vars(builtins), **{real.__name__: ours for real, ours in BUILTINS.items()}}
        self.builtins["__import__"] = self._import

    def _import(self, *args: Any, **options: Any) -> Any:
        return self.substitute(builtins.__import__(*args, **options))

    def substitute(self, value: Any) -> Any:
        """What a formula sees in the place of a global, a closure's variable or a module's attribute."""
        value = _unwrapped(value)
        if id(value) in self._done:
            return self._done[id(value)][1]
        found = self._substitute(value)
        if found is not value:
            self._done[id(value)] = (value, found)
        return found

    def _substitute(self, value: Any) -> Any:
        if isinstance(value, types.ModuleType):
            return _ModuleView(value, self) if _is_viewed(value) else value
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.MethodType):
            return types.MethodType(self.substitute(value.__func__), self._instance(value.__self__))
        if isinstance(value, functools.partial):
            return functools.partial(self.substitute(value.func), *value.args, **value.keywords)
        if callable(value) and not isinstance(value, type) and _is_users_class(type(value)):
            return self._instance(value)
        return self._known(value)

    def _known(self, value: Any) -> Any:
        try:
            return SUBSTITUTES.get(value, value)
        except TypeError:  # not hashable
            return value

    def _function(self, function: types.FunctionType) -> Any:
        if id(function) in self._special:
            return self._special[id(function)]
        if function in SUBSTITUTES:  # NumPy's eye and its like are Python functions
            return SUBSTITUTES[function]
        if not is_users(function.__code__.co_filename):
            return function
        names: dict[str, Any] = {}
        cells = None if function.__closure__ is None else tuple(types.CellType() for _ in function.__closure__)
        copy = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)
        self._done[id(function)] = (function, copy)
        copy.__kwdefaults__ = function.__kwdefaults__
        self._fill(function, names, cells or ())
        return copy

    def _fill(self, function: types.FunctionType, names: dict[str, Any], cells: tuple[types.CellType, ...]) -> None:
        names["__builtins__"] = self.builtins
        names["__name__"] = function.__module__
        for name in _global_names(function.__code__) & function.__globals__.keys():
            names[name] = self.substitute(function.__globals__[name])
        for new, old in zip(cells, function.__closure__ or (), strict=True):
            try:
                new.cell_contents = self.substitute(old.cell_contents)
            except ValueError:  # a variable that is not yet assigned
                continue

    def _instance(self, instance: Any) -> Any:
        """A shallow copy whose methods are rebound; the instance itself where that cannot be."""
        cls = type(instance)
        if isinstance(instance, type) or not _is_users_class(cls) or not hasattr(instance, "__dict__"):
            return instance
        methods: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            functions = {key: value for key, value in vars(base).items() if isinstance(value, types.FunctionType)}
            methods |= {key: self.substitute(value) for key, value in functions.items()}
        try:
            copy = object.__new__(type(cls.__name__, (cls,), methods))
        except TypeError:
            return instance
        copy.__dict__.update(instance.__dict__)
        return copy


def _is_viewed(module: types.ModuleType) -> bool:
    name = module.__name__
    file = getattr(module, "__file__", None)
    return name == "math" or name.split(".")[0] in ("numpy", "scipy") or (file is not None and is_users(file))


def _is_users_class(cls: type) -> bool:
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    return cls.__module__ == "__main__" or (file is not None and is_users(file) and cls is not TracedScalar)


def _scipy_functions() -> dict[int, Callable[..., Any]]:
    special = sys.modules.get("scipy.special")
    return {} if special is None else {id(special.logsumexp): logsumexp, id(special.softmax): softmax}


def _global_names(code: types.CodeType) -> set[str]:
    nested = (const for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*map(_global_names, nested))
