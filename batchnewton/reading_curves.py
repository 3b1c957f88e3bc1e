"""How the formula of curves is read over xdata, which all share or each has for itself (`reading`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .announce import announced
from .arrays import on_host, there
from .derive.errors import TraceError
from .derive.rebind import formula_name
from .derive.survey import same
from .fingerprint import Formula
from .reading import Reading, key_of_curve, of_curve, readings


def read_curve(
    f: Formula,
    x: Any,
    own: bool,
    starts: np.ndarray,
    present: Callable[[slice], np.ndarray],
    mask: Any = None,
) -> tuple[Reading, Any]:
    """How a formula is read over xdata, (m,), (k, m), or where each problem has its ``own`` (B, m), (B, k, m); and
    xdata with the columns that this adds.

    NaN in xdata is not there, nor what a ``mask`` of all problems leaves out; of ``own`` x only the rows count that are
    ``present(problems)``, (problems, m).
    """
    n = starts.shape[1]
    shape = x.shape[int(own) : -1]
    for reading in readings(key_of_curve(f, shape, n)):
        if reading.survey is None:
            return reading, x
    if not own:
        host = on_host(x)
        rows = np.asarray(~np.isnan(host).reshape(-1, host.shape[-1]).any(0))
        rows = rows & mask if np.ndim(mask) == 1 and np.any(rows & mask) else rows
        reading = of_curve(f, host if rows.all() else host[..., rows], n, starts[0])
        return reading, x if not reading.columns else there(with_columns(reading, host, rows), x)

    return _read_own(f, x, starts, present)


def _read_own(f: Formula, x: Any, starts: np.ndarray, present: Callable[[slice], np.ndarray]) -> tuple[Reading, Any]:
    """`read_curve` where each problem has its own x."""

    def known(problems: slice) -> np.ndarray:
        part = on_host(x[problems])
        return ~np.isnan(part).reshape(len(part), -1, part.shape[-1]).any(1) & present(problems)

    first, rows = 0, known(slice(0, 1))
    if not rows.any():
        every = known(slice(None))
        first = int(np.argmax(every.any(1)))
        rows = every[first : first + 1]
    one = on_host(x[first])
    one, start = one[..., rows[0]] if rows.any() else one, starts[min(first, len(starts) - 1)]
    reading, stacked = _coordinates(f, one, start)
    x = x if stacked else x[:, 0]
    survey = reading.survey
    if survey is None or (not reading.columns and survey.is_of_any_data):
        return reading, x
    host, rows = on_host(x), known(slice(None))
    with announced(f"working out what {formula_name(f)} makes of the x of each curve"):
        for b, one in enumerate(host):
            if rows[b].any() and not survey.holds((one[..., rows[b]],)):
                raise ValueError(
                    f"{formula_name(f)} is another formula for the x of problem {b} than for that of problem {first}: "
                    "it depends on their number or values. Expected one formula for all: np.where in place of if"
                )
        if not reading.columns:
            return reading, x
        wider = np.stack([with_columns(reading, one, rows[b]) for b, one in enumerate(host)])
    return reading, there(wider, x)


def _coordinates(f: Formula, x: np.ndarray, start: np.ndarray) -> tuple[Reading, bool]:
    """How a formula is read where a curve has an x of its own, (m,) or (k, m); and whether it is read so.  An x of
    shape (1, m) is one coordinate, or, where that cannot be, (m,).

    Raises
    ------
    ValueError
        Where the two are different formulas.
    """
    n = len(start)
    if x.shape[:-1] != (1,):
        return of_curve(f, x, n, start), True
    try:
        stacked = of_curve(f, x, n, start)
    except (TraceError, ValueError) as error:
        try:
            return of_curve(f, x[0], n, start), False
        except (TraceError, ValueError):
            raise error from None
    try:
        alone = of_curve(f, x[0], n, start)
    except (TraceError, ValueError):
        return stacked, True
    values = [one.survey.values((data,)) if one.survey else None for one, data in ((stacked, x), (alone, x[0]))]
    if stacked.digest == alone.digest and same(*values):
        return stacked, True
    raise ValueError(
        f"{formula_name(f)} means one thing for x of shape (1, m), where x[0] is the coordinate, and another for (m,), "
        "where it is the first point. Expected lists of arrays (m,) as xdata and ydata for the second; (u,) = x in the "
        "formula for the first"
    )


def with_columns(reading: Reading, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """x of one problem with the columns that a formula adds, (k + columns, m); numbers of all rows stand in each."""
    assert reading.survey is not None
    full = np.zeros((reading.columns, x.shape[-1]), x.dtype)
    if rows.any():
        values = reading.survey.values((x[..., rows],))
        full[:, rows] = values
        constant = reading.survey.is_constant()
        full[constant] = values[constant][:, :1]
    return np.concatenate([np.atleast_2d(x), full])
