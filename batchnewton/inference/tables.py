"""Answers as a pandas table or an xarray data set."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchnewton.kernels import status

from .fit import Fit

NAMES = {value: name for name, value in vars(status).items() if isinstance(value, int)}


def to_pandas(fit: Fit) -> Any:
    """A row for each problem (see `Result.to_pandas`)."""
    pandas = needed("pandas")
    names, x, error = fit.problem.names, fit.solution.x, fit.stderr
    columns = {name: x[:, i] for i, name in enumerate(names)}
    columns |= {f"{name}_stderr": error[:, i] for i, name in enumerate(names)}
    if fit.problem.box is not None:
        at_bound = fit.problem.at_bound(x)
        columns |= {f"{name}_at_bound": at_bound[:, i] for i, name in enumerate(names)}
    columns |= {"fun": fit.solution.fun, "status": words(fit), "success": fit.success}
    columns |= {"nit": fit.solution.nit, "nfev": fit.solution.nfev}
    return pandas.DataFrame(columns, index=pandas.RangeIndex(fit.problem.size, name="problem"))


def to_xarray(fit: Fit) -> Any:
    """A data set over problem and parameter (see `Result.to_xarray`)."""
    xarray = needed("xarray")
    each, both = ("problem",), ("problem", "parameter")
    arrays = {
        "x": (both, fit.solution.x),
        "stderr": (both, fit.stderr),
        "cov": (("problem", "parameter", "parameter_2"), fit.cov),
        "fun": (each, fit.solution.fun),
        "status": (each, words(fit)),
        "success": (each, fit.success),
        "nit": (each, fit.solution.nit),
        "nfev": (each, fit.solution.nfev),
    }
    names = list(fit.problem.names)
    return xarray.Dataset(arrays, {"parameter": names, "parameter_2": names})


def words(fit: Fit) -> np.ndarray:
    """Names of the statuses."""
    codes, where = np.unique(fit.solution.status, return_inverse=True)
    return np.array([NAMES[int(code)] for code in codes])[where]


def needed(name: str) -> Any:
    """An optional library, or how to get it."""
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(f"{name} is not installed; pip install {name} brings it") from error
