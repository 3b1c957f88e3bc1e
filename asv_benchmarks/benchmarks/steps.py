"""The steps of a trip by themselves, in seconds of the processor: derivatives, and the factorisation for each n."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

import numpy as np
import workloads

from .common import DTYPES, WORKLOADS, arrays

EVALUATED = {"W1_5": 20_000, "W1_15": 4_000, "W2": 20_000, "W3": 20_000, "W4": 1_000, "W5": 100_000}


class Evaluate:
    """Value, gradient and Hessian of a batch, through the front door (`value_grad_hess`)."""

    params = (WORKLOADS, DTYPES)
    param_names = ("workload", "dtype")
    timer = staticmethod(time.process_time)

    def setup(self, workload: str, dtype: str) -> None:
        import batchnewton as bn

        data = arrays(workload, dtype, EVALUATED[workload])
        given = {
            "W4": lambda: dict(fun=workloads.logistic_term, data=(data["X"], data["y"])),
            "W5": lambda: dict(fun=workloads.valley, args=(data["a"], data["b"])),
        }.get(workload, lambda: curve_terms(workload, data))()
        self.evaluate = lambda: bn.value_grad_hess(x=data["p0"], dtype=dtype, **given)
        self.evaluate()

    def time_value_grad_hess(self, workload: str, dtype: str) -> None:
        self.evaluate()


def curve_terms(workload: str, data: workloads.Data) -> dict:
    """Half a squared residual of a curve, to be summed over its points."""
    import batchnewton as bn

    formula, n = workloads.FORMULAS[workload], data["p0"].shape[1]
    points = np.ascontiguousarray(data["x"].T)

    def term(p, x, y):
        residual = formula(x, *(p[i] for i in range(n))) - y
        return 0.5 * residual * residual

    return dict(fun=term, data=(bn.shared(points), data["y"]))


class Cholesky:
    """The modified ``L D Lᵀ`` factorisation of 64 matrices side by side, 1,000 times, as the kernels have it."""

    params = ((2, 4, 8, 16, 32), DTYPES)
    param_names = ("n", "dtype")
    timer = staticmethod(time.process_time)

    def setup(self, n: int, dtype: str) -> None:
        self.factor, _ = factorisation(n, dtype)
        self.factor()

    def time_factor(self, n: int, dtype: str) -> None:
        self.factor()


def factorisation(n: int, dtype: str, lanes: int = 64, times: int = 1_000) -> tuple[Callable[[], None], dict]:
    """A call that factorises the matrices ``1 + n I`` of all lanes so many times, and its arrays by their names."""
    from batchnewton.kernels import linalg, machine
    from batchnewton.kernels.sections import SECTION, sectioned
    from batchnewton.kernels.text import LANES, function
    from batchnewton.kernels.unroll import straight_line

    eps = float(np.finfo(dtype).eps)
    text = straight_line(linalg.factor, ("a", "lower", "inverse"), n=n, eps=eps)
    pairs = [(i, j) for i in range(n) for j in range(i + 1)]
    given = [f"a_{i}_{j}" for i, j in pairs]
    results = [f"lower_{i}_{j}" for i, j in pairs if i > j] + [f"inverse_{i}" for i in range(n)]
    slots = {name: at * lanes for at, name in enumerate([*given, *results])}
    lines = [*text.lines, f"a_0_0 = a_0_0 + zero * inverse_{n - 1}"]  # no pass is the one before it
    results += ["a_0_0"]
    if len(lines) > SECTION:
        bodies = sectioned(lines, slots, results, ())
    else:
        bodies = [[*(f"{name} = S[{name}_ + l]" for name in given), *lines]]
        bodies[0] += [f"S[{name}_ + l] = {name}" for name in results]
    parts = [function(f"part{at}(S, l)", body, LANES) for at, body in enumerate(bodies)]
    repeat = ["for k in range(times):", *(f"    part{at}(S)" for at in range(len(bodies)))]
    constants = {"zero": 0.0, "one": 1.0, **text.constants}
    head = [
        "import numpy as np",
        "from batchnewton.kernels.machine import entry, lanes",
        f"T, W = np.{dtype}, {lanes}",
        *(f"{name} = T({value!r})" for name, value in constants.items()),
        *(f"{name}_ = {at}" for name, at in slots.items()),
    ]
    whole = function("factor(S, times)", repeat, 'entry("PI")')
    entries = machine.load(f"factor{n}", "\n\n".join(["\n".join(head), *parts, whole]) + "\n")
    workspace = np.zeros((len(slots), lanes), dtype)
    for place, (i, j) in enumerate(pairs):
        workspace[place] = 1.0 + (n if i == j else 0.0)
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(entries["factor"])
    return lambda: call(workspace.ctypes.data, times), dict(zip(slots, workspace, strict=True))
