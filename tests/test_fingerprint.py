"""Which formulas are the same: a kernel is found again, and never for a formula that has changed."""

import abc
import collections
import dataclasses
import enum
import functools
import math
import sys
import types
from math import exp

import numpy as np
import pytest
import scipy.special
from numpy import where
from numpy.linalg import norm

import batchnewton as bn
from batchnewton import special
from batchnewton.fingerprint import fingerprint

Pair = collections.namedtuple("Pair", "a b")


class Kind(enum.Enum):
    FAST = 2.0


class Settings:
    time = 1.0


@dataclasses.dataclass(slots=True)
class Slots:
    time: float = 1.0


@dataclasses.dataclass(frozen=True)
class Frozen:
    time: float = 1.0


class Base(abc.ABC):
    power = 1.0

    @abc.abstractmethod
    def __call__(self, t, a): ...


class Decay(Base):
    def __init__(self, time):
        self.time = time

    def __call__(self, t, a):
        return a * np.exp(-((t / self.time) ** self.power))

    @property
    def rate(self):
        return 1 / self.time

    def by_rate(self, t, a):
        return a * np.exp(-t * self.rate)


def read(settings, t):
    return t * settings.time


slots, frozen, pair, table, space = Slots(), Frozen(), Pair(1.0, 2.0), {"a": [1.0]}, types.SimpleNamespace(time=1.0)
elementwise = np.vectorize(lambda t: t if t > 0 else 0.0)
remembered = functools.lru_cache(lambda t: 2 * t)

FORMULAS = {
    "built in": lambda t, a: a * exp(t) + math.sin(t),
    "numpy": lambda t, a: where(a > t, a, norm(np.array([a, t]))),
    "scipy": lambda t, a: scipy.special.logsumexp(np.array([a, t])) + scipy.special.expit(a),
    "special": lambda t, a: special.erfcx(a * t) + bn.special.i0(a),
    "model": lambda t, a: bn.models.voigt(t, a, 0.0, 1.0, 1.0, 0.0),
    "models": bn.models.voigt,
    "sum of models": bn.models.gaussian + bn.models.lorentzian,
    "enumeration": lambda t, a: a * t * Kind.FAST.value,
    "class": lambda t, a: a * t * Settings.time,
    "slots": lambda t, a: a * t * slots.time,
    "frozen": lambda t, a: a * t * frozen.time,
    "named tuple": lambda t, a: a * t * pair.a,
    "dictionary": lambda t, a: a * t * table["a"][0],
    "namespace": lambda t, a: a * t * space.time,
    "through a helper": lambda t, a: a * read(space, t),
    "vectorize": lambda t, a: elementwise(a * t),
    "lru_cache": lambda t, a: remembered(a * t),
    "callable": Decay(2.0),
    "method": Decay(2.0).by_rate,
    "partial": functools.partial(lambda t, a, w: a * t * w[0], w=np.ones(3)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula_is_recognised(name):
    assert fingerprint(FORMULAS[name]) == fingerprint(FORMULAS[name])


def by_module(monkeypatch):
    settings = types.ModuleType("settings_of_this_test")
    settings.time = 1.0
    monkeypatch.setitem(sys.modules, settings.__name__, settings)
    return settings


def test_formula_that_has_changed_is_another(monkeypatch):
    settings = by_module(monkeypatch)
    package = types.ModuleType("package_of_this_test")
    package.settings = settings
    decay, made = Decay(2.0), types.SimpleNamespace(time=1.0)
    monkeypatch.setitem(sys.modules, "package_of_this_test", package)
    slotted = Slots()

    def scaled(t, a):
        return a * t * scaled.time

    def imports(t, a):
        import settings_of_this_test

        return a * t * settings_of_this_test.time

    def imports_from(t, a):
        from package_of_this_test import settings as own

        return a * t * own.time

    scaled.time = 1.0
    objects = np.array([1.0, 2.0], dtype=object)
    holder: list = [1.0]
    formulas = [
        (lambda t, a: a * t * settings.time, lambda: setattr(settings, "time", 2.0)),
        (lambda t, a: a * t * package.settings.time, lambda: setattr(settings, "time", 3.0)),
        (lambda t, a: a * t * getattr(settings, "time"), lambda: setattr(settings, "time", 4.0)),  # noqa: B009
        (imports, lambda: setattr(settings, "time", 5.0)),
        (imports_from, lambda: setattr(settings, "time", 6.0)),
        (scaled, lambda: setattr(scaled, "time", 2.0)),
        (lambda t, a: a * t * slotted.time, lambda: setattr(slotted, "time", 2.0)),
        (lambda t, a: a * t * Settings.time, lambda: monkeypatch.setattr(Settings, "time", 2.0)),
        (lambda t, a: a * read(Settings, t), lambda: monkeypatch.setattr(Settings, "time", 3.0)),
        (lambda t, a: a * t * made.time, lambda: setattr(made, "time", 2.0)),
        (lambda t, a: a * read(made, t), lambda: setattr(made, "time", 3.0)),
        (decay, lambda: setattr(decay, "time", 3.0)),
        (decay, lambda: monkeypatch.setattr(Base, "power", 2.0)),
        (decay, lambda: monkeypatch.setattr(Decay, "__call__", lambda self, t, a: a * t)),
        (decay.by_rate, lambda: setattr(decay, "time", 4.0)),
        (decay.by_rate, lambda: monkeypatch.setattr(Decay, "rate", property(lambda self: 1.0))),
        (lambda t, a: a * t * objects[0], lambda: objects.__setitem__(0, 2.0)),
        (lambda t, a: a * t * holder[0], lambda: holder.__setitem__(0, 2.0)),
        (lambda t, a: a * read(settings, t), lambda: monkeypatch.setitem(globals(), "read", lambda s, t: t)),
    ]
    for at, (formula, change) in enumerate(formulas):
        before = fingerprint(formula)
        assert before == fingerprint(formula), at
        change()
        assert before != fingerprint(formula), at


def test_what_cannot_be_compared_is_always_new():
    unknown, masked = {1.0}, np.ma.masked_array([1.0], [False])
    for formula in (lambda t, a: a * t * sum(unknown), lambda t, a: a * t * masked[0]):
        assert fingerprint(formula) != fingerprint(formula)


def test_objects_that_hold_each_other():
    one, other = types.SimpleNamespace(time=1.0), types.SimpleNamespace()
    one.other, other.other = other, one

    def formula(t, a):
        return a * t * one.other.other.time

    before = fingerprint(formula)
    assert before == fingerprint(formula)
    one.time = 2.0
    assert before != fingerprint(formula)


def test_fit_follows_what_a_formula_reads(monkeypatch):
    """A kernel compiled for the old value fitted the old formula."""
    settings, x = by_module(monkeypatch), np.linspace(0, 1, 20)
    formulas = (lambda t, a: a * np.exp(-t * settings.time), lambda t, a: a * np.exp(-t * Settings.time))
    for time in (1.0, 2.0):
        settings.time = time
        monkeypatch.setattr(Settings, "time", time)
        for formula in formulas:
            assert bn.curve_fit(formula, x, 3 * np.exp(-x * time), p0=[1.0]).x == pytest.approx([3.0])
