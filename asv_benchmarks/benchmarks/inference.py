"""What leads to a fit and what follows it: guesses, and what is asked of the answers; seconds of the processor."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .common import arrays

SIZE = 10_000
ASKED: dict[str, Callable[[Any], object]] = {
    "nothing": lambda result: result,
    "standard errors": lambda result: result.stderr,
    "profile of T": lambda result: result.profile("T"),
    "sensitivity to ydata": lambda result: result.sensitivity("ydata"),
    "band at 50 points": lambda result: result.band(np.linspace(0.0, 5.0, 50)),
    "bootstrap, 20 copies": lambda result: bootstrap(result, 20),
}


def bootstrap(result: Any, copies: int) -> object:
    import batchnewton as bn

    return bn.bootstrap(result, copies, seed=0)


class Inference:
    """Fits of 10,000 exponential decays (W2) and what is asked of them, one at a time."""

    params = (tuple(ASKED),)
    param_names = ("asked",)
    timer = staticmethod(time.process_time)
    rounds, repeat, warmup_time = 1, (2, 5, 5.0), 0.0

    def setup(self, asked: str) -> None:
        self.data = arrays("W2", "float64", SIZE)
        self.time_fit_and(asked)  # compiles

    def time_fit_and(self, asked: str) -> None:
        import workloads

        import batchnewton as bn

        ASKED[asked](bn.curve_fit(workloads.decay, self.data["x"], self.data["y"], self.data["p0"], threads=1))


class Guess:
    """Starts of 10,000 noisy curves of ready models, and the fit that takes them."""

    params = (("exponential_decay", "gaussian", "logistic_4pl", "damped_sine", "gaussian_2d"),)
    param_names = ("model",)
    timer = staticmethod(time.process_time)
    rounds, repeat, warmup_time = 1, (2, 5, 5.0), 0.0

    def setup(self, model: str) -> None:
        import model_cases

        import batchnewton as bn

        case, rng = model_cases.CASES[model], np.random.default_rng(0)
        self.model, self.x = bn.models.ALL[model], case.x
        truth = rng.uniform(case.low, case.high, (SIZE, len(case.low)))
        clean = self.model(self.x, *truth.T[..., None])
        self.y = clean + rng.normal(0.0, case.noise, clean.shape)
        self.time_guess_and_fit(model)  # compiles

    def time_guess(self, model: str) -> None:
        self.model.guess(self.x, self.y)

    def time_guess_and_fit(self, model: str) -> None:
        import batchnewton as bn

        bn.curve_fit(self.model, self.x, self.y, threads=1)
