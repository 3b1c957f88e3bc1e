"""Profile-likelihood intervals: where the cost, minimised over all other parameters, has risen by a quantile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from batchnewton.bounds import Box
from batchnewton.derive import Input
from batchnewton.kernels import status
from batchnewton.notebook import profiles
from batchnewton.options import DEFAULTS
from batchnewton.problem import Problem
from batchnewton.schedule import derivatives, solve
from batchnewton.solution import Solution

from .fit import Fit

ROUNDS, FAILURES = 60, 30
PRECISE = 1e-9  # |tau - q| <= PRECISE q ends a search
FAR = 1e3  # standard errors (or starts); an interval that reaches farther is open
FLAT = 1e-3  # of what is missing: where twice the way brings less, the cost rises no more
SAME = 1e-4  # |F_1 - F_2| <= SAME (F(end) - F): two searches end at the same cost
NEAR = 1e-4  # high - low <= NEAR high: a bracket that costs of two searches leave
CLOSE = 1e-3  # low >= (1 - CLOSE) wall: the refits fail from there on

NO_LIMIT, NOT_FINITE, FAILED, LOWER, NO_SUCCESS, UNDETERMINED, AT_BOUND = range(1, 8)
REASONS = (
    "",
    "no limit",
    "formula not finite beyond",
    "refit failed beyond",
    "a lower minimum was met",
    "the fit is no success",
    "no standard error to begin with",
    "at a bound",
)
SIDES = ("no lower limit", "no upper limit")


class Profiles(dict[str, Any]):
    """Intervals by the names of parameters, (B, 2), and of each end that is no crossing the reason.

    Attributes
    ----------
    reason : dict of (B, 2) arrays of str
        "" where the end was found; "no lower limit", "no upper limit" (the end is infinite); "at a bound" (the end is
        that bound); of NaN: "formula not finite beyond", "refit failed beyond" (farther out than the cost could be
        followed), "a lower minimum was met", "the fit is no success", "no standard error to begin with".
    """

    def __init__(self, ends: dict[str, Any], reason: dict[str, Any]) -> None:
        super().__init__(ends)
        self.reason = reason

    def _repr_html_(self) -> str:
        return profiles(self, self.reason)


def words(reason: np.ndarray) -> np.ndarray:
    """The numbers of reasons, (B, 2), in words."""
    said = np.array(REASONS, dtype=object)[reason]
    for side, open_end in enumerate(SIDES):
        said[reason[:, side] == NO_LIMIT, side] = open_end
    return said.astype(str)


def profile(fit: Fit, i: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the interval of parameter i, (B, 2), and the reasons (see `Result.profile`).

    With the minimum ``F(theta)`` over all other parameters, ``tau = sqrt(2 (F(theta) - F) / s²)`` is a straight line
    through 0 where the model is linear; its crossing of the quantile q is bracketed and found by secants.
    """
    q, error, at = fit.quantile(level), fit.stderr[:, i].astype(np.float64), fit.solution.x[:, i].astype(np.float64)
    ends = np.full((len(q), 2), np.nan)
    reason = np.full((len(q), 2), UNDETERMINED)
    reason[~fit.success] = NO_SUCCESS
    good = np.flatnonzero(fit.success & np.isfinite(error) & (error > 0) & np.isfinite(q) & (fit.scale > 0))
    search = Search(fit, i, np.concatenate([good, good]), np.repeat([-1.0, 1.0], len(good)), q, error, at)
    found, why = search.run()
    ends[good, 0], ends[good, 1] = found[: len(good)], found[len(good) :]
    reason[good, 0], reason[good, 1] = why[: len(good)], why[len(good) :]
    if fit.problem.box is not None:  # what the cost would allow, the bounds do not
        low, high = (side[:, i] for side in fit.problem.box)
        inside = np.clip(ends, low[:, None], high[:, None])
        reason[(inside != ends) & ~np.isnan(ends)] = AT_BOUND
        ends = inside
    return ends, reason


