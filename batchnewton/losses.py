"""Losses and likelihoods: what one data point adds to the sum that is minimised.

Each is a plain formula, traced like the user's own, so that its exact Hessian is derived with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .arrays import real, shape_error
from .derive import Scored
from .derive.trace import of_a_point
from .options import check_choice
from .special import i0e

Rho = Callable[[Any], Any]
Score = tuple[Any, Any, Any, Any]  # residual, pull, weight, curvature: see `Scored`


def soft_l1(z: Any) -> Any:
    """``2 (sqrt(1 + z) - 1)``, written so that small z keep their digits."""
    return 2.0 * z / (np.sqrt(1.0 + z) + 1.0)


def huber(z: Any) -> Any:
    """``z`` up to 1, ``2 sqrt(z) - 1`` beyond."""
    return np.where(z <= 1.0, z, 2.0 * np.sqrt(np.maximum(z, 1.0)) - 1.0)


def cauchy(z: Any) -> Any:
    """``log(1 + z)``."""
    return np.log1p(z)


def arctan(z: Any) -> Any:
    """``atan(z)``."""
    return np.arctan(z)


LOSSES: dict[str, Rho] = {
    "linear": lambda z: z,
    "soft_l1": soft_l1,
    "huber": huber,
    "cauchy": cauchy,
    "arctan": arctan,
}


def poisson(mu: Any, y: Any) -> Any:
    """Half the deviance of a count, ``mu - y + y log(y / mu)``; of no counts ``mu``, down to a mean of 0.  Else it is
    not finite unless mu > 0 and y > 0.

    As ``mu (1 - u) + y log(u)`` with u = y / mu: its slope in u is zero there, so that the rounding of u does not
    count, and both parts are small near mu = y, where those of the first form are large and nearly cancel.
    """
    u = y * (1.0 / mu)
    half = mu * (1.0 - u) + y * np.log(where_some(y, u, 1.0))
    return np.where(mu >= 0.0, where_some(y, half, mu), np.inf)


def where_some(count: Any, value: Any, none: Any) -> Any:
    """A value that has a limit of its own where there are no counts."""
    return np.where(count == 0.0, none, value)


def binomial(p: Any, y: Any, trials: Any) -> Any:
    """Half the deviance of y successes in so many trials, each of probability p."""
    return poisson(trials * p, y) + poisson(trials * (1.0 - p), trials - y)


def negative_binomial(mu: Any, y: Any, size: Any) -> Any:
    """Half the deviance of a count of mean mu and variance ``mu + mu² / size``."""
    return np.where(mu >= 0.0, poisson(mu, y) - poisson(mu + size, y + size), np.inf)


def rician(nu: Any, y: Any, sigma: Any) -> Any:
    """``-log`` of the density of a magnitude y >= 0 of a signal nu with noise sigma in both channels, but for
    ``log(y / sigma²)``: ``(y - nu)² / 2 sigma² - log(exp(-z) I0(z))`` with ``z = y nu / sigma²`` (Rice 1945)."""
    u = (y - nu) / sigma
    return np.where(y >= 0.0, 0.5 * u * u - np.log(i0e(y * nu / (sigma * sigma))), np.inf)


def scmos(mu: Any, y: Any, sigma: Any) -> Any:
    """Half the deviance of photons with Gaussian read noise sigma (in photons): ``y + sigma²`` taken as a Poisson count
    of mean ``mu + sigma²``, no less than 0 (Huang et al. 2013, Nature Methods 10, 653)."""
    return poisson(mu + sigma * sigma, counted(y, sigma))


def counted(y: Any, sigma: Any) -> Any:
    """What `scmos` takes for a count."""
    return np.maximum(y + sigma * sigma, 0.0)


LIKELIHOODS: dict[str, Callable[..., Any]] = {
    "poisson": poisson,
    "binomial": binomial,
    "negative-binomial": negative_binomial,
    "rician": rician,
    "scmos": scmos,
}


def poisson_score(mu: Any, y: Any) -> Score:
    """Of `poisson`.  No counts pull by ``1 - y / mu`` = 1 and have no curvature, down to a mean of 0."""
    residual, weight = mu - y, 1.0 / mu
    return residual, where_some(y, weight * residual, 1.0), finite(weight), where_some(y, y * weight * weight, 0.0)


def binomial_score(p: Any, y: Any, trials: Any) -> Score:
    """Of `binomial`, whose residual is that of the count."""
    residual, hit, missed = trials * p - y, 1.0 / (trials * p), 1.0 / (trials * (1.0 - p))
    failures = trials - y
    pull = where_some(y, hit * residual, 1.0) + where_some(failures, missed * residual, -1.0)
    curvature = where_some(y, y * hit * hit, 0.0) + where_some(failures, failures * missed * missed, 0.0)
    return residual, pull, finite(hit) + finite(missed), curvature


def negative_binomial_score(mu: Any, y: Any, size: Any) -> Score:
    """Of `negative_binomial`."""
    residual, one, both = mu - y, 1.0 / mu, 1.0 / (mu + size)
    weight = size * one * both
    curvature = where_some(y, y * one * one, 0.0) - (y + size) * both * both
    return residual, where_some(y, weight * residual, size * both), finite(weight), curvature


def finite(weight: Any) -> Any:
    """0 where a variance of 0 makes the information infinite: the slopes are 0 there, or the step goes without it."""
    return np.where(weight < np.inf, weight, 0.0)


def scmos_score(mu: Any, y: Any, sigma: Any) -> Score:
    """Of `scmos`."""
    return poisson_score(mu + sigma * sigma, counted(y, sigma))


SCORES: dict[str, Callable[..., Score]] = {  # the rest of `Scored` of a likelihood whose information is known
    "poisson": poisson_score,
    "binomial": binomial_score,
    "negative-binomial": negative_binomial_score,
    "scmos": scmos_score,
}
VARIANCES: dict[str, Callable[..., Any]] = {"poisson": np.asarray}  # of a new observation, given its mean
NEEDS = {"binomial": "trials", "negative-binomial": "trials", "rician": "sigma", "scmos": "sigma"}


def robust(residual: Callable[..., Any], rho: Any) -> Callable[..., Any]:
    """Cost of residuals r under a loss of scale C, ``sum C² rho((r / C)²) / 2``: a formula of (C, ...).

    NaN stays NaN: a rho of the user's, ``where(z < 9, z, 9)``, would take it for an outlier.
    """
    own = rho not in LOSSES.values()

    def cost(scale, *arguments):
        total = 0.0
        for r in flat(residual(*arguments)):
            share = r / scale
            z = share * share
            total = total + (np.where(z == z, of_a_point(rho(z), rho, z), np.nan) if own else rho(z))
        return (0.5 * scale * scale) * total

    cost.__name__ = getattr(residual, "__name__", "formula")
    return cost


def squares(residual: Callable[..., Any]) -> Callable[..., Any]:
    """Half the sum of squares of residuals, as a formula."""

    def cost(*arguments):
        total = 0.0
        for r in flat(residual(*arguments)):
            total = total + r * r
        return 0.5 * total

    cost.__name__ = getattr(residual, "__name__", "formula")
    return cost


def likelihood(f: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Half the deviance (or ``-log L``) of one point: a formula of (x, y, a number of the likelihood if it takes one,
    parameters...)."""
    term, numbers, expected = LIKELIHOODS[name], int(name in NEEDS), SCORES.get(name)

    def half(x, y, *rest):
        mean, given = of_a_point(f(x, *rest[numbers:]), f, x), rest[:numbers]
        value = term(mean, y, *given)
        return Scored(value, *expected(mean, y, *given)) if expected else value

    half.__name__ = getattr(f, "__name__", "formula")
    return half


