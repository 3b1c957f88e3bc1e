"""Lanes that share a problem stay in registers, and exchange what they must."""

import re
from dataclasses import replace

import numpy as np
import ptx
import pytest

from batchnewton import engine
from batchnewton.methods import METHODS, PHASES

if ptx.missing():
    pytest.skip(f"NO CUDA KERNEL IS ASSEMBLED: {ptx.missing()}", allow_module_level=True)


@pytest.mark.parametrize(
    ("problem", "dtype", "n"),
    [(ptx.exponentials, "float64", n) for n in (12, 16, 32)]
    + [(ptx.chain, "float64", n) for n in (24, 32)]
    + [(ptx.exponentials, "float32", n) for n in (24, 32)],
)
def test_a_group_of_lanes_holds_many_unknowns(problem, dtype, n):
    lanes = engine.lanes_of_a_group(n, 40, np.dtype(dtype).itemsize)
    kernel = ptx.assemble(problem(n), dtype, lanes=lanes, grouped=True)
    ptx.check(kernel, dtype)
    assert kernel.shared <= 48 * 1024


@pytest.mark.parametrize(("problem", "n"), [(ptx.chain, 32), (ptx.exponentials, 12)])
def test_a_group_of_lanes_holds_bounds(problem, n):
    bounded = problem(n)
    bounded = replace(bounded, box=(-bounded.x0, bounded.x0))
    lanes = engine.lanes_of_a_group(n, 40, 8)
    ptx.check(ptx.assemble(bounded, "float64", lanes=lanes, grouped=True), "float64")


@pytest.mark.parametrize(
    ("problem", "method", "dtype", "n"),
    [
        (ptx.equations, "newton", "float64", 32),
        (ptx.equations, "newton-pure", "float32", 24),
        (ptx.chain, "newton-pure", "float64", 32),
        (ptx.chain, "bfgs", "float64", 32),
        (ptx.exponentials, "bfgs", "float32", 32),
        (ptx.chain, "lbfgs", "float64", 128),
        (ptx.exponentials, "lbfgs", "float32", 64),
        (ptx.chain, "gradient-descent", "float64", 128),
    ],
)
def test_a_group_of_lanes_holds_every_method(problem, method, dtype, n):
    """To the number of unknowns that the CPU takes."""
    problem = problem(n)
    step = METHODS[problem.kind][method].phases[0].step
    lanes = engine.lanes_of_a_group(n, 40, np.dtype(dtype).itemsize, step=step)
    kernel = ptx.assemble(problem, dtype, lanes=lanes, grouped=True, method=method)
    ptx.check(kernel, dtype)
    assert kernel.shared <= 48 * 1024


def test_a_group_of_lanes_writes_a_history():
    ptx.check(ptx.assemble(ptx.chain(24), "float64", lanes=16, grouped=True, history=True), "float64")


def test_what_lanes_exchange_is_rounded_before_it_is_added():
    """A fused multiplication and addition would leave lanes with different bits, which then go different ways."""
    text = ptx.assemble(ptx.chain(8), "float32", lanes=8, grouped=True, method="lbfgs").ptx
    words = {found[1] for found in re.finditer(r"shfl\.sync\.bfly\.b32\s+(%r\d+)", text)}
    shuffled = {found[1] for found in re.finditer(r"mov\.b32\s+(%f\d+), (%r\d+);", text) if found[2] in words}

    def takes(how):
        lines = re.findall(rf"{how}\.f32\s+[^;]*;", text)
        return sum(bool(shuffled & set(re.findall(r"%f\d+", line))) for line in lines)

    assert takes(r"add\.rn") > 50
    assert takes("add") == takes(r"fma\.rn") == 0


def test_more_unknowns_than_registers_hold_are_shared():
    """What the engine chooses: groups where one thread would spill, and not where a group is not made for it."""
    phase = PHASES["minimize"][0]
    for n, dtype, grouped in (
        (16, "float32", False),
        (17, "float32", True),
        (10, "float64", False),
        (11, "float64", True),
    ):
        way = engine.chosen_way(ptx.chain(n), phase, np.dtype(dtype))
        assert (way.grouped, way.lanes > 1) == (grouped, grouped)
    for n, grouped in ((8, False), (9, True)):
        boxed = replace(ptx.chain(n), box=(np.zeros((4, n)), np.ones((4, n))))
        assert engine.chosen_way(boxed, phase, np.dtype("float64")).grouped == grouped
    for n, method, grouped in ((10, "newton", False), (11, "newton", True), (11, "newton-pure", True)):
        step = METHODS["root"][method].phases[0]
        assert engine.chosen_way(ptx.equations(n), step, np.dtype("float64")).grouped == grouped
    for method, alone in (("newton-pure", 8), ("bfgs", 8), ("lbfgs", 4), ("gradient-descent", 16)):
        step = METHODS["minimize"][method].phases[0]
        for n, grouped in ((alone, False), (alone + 1, True)):
            assert engine.chosen_way(ptx.chain(n), step, np.dtype("float64")).grouped == grouped
    assert not engine.chosen_way(
        ptx.chain(12), METHODS["minimize"]["trust-region"].phases[0], np.dtype("float64")
    ).grouped


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_warp_a_problem(dtype):
    kernel = ptx.assemble(ptx.exponentials(8), dtype, lanes=32)
    ptx.check(kernel, dtype)
    sums, words = 1 + 8 + 36, np.dtype(dtype).itemsize // 4
    assert kernel.ptx.count("shfl.sync.bfly") == 5 * sums * words
