"""The text of a trip that is spread over the lanes of a group: what all of them must agree on, they have exchanged."""

import re

import pytest

from batchnewton.kernels.cuda_across import FAMILIES
from batchnewton.kernels.iterations import ITERATIONS
from batchnewton.kernels.spread import CUT, spread

SIZES = [(3, 2), (6, 4), (12, 8), (32, 32)]  # unknowns, lanes


def trip(phase, n, lanes, bounded):
    """Lines of a trip; the constants are any."""
    tolerances = ("eps", "floor", "tight_f", "tight_x", "ahead", "doubt", "slight", "scant")
    known = ITERATIONS[phase].constants(n, bounded=bounded, kinked=False, **dict.fromkeys(tolerances, 1e-9))
    del known["n"]
    return spread(ITERATIONS[phase].trip, lanes, ITERATIONS[phase].arrays, n, **known).lines


def lanes_own(lines, vectors):
    """Names that need not have the same value in all lanes at the end: elements of ``vectors``, and what follows from
    them, until it has been exchanged over every distance."""
    element = re.compile(rf"({'|'.join(vectors)})(_\d+)+")
    own, common, distance = {"own"}, set(), 0
    for line in lines:
        name, _, value = line.partition(" = ")
        words = set(re.findall(r"[A-Za-z_]\w*", value))
        follows = {word for word in words if word in own or (element.fullmatch(word) and word not in common)}
        if line.startswith(CUT):
            done = line.removeprefix(CUT).split()[1:]
            own, common = own - set(done), common | set(done)
        elif name == "far":
            distance = int(value.split(", ")[1])
        elif follows and not ("far" in words and distance == 1):
            own, common = own | {name}, common - {name}
        else:
            own, common = own - {name}, common | {name}
    return own


@pytest.mark.parametrize("n, lanes", SIZES)
@pytest.mark.parametrize("phase", FAMILIES)
def test_lanes_have_the_same_scalars(phase, n, lanes):
    """Above all the exit code: lanes that disagree on it wait for each other forever, or one of them believes in an end
    that another has refused."""
    iteration = ITERATIONS[phase]
    vectors = [*(name for name in iteration.arrays if name not in ("cut", "rho", "share")), "diagonal", "hold"]
    for bounded in {False, "cut" in iteration.arrays}:
        own = lanes_own(trip(phase, n, lanes, bounded), vectors)
        assert not own & set(iteration.scalars)
        assert {name.rpartition("_")[0] for name in own} >= {"x", "c"}  # these are the lanes'


def test_what_is_not_exchanged_is_found():
    given = ["total = x_0 * x_0", "far = swap(total, 2, members)", "total = plus(total, far)"]
    assert lanes_own(given, "x") == {"own", "total"}
    assert lanes_own([*given, "far = swap(total, 1, members)", "total = plus(total, far)"], "x") == {"own"}


def test_what_cannot_be_exchanged_is_refused():
    """Two numbers that go together: the lanes would each keep their own."""

    def largest(v, w, n):
        most = 0.0
        unit = 1.0
        for i in range(n):
            more = v[i] * unit > most * w[i]
            most = v[i] if more else most
            unit = w[i] if more else unit
        return most / unit

    with pytest.raises(NotImplementedError, match="cannot be joined over lanes"):
        spread(largest, 4, ("v", "w"), 8)
