"""Problems of a function, as `minimize`, `least_squares` and `root` take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from .arrays import library, real, shape_error
from .bounds import Bounded, boxed, bracketed, check_no_pairs
from .builder import Builder, check_batch, check_callable, sequence
from .derive import Input, values
from .fingerprint import Formula, fingerprint
from .losses import LOSSES, check_loss, robust, squares
from .prior import check_prior, penalized
from .problem import Problem


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
    start = real("x0", x0)
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
    inputs += [build.argument(f"args[{i}]", one) for i, one in enumerate(sequence("args", args))]
    inputs += [build.column(f"data[{i}]", one) for i, one in enumerate(sequence("data", data))]
    residual = fun
    if robustly:
        kind, fun = "minimize", robust(fun, LOSSES[loss] if isinstance(loss, str) else loss)
    elif prior is not None and kind == "least-squares":
        kind, fun = "minimize", squares(fun)
    if prior is not None:
        given = ("x", *(f"args[{i}]" for i in range(len(sequence("args", args)))))
        check_prior(prior, given)
        fun = penalized(fun, prior, range(len(inputs)), range(robustly, robustly + len(given)))
    more: dict[str, Any] = {"box": box, "moved": moved}
    if robustly and prior is None:
        more |= {"observed": True, "summands": number_of_values(residual, tuple(inputs[1:]))}
    problem = build.problem(fun, kind, inputs, names, counts, mask, **more)
    found = library((x0, *sequence("args", args), *sequence("data", data)))
    return problem if found == "numpy" else replace(problem, library=found)


def number_of_values(fun: Callable[..., Any], inputs: tuple[Input, ...]) -> int:
    """How many values a formula returns."""
    return counted_values(fingerprint(fun), inputs)


@lru_cache(maxsize=512)
def counted_values(formula: Formula, inputs: tuple[Input, ...]) -> int:
    """`number_of_values` of a formula, traced once."""
    return values(formula.function, inputs)