def flat(values: Any) -> Iterator[Any]:
    """The numbers in nested lists, tuples and arrays."""
    if isinstance(values, np.ndarray):
        values = values.ravel().tolist()
    if isinstance(values, list | tuple):
        for one in values:
            yield from flat(one)
    else:
        yield values


def check_loss(loss: Any, likelihoods: bool) -> None:
    """A loss that there is, or a function.

    Raises
    ------
    ValueError, TypeError
        For a name that nobody knows, or what is neither a name nor a function.
    """
    if callable(loss) or (isinstance(loss, str) and loss == "linear"):
        return
    if not isinstance(loss, str):
        raise TypeError(f"loss is a {type(loss).__name__}; expected a name or a function rho(z)")
    check_choice("loss", loss, (*LOSSES, *(LIKELIHOODS if likelihoods else ())))


def check_scale(f_scale: Any, size: int) -> np.ndarray:
    """Scale of the residuals: a positive number, or one for each problem."""
    scale = real("f_scale", f_scale)
    if scale.shape not in ((), (size,)):
        raise shape_error("f_scale", scale, f"a number, or ({size},): one for each problem")
    if not (np.isfinite(scale) & (scale > 0.0)).all():
        raise ValueError(f"f_scale={f_scale!r}; expected positive, finite numbers")
    return scale
