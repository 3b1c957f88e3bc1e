"""``DataArray.bn.curve_fit``: as `xarray.DataArray.curvefit`, with all fits at once.

>>> import batchnewton.xarray                                             # registers the accessor
>>> import numpy as np, xarray as xr
>>> t = xr.DataArray(np.linspace(0, 5, 16), dims="time", coords={"time": np.linspace(0, 5, 16)})
>>> tau = xr.DataArray([0.5, 1.0, 2.0], dims="site", coords={"site": ["a", "b", "c"]})
>>> fit = (2.0 * np.exp(-t / tau)).bn.curve_fit("time", lambda t, a, tau: a * np.exp(-t / tau))
>>> fit.curvefit_coefficients.sel(param="tau").values.round(6).tolist()
[0.5, 1.0, 2.0]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray

from .curve import parameter_names
from .fitting import curve_fit


@xarray.register_dataarray_accessor("bn")
class BatchNewton:
    """Fits of a `xarray.DataArray`."""

    def __init__(self, array: xarray.DataArray) -> None:
        self._array = array

    def curve_fit(
        self,
        coords: Any,
        func: Callable[..., Any],
        reduce_dims: Any = None,
        skipna: bool = True,
        p0: Mapping[str, Any] | None = None,
        bounds: Mapping[str, Any] | None = None,
        param_names: Sequence[str] | None = None,
        errors: str = "raise",
        kwargs: Mapping[str, Any] | None = None,
    ) -> xarray.Dataset:
        """Fit ``func(x, a, b, ...)`` along some dimensions, for every point of the others.

        Parameters
        ----------
        coords : hashable, DataArray, or sequence of them
            The independent variables: names of coordinates, or arrays along the reduced dimensions.  With several,
            ``x`` of the formula is a sequence: ``u, v = x``.
        func : callable
            The formula, of one data point, as for `batchnewton.curve_fit`.
        reduce_dims : hashable or sequence of hashable, optional
            Further dimensions whose points belong to one fit.
        skipna : bool
            Whether points that are NaN are left out; else such a fit fails.
        p0 : mapping, optional
            Start of parameters by name: a number, or a DataArray along the other dimensions.  Others start at 1.
        bounds : mapping, optional
            ``{name: (lower, upper)}``.
        param_names : sequence of str, optional
            Names of the parameters, where the signature of ``func`` does not tell them.
        errors : {"raise", "ignore"}
            Whether a fit that fails raises.  With Dask, "raise" cannot look before computing, and is refused.
        kwargs : mapping, optional
            Further keywords of `batchnewton.curve_fit`.

        Returns
        -------
        xarray.Dataset
            ``curvefit_coefficients`` (..., param) and ``curvefit_covariance`` (..., cov_i, cov_j), NaN where a fit
            failed, and ``curvefit_status`` (see `batchnewton.Status`).  Dask arrays where the data are.

        Raises
        ------
        RuntimeError
            A fit failed, with ``errors="raise"``.
        ValueError, TypeError
            A bad call.
        """
        array = self._array
        lazy = array.chunks is not None
        if errors not in ("raise", "ignore"):
            raise ValueError(f"errors={errors!r} is not known; expected 'raise' or 'ignore'")
        if lazy and errors == "raise":
            raise ValueError("errors='raise' would have to compute the Dask array; use errors='ignore' and look at "
                             "curvefit_status")  # fmt: skip
        names = tuple(param_names) if param_names is not None else parameter_names(func)
        if names is None:
            raise ValueError("param_names is needed: func does not name its parameters")
        independent = [array.coords[one] if not isinstance(one, xarray.DataArray) else one for one in as_list(coords)]
        reduced = list(dict.fromkeys([d for one in independent for d in one.dims] + as_list(reduce_dims)))
        kept = [d for d in array.dims if d not in reduced]
        for dim in reduced:
            if dim not in array.dims:
                raise ValueError(f"dimension {dim!r} is not one of the data's, {array.dims}")
        shape = tuple(array.sizes[d] for d in kept)
        y = flat(array, kept, reduced)
        like = array.isel(dict.fromkeys(kept, 0), drop=True).transpose(*reduced)
        x = np.stack([one.broadcast_like(like).transpose(*reduced).values.ravel() for one in independent])
        options = dict(kwargs or {})
        if bounds is not None:
            options["bounds"] = limits(bounds, names)
        options.setdefault("nan", "omit")
        if not skipna:
            y = y + 0 * (y.sum(1, keepdims=True) + x.sum())  # one NaN, and all of the curve is
        start = starts(p0 or {}, names, array, kept)
        result = curve_fit(func, x[0] if len(x) == 1 else x, y, start, **options)
        good = result.success
        if errors == "raise" and not good.all():
            i = int(np.flatnonzero(~good)[0])
            raise RuntimeError(f"{int((~good).sum())} of {good.size} fits failed; the first: {result.message(i)}")
        where = np.where if not lazy else lazy_where
        coefficients = where(good[:, None], result.x, np.nan)
        covariance = where(good[:, None, None], result.cov, np.nan)
        n, around = len(names), {d: array.coords[d] for d in kept if d in array.coords}
        return xarray.Dataset(
            {
                "curvefit_coefficients": ([*kept, "param"], coefficients.reshape(*shape, n)),
                "curvefit_covariance": ([*kept, "cov_i", "cov_j"], covariance.reshape(*shape, n, n)),
                "curvefit_status": (kept, result.status.reshape(shape)),
            },
            coords=around | {"param": list(names), "cov_i": list(names), "cov_j": list(names)},
        )


def as_list(value: Any) -> list[Any]:
    """One or several names or arrays."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def flat(array: xarray.DataArray, kept: list[Any], reduced: list[Any]) -> Any:
    """The data as (problems, points), a NumPy or a Dask array."""
    data = array.transpose(*kept, *reduced)
    points = int(np.prod([array.sizes[d] for d in reduced]))
    if data.chunks is not None:
        data = data.chunk(dict.fromkeys([*kept[1:], *reduced], -1))
    raw = data.data
    raw = raw if raw.dtype.kind == "f" else raw.astype(float)
    return raw.reshape(-1, points)


def starts(p0: Mapping[str, Any], names: tuple[str, ...], array: xarray.DataArray, kept: list[Any]) -> np.ndarray:
    """``(n,)``, or ``(B, n)`` where a start differs."""
    for name in p0:
        if name not in names:
            raise ValueError(f"p0 names {name!r}; expected some of {', '.join(names)}")
    each = [p0.get(name, 1.0) for name in names]
    if not any(isinstance(one, xarray.DataArray) for one in each):
        return np.array(each, float)
    shape = tuple(array.sizes[d] for d in kept)
    like = xarray.DataArray(np.zeros(shape), dims=kept, coords={d: array[d] for d in kept if d in array.coords})
    full = [(like + one).transpose(*kept).values.ravel() for one in each]
    return np.stack(full, -1)


def limits(bounds: Mapping[str, Any], names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(lower, upper) of all parameters."""
    for name in bounds:
        if name not in names:
            raise ValueError(f"bounds names {name!r}; expected some of {', '.join(names)}")
    pairs = [bounds.get(name, (-np.inf, np.inf)) for name in names]
    return np.array([low for low, _ in pairs], float), np.array([high for _, high in pairs], float)


def lazy_where(condition: Any, value: Any, other: float) -> Any:
    """`numpy.where` of Dask arrays."""
    import dask.array

    return dask.array.where(condition, value, other)
