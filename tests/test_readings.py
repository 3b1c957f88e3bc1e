"""Formulas of the tests' tables are compared with NumPy's values; which are not, and why not, is listed here."""

import numpy as np
import workloads
from problems import PROBLEMS
from sets import mgh, roots, traps

import batchnewton as bn
from batchnewton import reading
from batchnewton.curve import from_curve
from batchnewton.function import from_function


def read_tables():
    """Makes the problems of all tables: each reads its formula."""
    for one in PROBLEMS:
        if one.kind == "curve_fit":
            from_curve(one.fun, *one.data, one.x0, None)
        else:
            from_function(one.kind.replace("_", "-"), one.fun, one.x0, one.args, one.data)
    for one in mgh.MGH:
        from_function("least-squares", one.fun, one.starts, (), tuple(map(bn.shared, one.data)))
    for one in roots.ROOTS:
        from_function("root", one.fun, np.array(one.starts, float), one.args, ())
    for one in traps.TRAPS:
        from_function("minimize", one.fun, np.array(one.starts, float), one.args, ())
    for name, fun in workloads.FORMULAS.items():
        data = workloads.make(name, 3)
        from_curve(fun, data["x"], data["y"], data["p0"], None)
    for name in bn.models.ALL:
        model = getattr(bn.models, name)
        x = np.linspace(0.5, 2, 12 * model.coordinates).reshape((-1, 12) if model.coordinates > 1 else 12)
        from_curve(model, x, np.ones((1, 12)), np.full(len(model.names), 1.1), None)


def test_every_formula_of_the_tables_is_compared_with_numpy(monkeypatch):
    monkeypatch.setattr(reading, "_READINGS", {})
    monkeypatch.setattr(reading, "KEPT", 10_000)
    read_tables()
    found = [one.compared for kept in reading._READINGS.values() for one in kept]
    assert len(found) > 200
    assert [one for one in found if one.startswith("not")] == []