class Search:
    """One end of one interval for each row; ``way`` from the minimum is positive on both sides."""

    def __init__(
        self, fit: Fit, i: int, rows: np.ndarray, side: np.ndarray, q: np.ndarray, error: np.ndarray, at: np.ndarray
    ) -> None:
        self.fit, self.i, self.rows, self.side = fit, i, rows, side
        self.q, self.error, self.at = q[rows], error[rows], at[rows]
        x = fit.solution.x.astype(np.float64)
        self.others = np.delete(x, i, axis=1)[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.delete(fit.cov[:, :, i].astype(np.float64), i, axis=1) / error[:, None] ** 2
        self.slope = slope[rows]
        self.problem, self.minimum = held(fit.problem, i), np.asarray(fit.solution.fun, np.float64)[rows]
        if fit.options.dtype != np.float64:
            self.minimum = derivatives(fit.problem, x, COST[fit.problem.kind], fit.options.threads)[0][rows]

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        """The ends, and the reasons; infinite where the cost never rises enough, NaN where it could not be followed."""
        size = len(self.rows)
        ends, way, failures = np.full(size, np.nan), self.first_way(), np.zeros(size, int)
        reason, bracket, wall = np.full(size, FAILED), Bracket(self.q), np.full(size, np.inf)
        origin, start, todo = np.zeros(size), self.others.copy(), np.arange(size)
        for _ in range(ROUNDS):
            if not todo.size:
                break
            q, here = self.q[todo], way[todo]
            theta = self.at[todo] + self.side[todo] * here
            moved = (self.side * (way - origin))[todo, None] * self.slope[todo]
            cost, others, ended = self.costs(todo, theta, start[todo] + moved, start[todo])
            fine = ended == 0
            rise = 2.0 * (cost - self.minimum[todo]) / self.fit.scale[self.rows[todo]]
            lower_minimum = fine & (rise < -1e-6 * q**2)
            miss = np.sqrt(np.maximum(rise, 0.0)) - q
            start[todo[fine]], origin[todo[fine]] = others[fine], here[fine]
            failures[todo[~fine]] += 1
            bracket.put(todo[fine], here[fine], miss[fine])
            found = fine & ((np.abs(miss) <= PRECISE * q) | bracket.narrow(todo))
            wall[todo[~fine]] = here[~fine]  # nothing could be found there: nearer to what is known, and not beyond
            low = bracket.low[todo]
            stuck = ~np.isfinite(bracket.high[todo]) & (low >= (1.0 - CLOSE) * wall[todo])
            endless = fine & ~found & (miss < 0) & (here > FAR * q * self.error[todo])
            endless |= stuck & bracket.flat[todo]
            ends[todo[found]] = theta[found]
            ends[todo[endless]] = self.side[todo[endless]] * np.inf
            reason[todo[~fine]] = ended[~fine]
            reason[todo[found]], reason[todo[endless]], reason[todo[lower_minimum]] = 0, NO_LIMIT, LOWER
            ahead = bracket.next(todo, here, miss)
            zero = np.abs(self.at[todo])  # a pole is met, not jumped over
            ahead = np.where((here < zero) & (self.side[todo] * self.at[todo] < 0), np.minimum(ahead, zero), ahead)
            way[todo] = np.where(fine & (ahead < wall[todo]), ahead, 0.5 * (bracket.low + wall)[todo])
            todo = todo[~(found | lower_minimum | endless | stuck) & (failures[todo] < FAILURES)]
        high = bracket.high[todo]
        near = todo[high - bracket.low[todo] <= NEAR * np.where(np.isfinite(high), high, 0.0)]
        ends[near], reason[near] = self.at[near] + self.side[near] * bracket.high[near], 0
        return ends, reason

    def first_way(self) -> np.ndarray:
        """The symmetric interval, but not past zero, where many a formula has a pole to be met, not jumped over."""
        size = np.abs(self.at)
        return np.minimum(self.q * self.error, np.where(size > 0, 0.5 * size, np.inf))

    def costs(self, todo: np.ndarray, theta: np.ndarray, *starts: np.ndarray) -> tuple[np.ndarray, ...]:
        """Least cost with the parameter at theta, the others there, and the reason why it is not known (0: it is); from
        the first of the starts from which it is.

        It is known where it is a certified minimum.  Where the others run off (a step for a slope), it need not be:
        what is below the limit is so at any rate, and two searches that end at the same cost are believed.
        """
        rows, problem = self.rows[todo], self.fit.problem
        if problem.n == 1:
            cost = derivatives(problem.take(rows), theta[:, None], COST[problem.kind], self.fit.options.threads)[0]
            return cost, starts[0], np.where(np.isfinite(cost), 0, NOT_FINITE)
        options = replace(self.fit.options, dtype=np.dtype(np.float64), history=False, **DEFAULTS["float64"])
        cost, others, ended = np.full(len(todo), np.nan), starts[0].copy(), np.full(len(todo), FAILED)
        enough = self.minimum[todo] + 0.5 * self.q[todo] ** 2 * self.fit.scale[rows]
        for start in starts:
            (left,) = np.nonzero(ended)
            if left.size:
                answer = self.refit(rows[left], theta[left], start[left], options)
                why, found, before = reason_of(answer.status), answer.fun, cost[left]
                same = np.abs(found - before) <= SAME * (enough - self.minimum[todo])[left]
                why[(why == FAILED) & ((found < enough[left]) | same)] = 0
                better = ~(found > before) | (why == 0)
                cost[left[better]], others[left[better]] = found[better], answer.x[better]
                ended[left] = why
        (above,) = np.nonzero((ended == 0) & (cost >= enough))
        if above.size:  # perhaps not from where the fit itself ended
            answer = self.refit(rows[above], theta[above], self.others[todo[above]], options)
            lower = answer.fun < cost[above] - SAME * (enough - self.minimum[todo])[above]
            cost[above[lower]], others[above[lower]] = answer.fun[lower], answer.x[lower]
            unsure = lower & (answer.fun >= enough[above])
            ended[above[unsure]] = reason_of(answer.status)[unsure]
        return cost, others, ended

    def refit(self, rows: np.ndarray, theta: np.ndarray, start: np.ndarray, options: Any) -> Solution:
        """The others, with the parameter at theta."""
        again = self.problem(rows, theta, start)
        answer = Solution.empty(again, options.dtype)
        solve(again, options, answer)
        return answer


def reason_of(statuses: np.ndarray) -> np.ndarray:
    """Why refits are no certified minima; 0 where they are."""
    fine = (statuses == status.CONVERGED) | (statuses == status.CONVERGED_AT_BOUND)
    lost = (statuses == status.NOT_FINITE_AT_START) | (statuses == status.NOT_FINITE)
    return np.where(fine, 0, np.where(lost, NOT_FINITE, FAILED))


class Bracket:
    """Where tau - q changes its sign: the secant method within a bracket, in Illinois form.

    References
    ----------
    Dowell & Jarratt (1971), BIT 11, 168.
    """

    def __init__(self, q: np.ndarray) -> None:
        self.q = q
        self.low, self.low_miss = np.zeros(len(q)), -q
        self.high, self.high_miss = np.full(len(q), np.inf), np.full(len(q), np.inf)
        self.before, self.before_miss = np.zeros(len(q)), -q  # the low end before
        self.mark, self.mark_miss = np.zeros(len(q)), -q  # at half the way of the last look at
        self.flat = np.zeros(len(q), bool)  # whether the cost rises no more
        self.last = np.zeros(len(q))

    def put(self, rows: np.ndarray, way: np.ndarray, miss: np.ndarray) -> None:
        """A point; where the same end moves twice, half the other's value."""
        twice = self.last[rows] == np.sign(miss)
        above, below = rows[miss >= 0], rows[miss < 0]
        self.low_miss[rows[twice & (miss >= 0)]] *= 0.5
        self.high_miss[rows[twice & (miss < 0)]] *= 0.5
        self.before[below], self.before_miss[below] = self.low[below], self.low_miss[below]
        self.high[above], self.high_miss[above] = way[miss >= 0], miss[miss >= 0]
        self.low[below], self.low_miss[below] = way[miss < 0], miss[miss < 0]
        self.last[rows] = np.sign(miss)
        far = below[self.low[below] >= 2.0 * self.mark[below]]
        self.flat[far] = self.low_miss[far] - self.mark_miss[far] <= -FLAT * self.low_miss[far]
        self.mark[far], self.mark_miss[far] = self.low[far], self.low_miss[far]

    def narrow(self, rows: np.ndarray) -> np.ndarray:
        """Whether nothing is left between the ends."""
        high = self.high[rows]
        return np.isfinite(high) & (high - self.low[rows] <= 1e-13 * high)

    def next(self, rows: np.ndarray, way: np.ndarray, miss: np.ndarray) -> np.ndarray:
        """Within the bracket; farther out while it has no upper end."""
        low, high, below, above = self.low[rows], self.high[rows], self.low_miss[rows], self.high_miss[rows]
        with np.errstate(all="ignore"):
            slope = (below - self.before_miss[rows]) / (low - self.before[rows])
            outward = way * np.clip(1.02 * (1.0 - below / (slope * low)), 1.05, 4.0)
            outward = np.where(np.isfinite(outward), outward, 2.0 * way)
            inside = low - below * (high - low) / (above - below)
        return np.where(np.isfinite(high), inside, outward)


COST = {"minimize": "minimize", "least-squares": "gauss-newton"}


def held(problem: Problem, i: int) -> Callable[[np.ndarray, np.ndarray, np.ndarray], Problem]:
    """``(rows, theta, start)`` to these problems with parameter i held at theta."""
    unknown = [k for k, one in enumerate(problem.inputs) if one.level == "unknown"]
    if len(unknown) > 1:  # a curve: each parameter is an input

        def curve(rows: np.ndarray, theta: np.ndarray, start: np.ndarray) -> Problem:
            taken = problem.take(rows)
            return taken.rearranged({unknown[i]: ("problem", theta[:, None])}, x0=start, box=others(taken.box, i))

        return curve
    at, n = unknown[0], problem.n
    fun, before = around(problem.fun, at, i), sum(one.level == "problem" for one in problem.inputs[:at])

    def function(rows: np.ndarray, theta: np.ndarray, start: np.ndarray) -> Problem:
        taken = problem.take(rows)
        inputs = (*taken.inputs[:at], Input("x", (n - 1,)), Input("held", (), "problem"), *taken.inputs[at + 1 :])
        args, box = [*taken.args[:before], theta[:, None], *taken.args[before:]], others(taken.box, i)
        return replace(taken, fun=fun, inputs=inputs, args=args, x0=start, box=box)

    return function


def others(box: Box | None, i: int) -> Box | None:
    """Bounds of all unknowns but one."""
    return None if box is None else (np.delete(box[0], i, axis=1), np.delete(box[1], i, axis=1))


def around(fun: Callable[..., Any], at: int, i: int) -> Callable[..., Any]:
    """The formula whose argument ``at`` is x, with element i of x given apart, behind the others."""

    def held_formula(*arguments):
        x, value = arguments[at : at + 2]
        whole = np.concatenate([x[:i], np.array([value]), x[i:]])
        return fun(*arguments[:at], whole, *arguments[at + 2 :])

    held_formula.__name__ = getattr(fun, "__name__", "formula")
    return held_formula
