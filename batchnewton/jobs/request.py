"""What the user of a job asks for: texts of the command line or of ``job.toml``, and what they mean to `curve_fit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import is_number, numbers
from .errors import JobError


@dataclass(frozen=True)
class Request:
    """A job, as it is asked for; `batchnewton fit --help` explains the names."""

    model: str
    input: str
    output: Path
    p0: str | None = None
    guess: str | None = None
    bounds: str | None = None
    fixed: str | None = None
    loss: str | None = None
    f_scale: float | None = None
    sigma: str | None = None
    trials: str | None = None
    absolute_sigma: bool = False
    mask: str | None = None
    x: str | None = None
    y: str | None = None
    by: str | None = None
    axis: str | None = None
    device: str = "auto"
    dtype: str = "float64"
    method: str | None = None
    max_iter: int | None = None
    stderr: bool = True
    chunk: int | None = None
    resume: bool = False
    overwrite: bool = False
    dask: str | None = None
    workers: int | None = None
    quiet: bool = False

    @property
    def beside(self) -> dict[str, str]:
        """What was given beside the data, point by point."""
        given = {"sigma": self.sigma, "trials": self.trials, "mask": self.mask}
        return {name: text for name, text in given.items() if text is not None}

    def start(self, names: tuple[str, ...] | None) -> np.ndarray | str | None:
        """``--p0``: numbers in order, ``name=number`` for each, or the name of a file or array."""
        if self.p0 is None:
            return None
        if "=" not in self.p0:
            return numbers(self.p0, "--p0") if is_number(self.p0) else self.p0
        given = by_name("--p0", self.p0, names)
        missing = [name for name in names or () if name not in given]
        if missing:
            raise JobError(f"--p0 {self.p0!r} has no start for {', '.join(missing)}")
        return np.array([number("--p0", given[name]) for name in names or ()])

    def fit_options(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Keywords of `curve_fit`: what was asked for; the rest is as its own defaults are."""
        if self.f_scale is not None and self.loss in (None, "linear"):
            raise JobError(f"--f-scale {self.f_scale:g} is the scale of a robust loss; --loss is needed")
        given = {
            "absolute_sigma": self.absolute_sigma or None,
            "bounds": limits(self.bounds, names) if self.bounds else None,
            "fixed": held(self.fixed, names) if self.fixed else None,
            "loss": self.loss,
            "f_scale": self.f_scale,
            "method": self.method,
            "max_iter": self.max_iter,
        }
        asked = {name: value for name, value in given.items() if value is not None}
        return {"dtype": self.dtype, "device": self.device, **asked}


def by_name(option: str, text: str, names: tuple[str, ...] | None) -> dict[str, str]:
    """``a=1,tau=2`` as a dictionary."""
    if names is None:
        raise JobError(f"{option} {text!r}: the formula's parameters have no names; give numbers in order")
    given = {}
    for word in text.split(","):
        name, equals, value = word.partition("=")
        if not equals or name.strip() not in names:
            raise JobError(f"{option} {word!r}: expected NAME=VALUE, with NAME one of {', '.join(names)}")
        given[name.strip()] = value.strip()
    return given


def number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise JobError(f"{option} {text!r} is not a number") from error


def limits(text: str, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """``a=0:10,tau=0:`` as (lower, upper)."""
    lower, upper = np.full(len(names), -np.inf), np.full(len(names), np.inf)
    for name, value in by_name("--bounds", text, names).items():
        low, colon, high = value.partition(":")
        if not colon:
            raise JobError(f"--bounds {name}={value}: expected LOWER:UPPER, either may be left out")
        i = names.index(name)
        lower[i] = number("--bounds", low) if low else -np.inf
        upper[i] = number("--bounds", high) if high else np.inf
    return lower, upper


def held(text: str, names: tuple[str, ...]) -> np.ndarray:
    """``a,tau`` as truth values: these stay at their starts."""
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in names:
            raise JobError(f"--fixed {word!r}: expected names of {', '.join(names)}")
    return np.array([name in words for name in names])
