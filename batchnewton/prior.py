"""Priors: a term of the unknowns that is added to the sum over the data, once a problem."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from .derive import Penalized


def penalized(
    cost: Callable[..., Any], prior: Callable[..., Any], of_cost: Sequence[int], of_prior: Sequence[int]
) -> Callable[..., Any]:
    """The cost of a row and the prior as one formula, whose arguments each gets by their numbers."""
    rows, once = tuple(of_cost), tuple(of_prior)

    def both(*arguments):
        return Penalized(cost(*[arguments[i] for i in rows]), prior(*[arguments[i] for i in once]))

    both.__name__ = getattr(cost, "__name__", "formula")
    return both


def check_prior(prior: Any, names: Sequence[str]) -> None:
    """A function of as many arguments.

    Raises
    ------
    TypeError
        Where it is none.
    """
    called = f"prior({', '.join(names)})"
    if not callable(prior):
        raise TypeError(f"prior is a {type(prior).__name__}; expected a function, {called}")
    try:
        signature = inspect.signature(prior)
    except (TypeError, ValueError):  # a function without a signature
        return
    try:
        signature.bind(*names)
    except TypeError as error:
        raise TypeError(f"prior is a function of {signature}; expected {called}: {error}") from None
