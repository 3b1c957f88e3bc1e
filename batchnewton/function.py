"""Problems of a function, as `minimize`, `least_squares` and `root` take them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from .arrays import Shared, library, on_host, shape_error, vector
from .bounds import Bounded, boxed, bracketed, check_no_pairs
from .builder import Builder, check_batch, check_callable, sequence
from .derive import Input, values
from .derive.rebind import formula_name
from .derive.survey import Data, Survey
from .derive.weight import seconds_of
from .fingerprint import Formula, fingerprint
from .losses import LOSSES, check_loss, robust, squares
from .missing import check_counts, check_mask
from .prior import check_prior, penalized
from .problem import Problem
from .reading import Reading, key_of_function, of_function, readings
from .residual_rows import of_residuals, row_arguments

PATIENCE = 10.0  # seconds of compiling, of which nothing need be said


def from_function(
    kind: str,
    fun: Any,
    x0: Any,
    args: Any,
    data: Any,
    counts: Any = None,
    mask: Any = None,
    loss: Any = "linear",
    f_scale: Any = 1.0,
    bounds: Any = None,
    fixed: Any = None,
    prior: Any = None,
    bracket: Any = None,
) -> Problem:
    """Problems of ``fun(x, *args, *row)``, as `minimize`, `least_squares` and `root` take them."""
    check_loss(loss, likelihoods=False)
    check_callable("fun", fun)
    x0, ends = (x0, None) if bracket is None else bracketed(x0, bracket, sequence("args", args))
    if x0 is None:
        raise TypeError("x0 is None; expected (n,) for one problem or (B, n) for a batch")
    start = vector("x0", x0)
    if start.ndim not in (1, 2):
        raise shape_error("x0", start, "(n,) for one problem or (B, n) for a batch")
    single = start.ndim == 1
    start = start[None] if single else start
    check_batch("x0", start)
    names = tuple(f"x{i}" for i in range(start.shape[1]))
    if kind == "minimize":
        check_no_pairs(bounds, start.shape[1])
    bounded = boxed(start, bounds, fixed, names) if ends is None else Bounded(start, ends, None)
    start, box, moved = bounded
    build = Builder(start, single)
    robustly = not (isinstance(loss, str) and loss == "linear")
    inputs: list[Any] = [build.scale(f_scale)] if robustly else []  # arrays are in the order of the inputs
    inputs += [Input("x", (start.shape[1],), "unknown")]
    labels: tuple[str, ...] = ()
    found, fun = None, fingerprint(fun)
    if kind == "least-squares" and prior is None and not len(sequence("data", data)):
        found = rows_in_residuals(fun, build, inputs[robustly], sequence("args", args))
    if found is not None:
        fun, more_inputs, more_labels = found
        inputs, labels = inputs + more_inputs, ("",) * len(inputs) + more_labels
    else:
        inputs += [build.argument(f"args[{i}]", one) for i, one in enumerate(sequence("args", args))]
        inputs += [build.column(f"data[{i}]", one) for i, one in enumerate(sequence("data", data))]
        fun, more_columns = read(kind, fun, build, inputs[robustly:], start, counts, mask)
        inputs += more_columns
    residual = fun
    if robustly:
        kind, fun = "minimize", robust(fun, LOSSES[loss] if isinstance(loss, str) else loss)
    elif prior is not None and kind == "least-squares":
        kind, fun = "minimize", squares(fun)
    if prior is not None:
        given = ("x", *(f"args[{i}]" for i in range(len(sequence("args", args)))))
        check_prior(prior, given)
        fun = penalized(fun, prior, range(len(inputs)), range(robustly, robustly + len(given)))
    more: dict[str, Any] = {"box": box, "moved": moved, "labels": labels}
    if robustly and prior is None:
        more |= {"observed": True, "summands": number_of_values(residual, tuple(inputs[1:]))}
    problem = build.problem(fun, kind, inputs, names, counts, mask, **more)
    found = library((x0, *sequence("args", args), *sequence("data", data)))
    return problem if found == "numpy" else replace(problem, library=found)


NO_ROWS: set[Hashable] = set()  # formulas, with the shapes of their args, whose residuals are no rows of data
Found = tuple[Callable[..., Any], list[Input], tuple[str, ...]]  # formula, its inputs after x, what they are called


def rows_in_residuals(fun: Formula, build: Builder, x: Input, args: Sequence[Any]) -> Found | None:
    """Residuals of all data points, ``fun(x, *args)``, as those of one: arrays of as many numbers, among args or held
    by the formula, become columns of the data.  None where it cannot be done."""
    shapes = tuple((isinstance(one, Shared), np.shape(one.value if isinstance(one, Shared) else one)) for one in args)
    if (fun, x, shapes, build.single) in NO_ROWS:
        return None
    trial = Builder(build.x0, build.single)
    inputs = [x, *(trial.argument(f"args[{i}]", one) for i, one in enumerate(args))]
    arrays = [trial.array(inputs, i) for i in range(1, len(inputs))]

    def of_problem(b: int) -> list[np.ndarray]:
        values = [on_host(build.x0[b])]
        for one, array in zip(inputs[1:], arrays, strict=True):
            values.append(on_host(array if one.level == "call" else array[b]).reshape(one.shape))
        return values

    reading = of_residuals(fun, inputs, of_problem(0))
    if reading is None or reading.survey is None:
        if len(NO_ROWS) > 256:
            NO_ROWS.clear()
        NO_ROWS.add((fun, x, shapes, build.single))
        return None
    survey, size = reading.survey, len(build.x0)
    places = row_arguments(inputs, survey.m)
    found: list[Input] = []
    labels: list[str] = []
    for i, given in enumerate(args, 1):
        common = inputs[i].level == "call" and not build.single
        value = Shared(given.value if isinstance(given, Shared) else given) if common else given
        found.append(build.column(f"args[{i - 1}]", value) if i in places else build.argument(f"args[{i - 1}]", given))
        labels.append(f"args[{i - 1}]")
    own = any(inputs[i].level == "problem" for i in places)
    shared = survey.is_shared()
    alone = survey.is_of_any_data and all(shared)
    every = [tuple(of_problem(b)[i] for i in places) for b in range(size if own and not alone else 1)]
    for b, columns in enumerate(every):
        check_holds(survey, fun, columns, b)
    values = [survey.values(columns) for columns in every]
    for k, constant in enumerate(shared):
        one = Shared(values[0][k]) if constant or not own else np.stack([columns[k] for columns in values])
        if isinstance(one, Shared) and build.single:
            one = one.value
        found.append(build.column("data", one))
        labels.append("")
    return reading.formula, found, tuple(labels)


def check_length(kind: str, fun: Callable[..., Any], reading: Reading) -> None:
    """A formula whose text is so long that compiling it takes more than some seconds says so, or is refused.

    Raises
    ------
    ValueError
        For residuals of many data points, which a formula of one point would have at once.
    """
    seconds = seconds_of(reading.weight)
    if seconds <= PATIENCE:
        return
    what = f"{formula_name(fun)} is compiled as one long formula, which takes some {seconds:.0f} s"
    way_out = "with data=(t, y) (or bn.curve_fit) it is that of one data point, and compiles at once"
    if kind == "least-squares" and reading.residuals > 1:
        raise ValueError(f"{what}: {reading.residuals} residuals, each with its own expression; {way_out}")
    warnings.warn(f"{what}; for a sum over data points: {way_out}", stacklevel=5)


def read(
    kind: str, fun: Formula, build: Builder, inputs: Sequence[Input], x0: Any, counts: Any, mask: Any
) -> tuple[Callable[..., Any], list[Input]]:
    """The formula as NumPy reads it over all rows of the data (`reading`), and the columns that this adds to them."""
    known = readings(key_of_function(fun, inputs))
    if known and known[0].survey is None:
        check_length(kind, fun, known[0])
        return fun, []
    arrays = [build.array(inputs, i) for i in range(1, len(inputs))]
    data = [one for one in inputs if one.level in ("row", "point")]

    def of_problem(b: int) -> list[np.ndarray]:
        """The arguments of the formula, with the rows of the data that this problem has."""
        rows = rows_of_problem(b, build.m or 1, len(x0), counts, mask)
        values = [on_host(x0[b])]
        for one, array in zip(inputs[1:], arrays, strict=True):
            own = array if one.level in ("row", "call") else array[min(b, len(array) - 1)]
            own = on_host(own)
            values.append(own.reshape(-1, *one.shape)[rows] if one in data else own.reshape(one.shape))
        return values

    reading = of_function(fun, inputs, of_problem)
    check_length(kind, fun, reading)
    survey = reading.survey
    if survey is None or (not survey.columns and not survey.conditions):
        return reading.formula, []
    shared = all(one.level == "row" for one in data) and counts is None and mask is None
    full = np.zeros((1 if shared else len(x0), len(survey.columns), build.m or 1))
    for b, one in enumerate(full):
        columns = tuple(value for value, given in zip(of_problem(b), inputs, strict=True) if given in data)
        if not len(columns[0]):
            continue
        check_holds(survey, fun, columns, b)
        one[:, rows_of_problem(b, build.m or 1, len(x0), counts, mask)] = survey.values(columns)
    columns = np.moveaxis(full, 1, 0)
    return reading.formula, [build.column("data", Shared(one[0]) if shared else one) for one in columns]


def check_holds(survey: Survey, fun: Callable[..., Any], columns: Data, b: int) -> None:
    """The formula that was traced for problem 0 is that of problem b, too."""
    if not survey.holds(columns):
        raise ValueError(
            f"{formula_name(fun)} is another formula for the data of problem {b} than for those of problem 0: it "
            "depends on their number or values. Expected one formula for all: np.where in place of if"
        )


def rows_of_problem(b: int, m: int, size: int, counts: Any, mask: Any) -> np.ndarray:
    """Which rows problem b has, (m,)."""
    rows = np.arange(m) < (m if counts is None else check_counts(counts, size, m)[b])
    return rows if mask is None else rows & check_mask(mask, size, m)[b]


def number_of_values(fun: Callable[..., Any], inputs: tuple[Input, ...]) -> int:
    """How many values a formula returns."""
    return counted_values(fingerprint(fun), inputs)


@lru_cache(maxsize=512)
def counted_values(formula: Formula, inputs: tuple[Input, ...]) -> int:
    """`number_of_values` of a formula, traced once."""
    return values(formula.function, inputs)
