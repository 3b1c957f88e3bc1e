"""A formula, written as a plain Python function, to straight-line code of its value and derivatives.

trace -> graph (simplify, rules) -> differentiate -> lower -> emit. Nothing here knows of devices or compilers; of data,
what a formula makes of all their rows before it is derived (`whole`, `survey`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from batchnewton.derive.emit import emit
from batchnewton.derive.errors import TraceError
from batchnewton.derive.graph import ROW, Expr, Graph
from batchnewton.derive.lower import lower
from batchnewton.derive.outputs import KINDS, SCORED, SUMS
from batchnewton.derive.program import Input, Program, Statement
from batchnewton.derive.rebind import formula_name, source_place
from batchnewton.derive.trace import Argument, Penalized, Scored, trace

__all__ = ["Input", "Penalized", "Program", "Scored", "Statement", "TraceError", "derive", "values"]


def derive(fun: Any, arguments: Sequence[Argument], kind: str, name: str | None = None) -> Program:
    """Derive the code of a formula.

    Parameters
    ----------
    fun : callable
        The formula. It is called as ``fun(*arguments)``, each `Input` replaced by a traced scalar or an array of them.
        It may return `Penalized`: the values of a data row, and a number to be added once.  And the summand of a
        likelihood `Scored`, from which "scoring" takes its gradient and Fisher's information.
    arguments : sequence of Input or tuple of Input
        A tuple is handed over as a tuple. The unknowns are the inputs of level ``"unknown"``, in order.
    kind : {"value", "model", "minimize", "gauss-newton", "least-squares", "hybrid", "squares", "root", "scoring"}
        Outputs, with i >= j:

        ================= ===========================================================================================
        ``value``         ``f``
        ``model``         ``f``, gradient ``g_i``
        ``minimize``      ``f``, ``g_i``, Hessian ``h_i_j``
        ``gauss-newton``  of residuals r_q: ``f`` = sum r_q**2, ``g_i`` = sum r_q dr_q/dx_i, ``h_i_j`` = J^T J
        ``least-squares`` the same, ``h_i_j`` the Hessian of half the sum of squares
        ``hybrid``        as ``least-squares``, and J^T J as ``b_i_j``
        ``squares``       ``f`` and ``g_i`` as ``gauss-newton``
        ``root``          ``r_q``, Jacobian ``j_q_i``
        ``scoring``       as ``minimize``, ``h_i_j`` the expected Hessian (Fisher's information); of `Scored` alone
        ================= ===========================================================================================
    name : str, optional
        The formula's name, by default that of `fun`.

    Returns
    -------
    Program

    Raises
    ------
    TraceError
        The formula does what cannot be derived, or returns what is not expected.
    ValueError
        `kind` or the name of an input is not allowed.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; expected one of {', '.join(KINDS)}")
    inputs = tuple(part for argument in arguments for part in _parts(argument))
    _check_names(inputs)
    graph = Graph()
    residuals, once, scoring = trace(fun, arguments, graph)
    unknowns = [graph.input(scalar, "unknown") for part in inputs if part.level == "unknown" for scalar in part.scalars]
    _check_counts(fun, kind, len(residuals), len(unknowns))
    derivation, factor = KINDS[kind]
    outputs = derivation(residuals + scoring if kind in SCORED else residuals, unknowns)
    bases = {} if once is None else derivation([once], unknowns)
    return _program(
        name or formula_name(fun), inputs, (len(unknowns), len(residuals)), outputs, bases, factor, graph.kinked
    )


def values(fun: Any, arguments: Sequence[Argument]) -> int:
    """How many values a formula returns, as `derive` would call it."""
    return len(trace(fun, arguments, Graph()).values)


def _parts(argument: Argument) -> tuple[Input, ...]:
    return argument if isinstance(argument, tuple) else (argument,)


def _program(
    name: str,
    inputs: tuple[Input, ...],
    sizes: tuple[int, int],
    outputs: dict[str, Expr],
    bases: dict[str, Expr],
    factor: float,
    kinked: bool,
) -> Program:
    bases = {key: node for key, node in bases.items() if not node.is_constant(0)}
    kept = {key: node for key, node in outputs.items() if key == "f" or key in bases or not node.is_constant(0)}
    lowered = lower(kept | {f"base of {key}": node for key, node in bases.items()})
    changing, shares = split({key: lowered[key] for key in kept})
    apart = {f"share of {key}": node for key, node in shares.items()}
    apart |= {f"base of {key}": lowered[f"base of {key}"] for key in bases}
    emission = emit(changing | apart)
    counts = {kind: emission.counts[kind] for kind in ("arithmetic", "division", "function", "select")}
    return Program(
        name=name,
        n=sizes[0],
        residuals=sizes[1],
        inputs=inputs,
        constants=emission.constants,
        stages={stage: tuple(statements) for stage, statements in emission.stages.items()},
        outputs={key: emission.outputs[key] for key in changing},
        shares={key: emission.outputs[f"share of {key}"] for key in shares},
        bases={key: emission.outputs[f"base of {key}"] for key in bases},
        functions=frozenset(emission.functions),
        operations={**counts, "total": sum(counts.values())},
        scale=factor,
        kinked=kinked,
    )


def split(outputs: dict[str, Expr]) -> tuple[dict[str, Expr], dict[str, Expr]]:
    """Outputs without the summand that is the same in every data row; and those summands."""
    changing, shares = dict(outputs), {}
    for key, node in outputs.items():
        if node.op == "add" and node.depends & ROW:
            alone = [arg for arg in node.args if not arg.depends & ROW]
            if alone:
                (shares[key],) = alone
                (changing[key],) = (arg for arg in node.args if arg.depends & ROW)
    return changing, shares


def _check_names(inputs: tuple[Input, ...]) -> None:
    names = [scalar for part in inputs for scalar in part.scalars]
    if len(set(names)) < len(names):
        raise ValueError(f"two inputs have the same name: {', '.join(names)}")
    for name in names:
        if not name.isidentifier() or re.fullmatch(r"[cv]\d+", name):
            raise ValueError(f"an input is named {name!r}; expected an identifier other than c0, c1, ..., v0, v1, ...")


def _check_counts(fun: Any, kind: str, residuals: int, unknowns: int) -> None:
    called = formula_name(fun)
    if not unknowns and kind != "value":
        raise ValueError(f"no input of {called} is of level 'unknown'")
    if residuals == 0:
        raise TraceError(f"{called} returns no values", source_place(fun))
    if kind not in SUMS and residuals != 1:
        raise TraceError(f"{called} returns {residuals} values; expected one number", source_place(fun))
    if kind == "root" and residuals != unknowns:
        message = f"{called} returns {residuals} values; expected as many as unknowns, {unknowns}"
        raise TraceError(message, source_place(fun))
