"""Curves to fit, as `curve_fit` takes them: data, names of the parameters, where to start."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import FunctionType
from typing import Any

import numpy as np

from . import correlated
from .arrays import Shared, library, real, shape_error, vector
from .bounds import boxed, check_bounds, start_within
from .builder import Builder, check_batch, check_callable, check_coordinates, sequence, unknowns
from .derive.rebind import formula_name
from .derive.surveyed import Surveyed
from .derive.trace import of_a_point
from .fingerprint import Formula, around, fingerprint
from .losses import LOSSES, NEEDS, check_loss, likelihood, robust, squares
from .missing import is_list_of_curves, is_ragged, padded_curves, rows_there, with_gaps, without_nan
from .models.model import Model
from .options import nearest
from .prior import check_prior, penalized
from .problem import Curve, Problem
from .reading_curves import read_curve


def from_curve(
    f: Any,
    xdata: Any,
    ydata: Any,
    p0: Any,
    sigma: Any,
    counts: Any = None,
    mask: Any = None,
    nan: str = "omit",
    loss: Any = "linear",
    f_scale: Any = 1.0,
    trials: Any = None,
    bounds: Any = None,
    fixed: Any = None,
    prior: Any = None,
    prior_args: Any = (),
) -> Problem:
    """Problems of fitting ``f(x, a, b, ...)`` to (xdata, ydata), as `curve_fit` takes them."""
    check_callable("f", f)
    check_loss(loss, likelihoods=True)
    check_numbers(loss, sigma, trials)
    ragged = is_ragged(ydata)
    if ragged and counts is not None:
        raise ValueError(
            "counts is given, but ydata is a list of curves that have their own lengths; expected one of both"
        )
    listed = ragged or (is_list_of_curves(ydata) and is_list_of_curves(xdata) and len(ydata) == len(xdata))
    if listed:
        xdata, ydata, sigma, lengths = padded_curves(xdata, ydata, sigma)
        counts = lengths if ragged else counts
    y = real("ydata", ydata)
    if y.ndim not in (1, 2):
        raise shape_error("ydata", y, "(m,) for one curve or (B, m) for a batch")
    names = parameter_names(f)
    start = first_guess(f, names, p0, lambda: f.guess(xdata, with_gaps(y, counts, mask)))
    guessed, f = f, f.formula if isinstance(f, Model) else f
    if start.ndim not in (1, 2):
        raise shape_error("p0", start, "(n,) for all curves or (B, n)")
    n = start.shape[-1]
    if names is not None and n != len(names):
        takes = f"{formula_name(f)} takes {len(names)} parameter{'s' * (len(names) != 1)} after x ({', '.join(names)})"
        raise ValueError(f"{takes}, but p0 has shape {start.shape}; expected ({len(names)},) or (B, {len(names)})")
    single = y.ndim == 1 and start.ndim == 1
    size = y.shape[0] if y.ndim == 2 else start.shape[0] if start.ndim == 2 else 1
    check_batch("ydata", y)
    if start.ndim == 2 and start.shape[0] != size:
        raise shape_error("p0", start, f"({n},) or ({size}, {n}): ydata holds {size} curves")
    names = names or tuple(f"x{i}" for i in range(n))
    bounds = natural(guessed) if isinstance(bounds, str) else bounds
    if p0 is None and bounds is not None and not isinstance(guessed, Model):
        start = start_within(check_bounds(bounds, size, n, names) or (start - np.inf, start + np.inf))
    start = np.broadcast_to(start, (size, n)) if start.ndim == 1 else start
    check_batch("p0", start)
    start, box, moved = boxed(start, bounds, fixed, names)
    m = y.shape[-1]
    build = Builder(start, False)
    x, lost = real("xdata", xdata), ()
    own_x = x.ndim == 3 or (listed and x.ndim == 2)
    check_coordinates(x, m, size)
    matrices = correlated.covariance(sigma, size, m)
    mask = without_nan(x, y, own_x, nan, counts, mask, size, at_once=matrices is not None)

    def there(problems: slice) -> np.ndarray:
        return rows_there(y, counts, mask, problems)

    reading, x = read_curve(fingerprint(f), x, own_x, start, there, mask)
    f, listed = reading.formula, listed or (own_x and x.ndim == 2)
    if matrices is not None:
        correlated.check_squares(loss)
        x, y, matrices, mask = correlated.remaining(x, y, matrices, own_x, counts, mask, size)
        inputs, fun, curve = with_covariance(build, f, x, y, matrices, listed)
        counts = None
    else:
        check_positive(sigma, y, loss, counts is not None or mask is not None)
        lost = (int(own_x),) * (y.ndim == 2) + (0,) * own_x if nan == "omit" else ()
        inputs, fun, curve = with_deviations(build, f, x, y, sigma, trials, loss, f_scale, listed)
    if reading.survey is not None and reading.columns:
        curve = replace(curve, columns=tuple(reading.survey.is_constant()))
    kind = "least-squares" if curve.noise == "gaussian" else "minimize"
    if prior is None and len(sequence("prior_args", prior_args)):
        raise ValueError("prior_args is given, but prior is None; expected both, or neither")
    if prior is not None:
        fun = squares(fun) if kind == "least-squares" else fun
        kind, inputs, fun, curve = "minimize", *with_prior(build, prior, prior_args, names, (inputs, fun, curve))
    inputs += unknowns(n)
    more = {"single": single, "omit": lost, "curve": curve, "observed": prior is None, "box": box, "moved": moved}
    more["library"] = library((ydata, xdata, p0, sigma))
    return build.problem(fun, kind, inputs, names, counts, mask, **more)


def natural(f: Any) -> Any:
    """The bounds of a ready model."""
    if not isinstance(f, Model):
        raise ValueError(
            "bounds='natural' needs a Model, as in bn.models; expected (lower, upper) or {name: (lower, upper)}"
        )
    return f.bounds


Parts = tuple[list[Any], Callable[..., Any], Curve]  # inputs before the unknowns, what is traced, the curve


def with_deviations(
    build: Builder, f: Any, x: np.ndarray, y: np.ndarray, sigma: Any, trials: Any, loss: Any, f_scale: Any, own: bool
) -> Parts:
    """Curves whose points have independent errors: each row is a point."""
    size, m = len(build.x0), y.shape[-1]
    inputs, given = [build.coordinates(x, m, size, own)], ["xdata", "ydata"]
    inputs += [build.column("ydata", y if y.ndim == 2 else Shared(y))]
    for name, value in (("sigma", sigma), ("trials", trials)):
        if value is not None:
            s = real(name, value)
            if s.shape not in ((), (m,), (size, m)):
                more = f", or a covariance, ({m}, {m}) or ({size}, {m}, {m})" if name == "sigma" else ""
                raise shape_error(name, s, f"({m},) for all curves or ({size}, {m}){more}")
            inputs += [build.column(name, s if s.ndim == 2 else Shared(np.broadcast_to(s, (m,))))]
            given += [name]
    fun = weighted(f) if sigma is not None else plain(f)
    if isinstance(loss, str) and loss not in LOSSES:
        return inputs, likelihood(f, loss), Curve(f, tuple(given), "likelihood", likelihood=loss)
    if isinstance(loss, str) and loss == "linear":
        return inputs, fun, Curve(f, tuple(given))
    rho = LOSSES[loss] if isinstance(loss, str) else loss
    return [build.scale(f_scale), *inputs], robust(fun, rho), Curve(f, ("f_scale", *given), "robust")


def with_prior(build: Builder, prior: Any, prior_args: Any, names: tuple[str, ...], parts: Parts) -> Parts:
    """Curves with a prior of their parameters, whose own arguments come after the data."""
    inputs, fun, curve = parts
    values = sequence("prior_args", prior_args)
    given = tuple(f"prior_args[{i}]" for i in range(len(values)))
    check_prior(prior, (*names, *given))
    own = [build.argument(name, one) for name, one in zip(given, values, strict=True)]
    data, known, every = len(inputs), len(inputs) + len(own), len(inputs) + len(own) + len(names)
    both = penalized(fun, prior, (*range(data), *range(known, every)), (*range(known, every), *range(data, known)))
    return inputs + own, both, replace(curve, given=(*curve.given, *given))


def with_covariance(build: Builder, f: Any, x: np.ndarray, y: np.ndarray, matrices: np.ndarray, own: bool) -> Parts:
    """Curves whose points have correlated errors: each row is a residual of unit variance."""
    size, m = len(build.x0), y.shape[-1]
    W = correlated.whitening(matrices)
    white = np.einsum("bkj,bj->bk", W, np.atleast_2d(y)) if len(W) > 1 else y @ W[0].T
    inputs = [
        build.coordinates(x, m, size, own, together=True),
        build.column("whitening", W if len(W) > 1 else Shared(W[0])),
        build.column("ydata", white if white.ndim == 2 else Shared(white)),
    ]
    given = ("xdata", "whitening", "ydata")
    return inputs, correlated.whitened(f, m), Curve(f, given, correlated=True)


def plain(f: Formula | Surveyed) -> Formula:
    """Residual of a curve."""

    def residual(x, y, *parameters):
        return of_a_point(f(x, *parameters), f, x) - y

    residual.__name__ = f.__name__
    return around(f, residual, "residual")


def weighted(f: Formula | Surveyed) -> Formula:
    """Residual of a curve in units of the standard deviation; not finite unless that is positive."""

    def residual(x, y, sigma, *parameters):
        return (of_a_point(f(x, *parameters), f, x) - y) * np.where(sigma > 0.0, 1.0 / sigma, np.nan)

    residual.__name__ = f.__name__
    return around(f, residual, "weighted residual")


def check_numbers(loss: Any, sigma: Any, trials: Any) -> None:
    """The numbers that the loss takes, and no others."""
    likely = isinstance(loss, str) and loss not in LOSSES
    needed = NEEDS.get(loss) if likely else None
    for name, value in (("sigma", sigma), ("trials", trials)):
        if value is None and needed == name:
            raise ValueError(f"{name} is None; loss={loss!r} needs it: a number, (m,) or (B, m)")
        if value is not None and needed != name and (likely or name == "trials"):
            raise ValueError(f"{name} is given, but loss={loss!r} does not take it")


def check_positive(sigma: Any, y: np.ndarray, loss: Any, missing: bool) -> None:
    """Standard deviations that all curves share; a problem whose own are bad gets a status."""
    if sigma is None or np.ndim(sigma) > 1:
        return
    s = real("sigma", sigma)
    least = 0.0 if loss == "scmos" else np.nextafter(0.0, 1.0)
    (bad,) = np.nonzero(~(np.atleast_1d(s) >= least))
    if len(bad) and not missing and not (s.ndim and s.shape == y.shape[-1:] and np.isnan(y[..., bad]).all()):
        where = f" at index {bad[0]}" if s.ndim else ""
        raise ValueError(f"sigma holds {np.atleast_1d(s)[bad[0]]}{where}; expected positive standard deviations")


def parameter_names(f: Callable[..., Any]) -> tuple[str, ...] | None:
    """Names of the parameters after x; None where ``*args`` hides them."""
    if isinstance(f, Model):
        return f.names
    if isinstance(f, FunctionType) and not f.__code__.co_flags & inspect.CO_VARARGS and not hasattr(f, "__wrapped__"):
        return f.__code__.co_varnames[1 : f.__code__.co_argcount]
    try:
        found = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_POSITIONAL for one in found):
        return None
    return tuple(one.name for one in found if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD))[1:]


def first_guess(f: Any, names: tuple[str, ...] | None, p0: Any, guess_all: Callable[[], np.ndarray]) -> np.ndarray:
    """Where to start: what was given; what was not, by the model's guess, and ones where f is a plain function."""
    p0 = dict(p0.items()) if are_labelled(p0, names) else p0
    if isinstance(f, Model) and (p0 is None or isinstance(p0, Mapping)):
        guess = guess_all()
        return guess if p0 is None else by_name(p0, f.names, guess)
    if isinstance(p0, Mapping):
        return by_name(p0, names)
    if p0 is None and names is None:
        raise ValueError("p0 is needed: the number of parameters cannot be read from the signature of f")
    return np.ones(len(names or ())) if p0 is None else vector("p0", p0)


