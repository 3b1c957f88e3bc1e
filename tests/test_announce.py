"""What compiles for more than a moment says so, where somebody looks, and nowhere else."""

import time

import numpy as np
from numba import njit

import batchnewton as bn
from batchnewton import announce


def slow(monkeypatch, watched):
    monkeypatch.setattr(announce, "AFTER", 0.0)
    monkeypatch.setattr(announce, "somebody_looks", lambda: watched)


def test_a_formula_that_is_compiled(monkeypatch, capsys, tmp_path):
    slow(monkeypatch, True)
    bn.minimize(lambda x: np.sum((x - 3.25) ** 2 + np.cosh(0.123 * x)), np.ones(7))
    assert "batchnewton: compiling <lambda> (" in capsys.readouterr().err


def test_nobody_looks(monkeypatch, capsys):
    slow(monkeypatch, False)
    bn.minimize(lambda x: np.sum((x - 3.5) ** 2 + np.cosh(0.125 * x)), np.ones(7))
    assert capsys.readouterr().err == ""


def test_short_work_says_nothing(monkeypatch, capsys):
    monkeypatch.setattr(announce, "somebody_looks", lambda: True)
    with announce.announced("nothing much"):
        pass
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_the_loops_that_all_formulas_share(monkeypatch, capsys):
    slow(monkeypatch, True)

    def outside(x):
        return x + 1

    def ours(x):
        return x + 2

    ours.__module__ = "batchnewton.kernels.patient"
    assert njit(outside)(1) == 2
    assert capsys.readouterr().err == ""
    assert njit(ours)(1) == 3
    assert announce.Loops.TEXT in capsys.readouterr().err
