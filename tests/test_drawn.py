"""A few formulas drawn at random, one of each family: no success may be false (`python -m tests.robustness random`)."""

import pytest
from sets import drawn, drawn_judge

DRAWN = drawn.draw(9, 6)[:8]


@pytest.mark.parametrize("dtype", drawn_judge.TOLERANCE)
@pytest.mark.parametrize("problem", DRAWN, ids=lambda one: one.family)
def test_no_success_of_what_is_drawn_is_false(problem, dtype):
    assert not drawn_judge.judged(problem, dtype).false
