"""From a checked problem to its result, or to what was finished at Ctrl-C."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from .multistart import KEEP, check_starts, solve_from
from .options import Options, check_choice
from .plan import check_method
from .problem import Problem
from .result import Result
from .schedule import solve
from .solution import Solution
from .status import Status


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a solve.  What was finished until then is not lost.

    Attributes
    ----------
    result : Result
        Finished problems have their answers, bit for bit those of a run to the end; the others have the status
        `Status.NOT_RUN`, their start as ``x`` and NaN as ``fun``.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> try:
    ...     res = bn.minimize(lambda x: (x[0] - 1) ** 2, np.zeros((1000, 1)))
    ... except bn.Interrupted as stopped:
    ...     res = stopped.result
    >>> int(res.success.sum())
    1000
    """

    def __init__(self, result: Result) -> None:
        super().__init__(f"interrupted; {int(np.sum(result.status != Status.NOT_RUN))} problems were finished")
        self.result = result


def solved(
    problem: Problem,
    options: Options,
    progress: Any,
    absolute_sigma: bool = True,
    starts: Any = None,
    keep: Any = "lowest",
) -> Result:
    """The result of a batch; `Interrupted` at Ctrl-C."""
    check_method(problem, options)
    check_choice("keep", keep, KEEP)
    more = check_starts(starts, problem)
    answer = Solution.empty(problem, options.dtype)
    result = Result(problem, options, answer, absolute_sigma)
    begun = time.perf_counter()
    try:
        if more is None:
            solve(problem, options, answer, progress)
        else:
            result._reached, result._passed_over = solve_from(more, problem, options, answer, progress, keep)
    except KeyboardInterrupt:
        raise Interrupted(result) from None
    result.seconds = time.perf_counter() - begun
    return result
