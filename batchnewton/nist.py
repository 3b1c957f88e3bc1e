"""The nonlinear regression problems of the NIST Statistical Reference Datasets (StRD), with their certified answers.

They are the accepted test of a fitting program: 27 problems, most of them measured data, each with a far and a near
start and parameters that NIST certifies to 11 digits. The formulas are plain functions, usable with `curve_fit`.

    >>> from batchnewton import nist
    >>> problem = nist.problem("Misra1a")
    >>> float(((problem.formula(problem.x, *problem.certified) - problem.y) ** 2).sum()), problem.rss
    (0.124551388..., 0.12455138894)
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np


def _misra1a(x, b1, b2):
    return b1 * (1 - np.exp(-b2 * x))


def _misra1b(x, b1, b2):
    return b1 * (1 - (1 + b2 * x / 2) ** -2)


def _misra1c(x, b1, b2):
    return b1 * (1 - (1 + 2 * b2 * x) ** -0.5)


def _misra1d(x, b1, b2):
    return b1 * b2 * x / (1 + b2 * x)


def _chwirut(x, b1, b2, b3):
    return np.exp(-b1 * x) / (b2 + b3 * x)


def _lanczos(x, b1, b2, b3, b4, b5, b6):
    return b1 * np.exp(-b2 * x) + b3 * np.exp(-b4 * x) + b5 * np.exp(-b6 * x)


def _gauss(x, b1, b2, b3, b4, b5, b6, b7, b8):
    return b1 * np.exp(-b2 * x) + b3 * np.exp(-((x - b4) ** 2) / b5**2) + b6 * np.exp(-((x - b7) ** 2) / b8**2)


def _danwood(x, b1, b2):
    return b1 * x**b2


def _kirby2(x, b1, b2, b3, b4, b5):
    return (b1 + b2 * x + b3 * x**2) / (1 + b4 * x + b5 * x**2)


def _cubic_ratio(x, b1, b2, b3, b4, b5, b6, b7):
    return (b1 + b2 * x + b3 * x**2 + b4 * x**3) / (1 + b5 * x + b6 * x**2 + b7 * x**3)


def _nelson(x, b1, b2, b3):
    weeks, temperature = x
    return b1 - b2 * weeks * np.exp(-b3 * temperature)


def _mgh09(x, b1, b2, b3, b4):
    return b1 * (x**2 + x * b2) / (x**2 + x * b3 + b4)


def _mgh10(x, b1, b2, b3):
    return b1 * np.exp(b2 / (x + b3))


def _mgh17(x, b1, b2, b3, b4, b5):
    return b1 + b2 * np.exp(-x * b4) + b3 * np.exp(-x * b5)


def _roszman1(x, b1, b2, b3, b4):
    return b1 - b2 * x - np.arctan(b3 / (x - b4)) / np.pi


def _enso(x, b1, b2, b3, b4, b5, b6, b7, b8, b9):
    year, b4_, b7_ = (2 * np.pi * x / period for period in (12, b4, b7))
    return (
        b1
        + b2 * np.cos(year) + b3 * np.sin(year)
        + b5 * np.cos(b4_) + b6 * np.sin(b4_)
        + b8 * np.cos(b7_) + b9 * np.sin(b7_)
    )  # fmt: skip


def _rat42(x, b1, b2, b3):
    return b1 / (1 + np.exp(b2 - b3 * x))


def _rat43(x, b1, b2, b3, b4):
    return b1 / (1 + np.exp(b2 - b3 * x)) ** (1 / b4)


def _eckerle4(x, b1, b2, b3):
    return b1 / b2 * np.exp(-0.5 * ((x - b3) / b2) ** 2)


def _bennett5(x, b1, b2, b3):
    return b1 * (b2 + x) ** (-1 / b3)


# By difficulty, then as NIST lists them. Problems of one formula share one function, and so one compiled kernel.
_FORMULAS: dict[str, Callable] = {
    "Misra1a": _misra1a,
    "Chwirut2": _chwirut,
    "Chwirut1": _chwirut,
    "Lanczos3": _lanczos,
    "Gauss1": _gauss,
    "Gauss2": _gauss,
    "DanWood": _danwood,
    "Misra1b": _misra1b,
    "Kirby2": _kirby2,
    "Hahn1": _cubic_ratio,
    "Nelson": _nelson,
    "MGH17": _mgh17,
    "Lanczos1": _lanczos,
    "Lanczos2": _lanczos,
    "Gauss3": _gauss,
    "Misra1c": _misra1c,
    "Misra1d": _misra1d,
    "Roszman1": _roszman1,
    "ENSO": _enso,
    "MGH09": _mgh09,
    "Thurber": _cubic_ratio,
    "BoxBOD": _misra1a,
    "Rat42": _rat42,
    "MGH10": _mgh10,
    "Eckerle4": _eckerle4,
    "Rat43": _rat43,
    "Bennett5": _bennett5,
}


@dataclass(frozen=True, eq=False)
class NistProblem:
    """One problem: the model, the data, two starts and the certified answer.

    Attributes
    ----------
    formula : callable
        ``formula(x, b1, b2, ...)``; for Nelson x is a pair of predictors.
    x, y : ndarray
        Predictor (m,), for Nelson (2, m), and response (m,), for Nelson the logarithm of what was measured.
    starts : ndarray
        The far and the near start, (2, n).
    certified, deviations : ndarray
        Certified parameters and their standard deviations, (n,).
    rss : float
        Certified residual sum of squares.
    level : str
        Difficulty according to NIST: "lower", "average" or "higher".
    """

    name: str
    formula: Callable
    x: np.ndarray
    y: np.ndarray
    starts: np.ndarray
    certified: np.ndarray
    deviations: np.ndarray
    rss: float
    level: str
    equation: str
    observed: bool

    def digits(self, parameters: np.ndarray) -> np.ndarray:
        """Certified digits reached, the worst over the parameters: ``-log10 |b - certified| / |certified|``, 0 to 11.

        `parameters` is (..., n); what is not finite has no right digit.
        """
        error = np.max(np.abs(np.asarray(parameters, float) - self.certified) / np.abs(self.certified), axis=-1)
        with np.errstate(divide="ignore"):
            return np.clip(np.nan_to_num(-np.log10(error), nan=0.0), 0.0, 11.0)


@cache
def problems() -> tuple[NistProblem, ...]:
    """All 27 problems, from lower to higher difficulty."""
    text = (files("batchnewton") / "data" / "nist.json").read_text()
    rows = {row["name"]: row for row in json.loads(text)}
    return tuple(_problem(rows[name]) for name in _FORMULAS)


def problem(name: str) -> NistProblem:
    """The problem of that name, as NIST spells it."""
    return next(candidate for candidate in problems() if candidate.name == name)


def _problem(row: dict) -> NistProblem:
    y = np.array(row["y"])
    return NistProblem(
        name=row["name"],
        formula=_FORMULAS[row["name"]],
        x=np.array(row["x"]),
        y=np.log(y) if row["log_response"] else y,
        starts=np.array(row["starts"]),
        certified=np.array(row["certified"]),
        deviations=np.array(row["deviations"]),
        rss=row["rss"],
        level=row["level"],
        equation=row["equation"],
        observed=row["observed"],
    )
