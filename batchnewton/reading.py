"""How a formula is read: traced over all data points, and compared with what NumPy makes of it.

The first time that a formula is met, it is traced with the whole x (`derive.whole`), and what is traced is evaluated at
every point of one problem, at its start and beside it.  Python's own value of the formula must be the same.  So no
formula is fitted that means something else than NumPy makes of it.  What was found is kept with the formula.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .arrays import on_host, there
from .derive import surveyed
from .derive.errors import TraceError
from .derive.evaluate import evaluate
from .derive.graph import Expr, Graph, topological
from .derive.program import Input
from .derive.rebind import formula_name
from .derive.survey import Data, Survey, digest
from .derive.surveyed import Surveyed
from .derive.trace import Traced, of_a_point, trace
from .derive.whole import Refused
from .fingerprint import fingerprint

KEPT = 256  # readings
FEW_ROWS = 8  # so many residuals at least are looked at as rows of data
CLOSE = 1e-6  # traced and NumPy's value may differ by this share of the value ...
LEVEL = 1e-9  # ... plus this share of the largest value at any point
MOVED = 0.0625  # the second comparison is so far from the start, in units of max(|start|, 1)
POINTS = 5  # data points at which a formula that takes numbers only is compared


@dataclass(eq=False)
class Reading:
    """How a formula is read.

    Attributes
    ----------
    formula : callable
        What is derived: the user's own function, or one with more columns of data (`Surveyed`).
    survey : Survey, optional
        Its columns, where there are any.
    compared : str
        How it was compared with NumPy's values: "whole", "points", or "not: " and why not.
    residuals : int
        Numbers that it returns a row.
    weight : int
        How much there is to derive (`weight_of`).
    """

    formula: Callable[..., Any]
    survey: Survey | None
    compared: str
    residuals: int = 1
    weight: int = 0

    @property
    def columns(self) -> int:
        """How many columns it adds to the data."""
        return 0 if self.survey is None else len(self.survey.columns)


_READINGS: OrderedDict[Hashable, list[Reading]] = OrderedDict()


def kept(key: Hashable, data: Data) -> Reading | None:
    """The reading of a formula that holds for these data, if it has been met."""
    for reading in _READINGS.get(key, ()):
        if reading.survey is None or reading.survey.holds(data):
            _READINGS.move_to_end(key)
            return reading
    return None


def keep(key: Hashable, reading: Reading) -> Reading:
    """Keep a reading for the next call."""
    _READINGS.setdefault(key, []).append(reading)
    del _READINGS[key][:-4]
    while len(_READINGS) > KEPT:
        _READINGS.popitem(last=False)
    return reading


def of_curve(f: Callable[..., Any], x: np.ndarray, n: int, start: np.ndarray) -> Reading:
    """How ``f(x, a, b, ...)`` of n parameters is read over x, (m,) or (k, m), of one problem with this start.

    Raises
    ------
    TraceError
        What the formula does cannot be derived.
    ValueError
        The formula is traced to something else than NumPy's value of it.
    """
    key = (fingerprint(f), "curve", x.shape[:-1], n)
    data = (x,)
    reading = kept(key, data)
    if reading is not None:
        return reading
    shape = x.shape[:-1]
    inputs = (Input("x", shape, "row"), *(Input(f"p{i}") for i in range(n)))

    def point(x: Any, *parameters: Any) -> Any:
        return of_a_point(f(x, *parameters), f, x)

    def in_a_row(one: Surveyed) -> Callable[..., Any]:
        def whole_point(x: Any, *parameters: Any) -> Any:
            return of_a_point(one(x, *parameters), f, x)

        whole_point.__name__ = one.__name__
        return whole_point

    survey, traced, formula = over_rows(lambda one: surveyed.curve(f, one), data, in_a_row, point, inputs, f)
    values = {f"p{i}": value for i, value in enumerate(start)}
    names = inputs[0].scalars

    def by_numpy(parameters: Sequence[float], at: int | None) -> Any:
        return f(x if at is None else (x[..., at] if shape else x[at]), *parameters)

    compared = compare(
        f, traced.values, values, dict(zip(names, np.atleast_2d(x), strict=True)), x.shape[-1], survey, by_numpy
    )
    return keep(key, Reading(formula, survey, compared))


def read_curve(
    f: Callable[..., Any], x: Any, own: bool, starts: np.ndarray, present: Callable[[slice], np.ndarray]
) -> tuple[Reading, Any]:
    """How a formula is read over xdata, (m,), (k, m), or where each problem has its ``own`` (B, m), (B, k, m); and
    xdata with the columns that this adds.

    NaN in xdata is not there; of ``own`` x only the rows count that are ``present(problems)``, (problems, m).
    """
    n = starts.shape[1]
    if not own:
        host = on_host(x)
        rows = ~np.isnan(host).reshape(-1, host.shape[-1]).any(0)
        reading = of_curve(f, host if rows.all() else host[..., rows], n, starts[0])
        return reading, x if not reading.columns else there(with_columns(reading, host, rows), x)

    def known(problems: slice) -> np.ndarray:
        part = on_host(x[problems])
        return ~np.isnan(part).reshape(len(part), -1, part.shape[-1]).any(1) & present(problems)

    first, rows = 0, known(slice(0, 1))
    if not rows.any():
        every = known(slice(None))
        first = int(np.argmax(every.any(1)))
        rows = every[first : first + 1]
    one = on_host(x[first])
    reading = of_curve(f, one[..., rows[0]] if rows.any() else one, n, starts[min(first, len(starts) - 1)])
    if reading.survey is None:
        return reading, x
    if not reading.columns and reading.survey.is_of_any_data:
        return reading, x
    host, rows = on_host(x), known(slice(None))
    for b, one in enumerate(host):
        if rows[b].any() and not reading.survey.holds((one[..., rows[b]],)):
            raise ValueError(
                f"{formula_name(f)} is another formula for the x of problem {b} than for that of problem {first}: it "
                "depends on their number or values. Expected one formula for all: np.where in place of if"
            )
    if not reading.columns:
        return reading, x
    return reading, there(np.stack([with_columns(reading, one, rows[b]) for b, one in enumerate(host)]), x)


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


def of_function(fun: Callable[..., Any], inputs: Sequence[Input], values: Sequence[np.ndarray]) -> Reading:
    """How ``fun(x, *args, *row)`` is read, with ``values`` of its arguments for one problem: x, args as the formula gets
    them, columns of the data with the axis of the rows in front.

    Raises
    ------
    TraceError
        What the formula does cannot be derived.
    ValueError
        The formula is traced to something else than NumPy's value of it.
    """
    columns = [i for i, one in enumerate(inputs) if one.level in ("row", "point")]
    data = tuple(values[i] for i in columns)
    key = (fingerprint(fun), "function", tuple(inputs))
    reading = kept(key, data)
    if reading is not None:
        return reading
    numbers = bool(columns) and all(one.ndim == 1 for one in data)
    if numbers:
        make = functools.partial(surveyed.rows, fun, places=columns, count=len(inputs))
        survey, traced, formula = over_rows(lambda one: make(survey=one), data, lambda one: one, fun, inputs, fun)
    else:
        survey, traced, formula = None, trace(fun, inputs, Graph()), fun
    m = len(data[0]) if data else 1
    start = dict(zip(inputs[0].scalars, values[0].tolist(), strict=True))
    known: dict[str, Any] = {}
    for one, value in zip(inputs[1:], values[1:], strict=True):
        flat = value.reshape(m, -1).T if one.level in ("row", "point") else value.reshape(-1)
        known |= dict(zip(one.scalars, flat, strict=True))

    def by_numpy(parameters: Sequence[float], at: int | None) -> Any:
        if at is None and data and not numbers:
            raise TypeError("the formula takes one row of arrays")
        row = [value if i not in columns or at is None else value[at] for i, value in enumerate(values)]
        return fun(np.array(parameters), *row[1:])

    compared = compare(fun, traced.values, start, known, m, survey, by_numpy)
    return keep(key, Reading(formula, survey, compared, len(traced.values), weight_of(traced.values)))


def of_residuals(fun: Callable[..., Any], inputs: Sequence[Input], values: Sequence[np.ndarray]) -> Reading | None:
    """How ``fun(x, *args)`` that returns the residuals of all data points is read in one of them; None where it cannot
    be: arrays of as many numbers, among the arguments or held by the formula, are columns of data then.
    """
    key = (fingerprint(fun), "residuals", tuple(inputs))
    for reading in _READINGS.get(key, ()):
        if reading.survey is None or reading.survey.holds(tuple(values[i] for i in row_arguments(inputs, reading.survey.m))):
            return reading if reading.survey is not None else None
    return (found := keep(key, _in_one_row(fun, inputs, values))).survey and found


def row_arguments(inputs: Sequence[Input], m: int) -> list[int]:
    """The arguments that are columns of m rows."""
    return [i for i, one in enumerate(inputs) if i and one.shape == (m,)]


def _in_one_row(fun: Callable[..., Any], inputs: Sequence[Input], values: Sequence[np.ndarray]) -> Reading:
    nothing = Reading(fun, None, "not: residuals that are no rows")
    try:
        with np.errstate(all="ignore"):
            m = len(np.asarray(fun(*values), np.float64).reshape(-1, 1))
    except Exception:  # the user's function does not take plain arrays
        return nothing
    if m < FEW_ROWS:
        return nothing
    places = row_arguments(inputs, m)
    survey = Survey(tuple(values[i] for i in places), True, m)
    formula = surveyed.rows(fun, survey, places, len(inputs))
    in_row = [replace(one, shape=(), level="point") if i in places else one for i, one in enumerate(inputs)]
    traced = traced_or_error(formula, in_row, [])
    if traced is None or len(traced.values) != 1 or not (survey.columns or places):
        return nothing
    formula.key = ("surveyed", digest(*traced))
    known: dict[str, Any] = {}
    for i, one in enumerate(in_row[1:], 1):
        known |= {one.name: values[i]} if i in places else dict(zip(one.scalars, values[i].reshape(-1), strict=True))

    def by_numpy(parameters: Sequence[float], at: int | None) -> Any:
        if at is not None:
            raise TypeError("the residuals of all data points")
        return np.ravel(fun(np.array(parameters), *values[1:]))

    start = dict(zip(inputs[0].scalars, values[0].tolist(), strict=True))
    try:
        compared = compare(fun, traced.values, start, known, m, survey, by_numpy)
    except ValueError:  # the rows are not what they seem: all residuals are derived
        return nothing
    return Reading(formula, survey, compared) if compared == "whole" else nothing


def weight_of(outputs: Sequence[Expr]) -> int:
    """How much there is to derive: for each nonlinear operation, and for the square of each output, the pairs of
    unknowns that it depends on."""
    masks: dict[int, int] = {}
    unknowns: dict[int, int] = {}
    total = 0

    def pairs(mask: int) -> int:
        return mask.bit_count() * (mask.bit_count() + 1) // 2

    for node in topological(outputs):
        mask = 0
        for arg in node.args:
            mask |= masks[arg.index]
        if node.op == "input" and node.active:
            mask = 1 << unknowns.setdefault(node.index, len(unknowns))
        masks[node.index] = mask
        total += pairs(mask) if node.args and node.op not in ("add", "sub", "neg") else 0
    return total + (sum(pairs(masks[one.index]) for one in outputs) if len(outputs) > 1 else 0)


def seconds_of(weight: int) -> float:
    """About how long the kernels of so much take to compile (for sums of exponentials, with 2 to 8 unknowns)."""
    return 1e-3 * weight * (1.0 + weight / 5000)


def over_rows(
    make: Callable[[Survey], Surveyed],
    data: Data,
    in_a_row: Callable[[Surveyed], Callable[..., Any]],
    point: Callable[..., Any],
    inputs: Sequence[Input | tuple[Input, ...]],
    user: Callable[..., Any],
) -> tuple[Survey | None, Traced, Callable[..., Any]]:
    """The formula traced over all rows of the data, if it can be, else in one row: its survey where it has columns or
    is another formula than the one that is traced in one row, what was traced, and the function to derive."""
    errors: list[Exception] = []
    for adopts in (True, False):
        survey = Survey(data, adopts)
        formula = make(survey)
        traced = traced_or_error(in_a_row(formula), inputs, errors)
        if traced is None:
            continue
        formula.key = ("surveyed", digest(*traced))
        if not survey.columns and not survey.conditions:
            alone = traced_or_error(point, inputs, [])
            if alone is not None and digest(*alone) == formula.key[1]:
                return None, alone, user
        return survey, traced, formula
    refused = next((one for one in errors[::-1] if isinstance(one, Refused)), None)
    if refused is not None:
        raise refused
    alone = traced_or_error(point, inputs, errors)
    if alone is None:
        raise next((one for one in errors[1:] if isinstance(one, TraceError)), errors[1])
    return None, alone, user


def traced_or_error(
    formula: Callable[..., Any], inputs: Sequence[Input | tuple[Input, ...]], errors: list[Exception]
) -> Traced | None:
    """What is traced; None where it cannot be, with the reason in ``errors``."""
    try:
        return trace(formula, inputs, Graph())
    except Exception as error:  # of the user's function, too
        errors.append(error)
        return None


def compare(
    f: Callable[..., Any],
    outputs: Sequence[Expr],
    start: dict[str, float],
    columns: dict[str, np.ndarray],
    m: int,
    survey: Survey | None,
    by_numpy: Callable[[Sequence[float], int | None], Any],
) -> str:
    """Compare what was traced with Python's own value of the formula.

    Raises
    ------
    ValueError
        Where they differ by more than rounding.
    """
    extra = {} if survey is None else {f"whole_{i}": one for i, one in enumerate(survey.values(survey.data))}
    reason = ""
    results = []
    for moved in (0.0, MOVED):
        parameters = beside(list(start.values()), moved)
        ours = evaluate(outputs, {**dict(zip(start, parameters, strict=True)), **columns, **extra})
        ours = [np.broadcast_to(one, (m,)) for one in ours]
        theirs, how = of_python(by_numpy, parameters, m, len(outputs), bool(extra))
        if theirs is None:
            reason = how
            continue
        results.append(how)
        for ours_q, theirs_q in zip(ours, theirs, strict=True):
            _check(f, ours_q, theirs_q, columns, m)
    return results[0] if results else f"not: {reason}"


def beside(start: list[float], moved: float) -> list[float]:
    """A point near the start, in no special direction."""
    return [
        float(value) + moved * (1.0 + 0.37 * ((7 * i) % 5)) * max(abs(float(value)), 1.0) for i, value in enumerate(start)
    ]


def of_python(
    by_numpy: Callable[[Sequence[float], int | None], Any], parameters: Sequence[float], m: int, count: int, columns: bool
) -> tuple[list[np.ndarray] | None, str]:
    """Python's own values of the formula, (m,) each, NaN where they were not asked for; and how they were got."""
    with np.errstate(all="ignore"):
        try:
            found = by_numpy([np.float64(one) for one in parameters], None)
            return rows_of(found, count, m), "whole"
        except Exception as error:  # whatever the user's function raises for arrays
            reason = f"{type(error).__name__}: {error}"
        if columns:
            return None, f"it takes no arrays ({reason}), and uses functions of all data points"
        every = [np.full(m, np.nan) for _ in range(count)]
        for at in sorted(set(np.linspace(0, m - 1, POINTS).astype(int).tolist())):
            try:
                one = rows_of(by_numpy([float(one) for one in parameters], at), count, 1)
            except Exception as error:
                return None, f"it cannot be called with numbers: {type(error).__name__}: {error}"
            for values, value in zip(every, one, strict=True):
                values[at] = value[0]
        return every, "points"


