"""Every bad call: an error before anything runs, that names the argument, what came and what is expected."""

import math

import numpy as np
import pytest

import batchnewton as bn

T = np.linspace(0, 1, 4)
Y = np.ones((5, 4))


def line(t, a, b):
    return a * t + b


def fit(f=line, xdata=T, ydata=Y, p0=(1.0, 1.0), **options):
    return bn.curve_fit(f, xdata, ydata, p0, **options)


def square(x):
    return x[0] ** 2


BAD = [
    # shapes and sizes
    ("ydata of 3 axes", lambda: fit(ydata=np.ones((2, 2, 4))), ValueError, ["ydata", "(2, 2, 4)", "(B, m)"]),
    ("xdata too short", lambda: fit(xdata=T[:3]), ValueError, ["xdata", "(3,)", "4 points"]),
    ("xdata of another batch", lambda: fit(xdata=np.ones((3, 1, 4))), ValueError, ["xdata", "(3, 1, 4)", "(5, k, 4)"]),
    ("p0 of another batch", lambda: fit(p0=np.ones((4, 2))), ValueError, ["p0", "(4, 2)", "(5, 2)"]),
    ("p0 of 3 axes", lambda: fit(p0=np.ones((5, 2, 1))), ValueError, ["p0", "(5, 2, 1)"]),
    ("too many parameters", lambda: fit(p0=np.ones(3)), ValueError, ["2 parameters", "a, b", "p0", "(3,)"]),
    ("sigma of another length", lambda: fit(sigma=np.ones(3)), ValueError, ["sigma", "(3,)", "(4,)"]),
    ("empty batch", lambda: fit(ydata=np.ones((0, 4))), ValueError, ["ydata", "(0, 4)", "empty"]),
    ("no points", lambda: fit(xdata=[], ydata=np.ones((5, 0))), ValueError, ["ydata", "empty"]),
    ("empty x0", lambda: bn.minimize(square, np.ones((0, 2))), ValueError, ["x0", "(0, 2)", "empty"]),
    ("n above the limit", lambda: bn.minimize(square, np.ones(33)), ValueError, ["x0", "33", "32"]),
    ("args of another batch", lambda: bn.minimize(square, np.ones((3, 1)), (np.ones(2),)), ValueError,
     ["args[0]", "(2,)", "3", "bn.shared"]),
    ("data of another batch", lambda: bn.minimize(lambda x, t: x[0] * t, np.ones((3, 1)), data=np.ones((2, 7))),
     ValueError, ["data[0]", "(2, 7)", "3"]),
    ("data without rows axis", lambda: bn.minimize(lambda x, t: x[0] * t, np.ones((3, 1)), data=np.ones(3)),
     ValueError, ["data[0]", "(3,)"]),
    ("rows that differ", lambda: bn.minimize(lambda x, t, u: x[0] * t * u, np.ones((3, 1)),
                                             data=(np.ones((3, 7)), np.ones((3, 8)))), ValueError,
     ["data[1]", "(3, 8)", "7 rows"]),
    ("ragged", lambda: bn.minimize(square, [[1.0], [1.0, 2.0]]), ValueError, ["x0"]),
    # kinds of values
    ("strings", lambda: fit(ydata=[["a"] * 4]), TypeError, ["ydata", "real numbers"]),
    ("complex", lambda: fit(ydata=Y * 1j), TypeError, ["ydata", "complex128"]),
    ("objects that are no numbers", lambda: bn.minimize(square, np.array([{}], object)), TypeError, ["x0", "object"]),
    ("objects", lambda: bn.minimize(square, [None]), TypeError, ["x0", "object"]),
    ("no function", lambda: fit(f="line"), TypeError, ["f", "str", "function"]),
    # keywords
    ("unknown keyword", lambda: fit(ftoll=1), TypeError, ["'ftoll'", "'ftol'"]),
    ("unknown method", lambda: fit(method="lmm"), ValueError, ["method", "'lmm'", "'lm'"]),
    ("method of another door", lambda: bn.root(square, [1.0], method="lm"), ValueError, ["method", "'lm'", "'newton'"]),
    ("dtype", lambda: fit(dtype="float16"), ValueError, ["dtype", "float16", "float32"]),
    ("no dtype", lambda: fit(dtype="real"), ValueError, ["dtype", "real", "float32"]),
    ("device", lambda: fit(device="gpu"), ValueError, ["device", "'gpu'", "'cpu'"]),
    ("cuda", lambda: fit(device="cuda:1"), ValueError, ["device", "cuda:1", "device='cpu'"]),
    ("ftol", lambda: fit(ftol=-1.0), ValueError, ["ftol", "-1.0", "not negative"]),
    ("xtol", lambda: fit(xtol="small"), TypeError, ["xtol", "'small'", "number"]),
    ("gtol", lambda: fit(gtol=math.nan), ValueError, ["gtol", "nan"]),
    ("max_iter", lambda: fit(max_iter=0), ValueError, ["max_iter", "0", "at least 1"]),
    ("max_iter a float", lambda: fit(max_iter=2.5), TypeError, ["max_iter", "2.5", "whole"]),
    ("threads", lambda: fit(threads=-1), ValueError, ["threads", "-1"]),
    # losses
    ("unknown loss", lambda: fit(loss="huberr"), ValueError, ["loss", "'huberr'", "'huber'"]),
    ("no loss", lambda: fit(loss=3), TypeError, ["loss", "int", "rho"]),
    ("likelihood of residuals", lambda: bn.least_squares(square, [1.0], loss="poisson"), ValueError,
     ["loss", "'poisson'"]),
    ("f_scale", lambda: fit(loss="huber", f_scale=0.0), ValueError, ["f_scale", "0.0", "positive"]),
    ("f_scale of another batch", lambda: fit(loss="huber", f_scale=np.ones(3)), ValueError,
     ["f_scale", "(3,)", "(5,)"]),
    ("no trials", lambda: fit(loss="binomial"), ValueError, ["trials", "'binomial'"]),
    ("no sigma", lambda: fit(loss="rician"), ValueError, ["sigma", "'rician'"]),
    ("sigma of counts", lambda: fit(loss="poisson", sigma=1.0), ValueError, ["sigma", "'poisson'"]),
    ("trials of residuals", lambda: fit(trials=3), ValueError, ["trials", "'linear'"]),
    # bounds
    ("bounds no pair", lambda: fit(bounds=1.0), TypeError, ["bounds", "1.0", "(lower, upper)"]),
    ("bounds of another size", lambda: fit(bounds=(np.zeros(3), None)), ValueError,
     ["lower", "(3,)", "(2,)", "(5, 2)"]),
    ("lower above upper", lambda: fit(bounds=(0.0, [1.0, -1.0])), ValueError, ["lower 0.0", "upper -1.0", "(0, 1)"]),
    ("bounds with NaN", lambda: fit(bounds=(None, math.nan)), ValueError, ["upper", "NaN"]),
    ("bounds without room", lambda: fit(bounds=(math.inf, math.inf)), ValueError, ["bounds", "inf", "room"]),
    ("fixed of numbers", lambda: fit(fixed=[1, 0]), TypeError, ["fixed", "int", "True"]),
    ("bounds that may be SciPy's pairs", lambda: bn.minimize(square, [1.0, 1.0], bounds=[(0, 1), (0, 2)]), ValueError,
     ["([0, 0], [1, 2])", "([0, 1], [0, 2])"]),
    ("bounds by pairs", lambda: bn.minimize(square, [1.0], bounds=[(0, 1)]), TypeError, ["(lower, upper)", "(1,)"]),
    ("bounds of an unknown name", lambda: fit(bounds={"aa": (0, 1)}), ValueError, ["bounds", "'aa'", "'a'"]),
    ("bounds by name no pair", lambda: fit(bounds={"a": 1.0}), TypeError, ["bounds['a']", "1.0", "(lower, upper)"]),
    ("bounds by name of another size", lambda: fit(bounds={"a": (np.zeros(3), 1)}), ValueError,
     ["bounds['a']", "(3,)", "(5,)"]),
    ("fixed of an unknown name", lambda: fit(fixed=["c"]), ValueError, ["fixed", "'c'", "'a', 'b'"]),
    ("fixed by name of numbers", lambda: fit(fixed={"a": 1}), TypeError, ["fixed['a']", "int", "True"]),
    ("number of starts without bounds", lambda: fit(starts=3), ValueError, ["starts=3", "bounds"]),
    ("starts of another size", lambda: fit(starts=np.ones((4, 3))), ValueError, ["starts", "(4, 3)", "(k, 2)"]),
    ("fixed of another size", lambda: fit(fixed=[True]), ValueError, ["fixed", "(1,)", "(2,)"]),
    # the formula
    ("unsupported operation", lambda: fit(f=lambda t, a, b: np.linalg.inv(np.array([[a, b], [b, t]]))[0, 0]), TypeError,
     ["inv", "test_bad_calls.py"]),
    ("float()", lambda: fit(f=lambda t, a, b: float(a) * t + b), TypeError, ["float", "test_bad_calls.py"]),
    ("returns None", lambda: bn.minimize(lambda x: None, [1.0]), TypeError, ["None"]),
    ("returns two numbers", lambda: bn.minimize(lambda x: (x[0], x[0]), [1.0]), TypeError, ["2", "one"]),
    ("wrong number of residuals", lambda: bn.root(lambda x: [x[0]], [1.0, 2.0]), (TypeError, ValueError), ["1", "2"]),
    ("too few arguments", lambda: bn.minimize(square, [1.0], (2.0,)), TypeError, ["argument"]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_call_says_what_is_wrong(call, kind, words, monkeypatch):
    def never(*_):
        raise AssertionError("something ran")

    monkeypatch.setattr("batchnewton.schedule.for_each", never)
    with pytest.raises(kind) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