def are_labelled(p0: Any, names: tuple[str, ...] | None) -> bool:
    """Whether starts have the parameters' names, in any order, as a Series or DataFrame of pandas may."""
    return names is not None and hasattr(p0, "items") and sorted(map(str, p0.keys())) == sorted(names)


def by_name(values: Mapping[str, Any], names: tuple[str, ...] | None, guess: np.ndarray | None = None) -> np.ndarray:
    """Starts given by the parameters' names, (n,) or (B, n); what is not given comes from the ``guess``."""
    if names is None:
        raise ValueError("p0 is a dict, but the names of the parameters cannot be read from the signature of f")
    for name in values:
        if name not in names:
            raise ValueError(f"p0 names {name!r}, which is no parameter{nearest(str(name), names)}")
    missing = [name for name in names if name not in values]
    if missing and guess is None:
        raise ValueError(f"p0 has no value of {', '.join(missing)}; expected one of each parameter of f")
    columns = [
        guess[..., i] if guess is not None and name not in values else real(f"p0[{name!r}]", values[name])
        for i, name in enumerate(names)
    ]
    shapes = {one.shape for one in columns if one.ndim}
    if len(shapes) > 1 or any(len(shape) > 1 for shape in shapes):
        raise ValueError(f"p0 holds arrays of shape {sorted(shapes)}; expected numbers, or (B,) for each parameter")
    return np.stack(np.broadcast_arrays(*columns), -1)
