"""Models made of models: sums, products, and parameters held."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from batchnewton.options import nearest

from .model import Columns, Model


def add(*models: Model, shared: Sequence[str] = (), prefixes: Sequence[str] | None = None) -> Model:
    """The sum of models.

    Parameters
    ----------
    *models : Model
        At least two, of the same coordinates.
    shared : sequence of str
        Parameters that all models which have them have in common.
    prefixes : sequence of str, optional
        One for each model, put before the names of its own parameters.  By default ``"m1_"``, ``"m2_"``, ... where a
        name would stand twice, else none.

    Returns
    -------
    Model
        Its parameters: those of the first model, of the second, ...; a shared one stands where it is first met.  The
        guess takes the models in turn, each for what those before it left.

    Raises
    ------
    ValueError, TypeError
        For what is not a model, unknown names, names that stand twice.

    Notes
    -----
    Two models that each have an offset have a sum whose offsets cannot be told apart: hold one of them.

    Examples
    --------
    >>> import batchnewton as bn
    >>> peak = bn.models.gaussian.hold(offset=0.0)
    >>> bn.models.add(peak, bn.models.gaussian, shared=["sigma"]).names
    ('m1_amplitude', 'm1_center', 'sigma', 'm2_amplitude', 'm2_center', 'm2_offset')
    """
    return _combined(add, operator.add, operator.sub, models, shared, prefixes)


def multiply(*models: Model, shared: Sequence[str] = (), prefixes: Sequence[str] | None = None) -> Model:
    """The product of models; arguments as for `add`.

    Examples
    --------
    >>> import batchnewton as bn
    >>> (bn.models.polynomial(1).hold(c0=1.0) * bn.models.power_law).names
    ('c1', 'amplitude', 'exponent')
    """
    return _combined(multiply, operator.mul, _ratio, models, shared, prefixes)


def held(model: Model, values: dict[str, float]) -> Model:
    """The model with some parameters held at given numbers."""
    for name, value in values.items():
        if name not in model.names:
            raise ValueError(f"{name!r} is no parameter of {model.__name__}{nearest(name, model.names)}")
        if not np.isscalar(value):
            raise TypeError(f"{name} is a {type(value).__name__}; expected a number")
    free = [at for at, name in enumerate(model.names) if name not in values]
    constants = tuple(float(values.get(name, 0.0)) for name in model.names)
    formula, start = model.formula, model.start

    def whole(x: Any, *parameters: Any) -> Any:
        full = list(constants)
        for at, value in zip(free, parameters, strict=True):
            full[at] = value
        return formula(x, *full)

    def start_of_free(x: np.ndarray, y: np.ndarray) -> Columns:
        columns = start(x, y)
        return [columns[at] for at in free]

    names = [model.names[at] for at in free]
    limits = {name: pair for name, pair in model.limits().items() if name in names}
    return _named(model.__name__, whole, start_of_free, limits, names, model.coordinates, (held, (model, values)))


def _combined(
    maker: Callable[..., Model],
    operation: Callable[..., Any],
    inverse: Callable[..., Any],
    models: Sequence[Model],
    shared: Sequence[str],
    prefixes: Sequence[str] | None,
) -> Model:
    """``operation`` over models; ``inverse`` says what of y is left for the next."""
    _check(models, shared, prefixes)
    own = [[name for name in one.names if name not in shared] for one in models]
    if prefixes is None:
        flat = [name for names in own for name in names]
        clash = len(set(flat)) < len(flat)
        prefixes = [f"m{i + 1}_" if clash else "" for i in range(len(models))]
    full = [
        [name if name in shared else prefix + name for name in one.names]
        for one, prefix in zip(models, prefixes, strict=True)
    ]
    names = list(dict.fromkeys(name for part in full for name in part))
    if len(names) != sum(map(len, own)) + len(set(shared)):
        raise ValueError(f"prefixes={list(prefixes)} leave names that stand twice among {full}")
    places = tuple(tuple(names.index(name) for name in part) for part in full)
    formulas = tuple(one.formula for one in models)

    def whole(x: Any, *parameters: Any) -> Any:
        parts = [f(x, *(parameters[i] for i in at)) for f, at in zip(formulas, places, strict=True)]
        return reduce(operation, parts)

    def start_in_turn(x: np.ndarray, y: np.ndarray) -> Columns:
        columns: dict[int, np.ndarray] = {}
        for one, at in zip(models, places, strict=True):
            guess = one._guess(x, y)
            for i, column in zip(at, guess.T, strict=True):
                columns.setdefault(i, column)
            inside = x if x.ndim < 3 else np.moveaxis(x, 1, 0)
            y = inverse(y, one.formula(inside, *(columns[i][:, None] for i in at)))
        return [columns[i] for i in range(len(names))]

    limits: dict[str, tuple[float, float]] = {}
    for one, part in zip(models, full, strict=True):
        for name, (low, high) in zip(part, one.limits().values(), strict=True):
            before = limits.get(name, (-np.inf, np.inf))
            limits[name] = max(low, before[0]), min(high, before[1])
    title = f"_{maker.__name__}_".join(one.__name__ for one in models)
    origin = (_again, (maker, tuple(models), tuple(shared), tuple(prefixes)))
    return _named(title, whole, start_in_turn, limits, names, models[0].coordinates, origin)


def _again(maker: Callable[..., Model], models: Sequence[Model], shared: Sequence[str], prefixes: Sequence[str]) -> Any:
    """What pickle calls."""
    return maker(*models, shared=shared, prefixes=prefixes)


def _named(title: str, formula: Callable[..., Any], *parts: Any) -> Model:
    """A model whose formula has a name of its own."""
    formula.__name__ = formula.__qualname__ = title
    return Model(formula, *parts)


def _ratio(y: np.ndarray, f: np.ndarray) -> np.ndarray:
    """y / f where f is not next to zero; NaN elsewhere."""
    size = np.max(np.abs(f), axis=1, keepdims=True)
    return np.where(np.abs(f) > 1e-3 * size, y / f, np.nan)


def _check(models: Sequence[Any], shared: Sequence[str], prefixes: Sequence[str] | None) -> None:
    for at, one in enumerate(models):
        if not isinstance(one, Model):
            raise TypeError(f"models[{at}] is a {type(one).__name__}; expected a batchnewton.Model")
    if len(models) < 2:
        raise ValueError(f"{len(models)} models came; expected at least two")
    if len({one.coordinates for one in models}) > 1:
        raise ValueError(f"the models take {[one.coordinates for one in models]} coordinates; expected the same of all")
    for name in shared:
        if sum(name in one.names for one in models) < 2:
            known = [name for one in models for name in one.names]
            raise ValueError(f"shared holds {name!r}, which fewer than two of the models have{nearest(name, known)}")
    if prefixes is not None and len(prefixes) != len(models):
        raise ValueError(f"prefixes holds {len(prefixes)} names; expected {len(models)}, one for each model")