def rows_of(found: Any, count: int, m: int) -> list[np.ndarray]:
    """The values that a formula returned for all rows, one array for each number that it returns a row."""
    if m == 1 and count > 1:
        parts = [np.reshape(one, 1) for one in flat_numbers(found)]
        if len(parts) != count:
            raise ValueError(f"{len(parts)} values")
        return parts
    if count == 1:
        array = np.asarray(found, np.float64)
        if array.shape not in ((), (m,), (1, m), (m, 1), (1,)):
            raise ValueError(f"an array of shape {array.shape}")
        return [np.broadcast_to(array.reshape(-1), (m,))]
    parts = flat_rows(found, m)
    if len(parts) != count:
        raise ValueError(f"{len(parts)} values")
    return parts


def flat_numbers(found: Any) -> list[float]:
    """Nested values, one after the other."""
    if isinstance(found, tuple | list):
        return [part for one in found for part in flat_numbers(one)]
    return np.asarray(found, np.float64).ravel().tolist()


def flat_rows(found: Any, m: int) -> list[np.ndarray]:
    """Nested values, each (m,) or a number, one after the other."""
    if isinstance(found, tuple | list):
        return [part for one in found for part in flat_rows(one, m)]
    array = np.asarray(found, np.float64)
    if array.ndim == 0 or array.shape == (m,):
        return [np.broadcast_to(array, (m,))]
    if array.shape[-1] != m:
        raise ValueError(f"an array of shape {array.shape}")
    return list(array.reshape(-1, m))


def _check(
    f: Callable[..., Any], ours: np.ndarray, theirs: np.ndarray, columns: dict[str, np.ndarray], m: int
) -> None:
    """No point at which both are finite and differ by more than rounding."""
    with np.errstate(all="ignore"):
        both = np.isfinite(ours) & np.isfinite(theirs)
        size = np.maximum(np.abs(ours), np.abs(theirs))
        level = np.max(size[both], initial=0.0)
        wrong = both & (np.abs(ours - theirs) > CLOSE * size + LEVEL * level)
    if not wrong.any():
        return
    at = int(np.argmax(wrong))
    row = ", ".join(f"{float(one[at]):.6g}" for one in columns.values() if np.shape(one) == (m,))
    where = f", at data point {at} ({row})" if row else ""
    came = f"{formula_name(f)} is {float(theirs[at])!r} in NumPy and {float(ours[at])!r} as it is traced"
    raise ValueError(
        f"{came}{where}. A formula is derived from its operations at one data point: something "
        "in it depends on other data points, on the types of its arguments, or on what it changes outside. Write it with "
        "arithmetic and elementwise functions of x and the parameters"
    )

