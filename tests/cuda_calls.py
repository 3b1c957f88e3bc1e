"""Small batches, a call for every kind of kernel: what `cuda_cases` and its neighbours ask of the CPU and of CUDA."""

import types
from collections.abc import Callable
from functools import partial
from typing import Any

import doors
import numpy as np
import workloads
from both_devices import FIELDS
from decays import decay, decays
from problems import PROBLEMS, broyden

import batchnewton as bn
import batchnewton.special as special
from batchnewton import gpus

T = np.linspace(0, 5, 9)


def fits(size: int = 6, seed: int = 1) -> dict[str, np.ndarray]:
    y, p0 = decays(size, seed, t=T)
    return dict(y=y, p0=p0)


def curves(**options: Any) -> bn.Result:
    """Gauss-Newton, then the exact Hessian."""
    data = fits()
    return bn.curve_fit(decay, T, data["y"], data["p0"], **options)


def flawed(**options: Any) -> bn.Result:
    """NaN in one curve's data, a start where the formula is infinite, a start that cannot be left: among good ones."""
    data = fits()
    data["y"][1, 3] = np.nan
    data["p0"][2, 1] = 0.0
    data["p0"][4] = [0.0, 1e-3, 0.0]
    return bn.curve_fit(decay, T, data["y"], data["p0"], **options)


def two(**options: Any) -> bn.Result:
    """Two curves: every lane takes its time in the simulator."""
    data = fits(2)
    return bn.curve_fit(decay, T, data["y"], data["p0"], **options)


def two_lengths(**options: Any) -> bn.Result:
    """Curves of their own lengths."""
    data = fits(2)
    return bn.curve_fit(decay, T, data["y"], data["p0"], counts=[9, 6], **options)


def two_flawed(**options: Any) -> bn.Result:
    """NaN left out in one, nothing to be evaluated at the start of the other."""
    data = fits(2)
    data["y"][0, 3], data["p0"][1, 1] = np.nan, 0.0
    return bn.curve_fit(decay, T, data["y"], data["p0"], **options)


def weighted(**options: Any) -> bn.Result:
    """Columns of a problem's own; worked-out columns (log t); a value of the call."""

    def power(t, a, b, c):
        return a * (1 + t) ** b + c * np.log(2 + t)

    rng = np.random.default_rng(4)
    y = power(T, *np.array([[2.0], [-0.7], [0.3]])) + rng.normal(0, 0.01, (3, len(T)))
    return bn.curve_fit(power, T, y, [1.0, -0.5, 0.1], rng.uniform(0.01, 0.02, y.shape), **options)


def arguments(**options: Any) -> bn.Result:
    """Arrays of each problem, a number of the call, rows of several values."""
    rng = np.random.default_rng(5)
    rows, w = rng.normal(size=(4, 7, 2)), rng.normal(size=(4, 2))

    def residual(x, ridge, shift, row, y):
        return [row @ x + shift[0] * shift[1] - y, np.exp(ridge) * x[0]]

    y = np.einsum("bmk,bk->bm", rows, w)
    shift = rng.normal(size=(4, 2))
    return bn.least_squares(residual, np.zeros((4, 2)), (-2.0, shift), data=(rows, y), **options)


def missing(**options: Any) -> bn.Result:
    """NaN left out (a mask, in a second round), one curve with too few points."""
    data = fits()
    data["y"][1, 3] = data["y"][3, 5:] = np.nan
    data["y"][4, 2:] = np.nan
    return bn.curve_fit(decay, T, data["y"], data["p0"], **options)


def counted(**options: Any) -> bn.Result:
    """Curves of their own lengths."""
    data = fits()
    return bn.curve_fit(decay, T, data["y"], data["p0"], counts=[9, 7, 2, 8, 5, 9], **options)


def penalised(**options: Any) -> bn.Result:
    """A share of each row that does not change with the row."""
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(3, 9))
    return bn.minimize(lambda x, t: (x[0] - t) ** 4 + x[0] ** 2 + x[1] ** 2 * x[0] ** 2 + (x[1] - 1) ** 2,
                       np.ones((3, 2)), data=(rows,), **options)  # fmt: skip


def bounded(**options: Any) -> bn.Result:
    """Bounds that hold some unknowns, one fixed, a box per problem, some of them of no width."""
    data = fits()
    lower, upper = np.full((6, 3), -np.inf), np.full((6, 3), np.inf)
    lower[:, 1], upper[:, 1] = 0.9, 1.1
    upper[2, 0] = lower[2, 0] = 0.7
    lower[4, 2] = 0.45
    fixed = np.zeros((6, 3), bool)
    fixed[5, 2] = True
    return bn.curve_fit(decay, T, data["y"], data["p0"], bounds=(lower, upper), fixed=fixed, **options)


def boxed_valleys(**options: Any) -> bn.Result:
    """A minimum within, at a bound, in a corner."""
    a, b = np.linspace(0.5, 2, 5), np.geomspace(10, 200, 5)
    return bn.minimize(workloads.valley, [[-1.2, 1.0]] * 5, (a, b), bounds=([-2, -1], [1.1, 0.9]), **options)


def robust(**options: Any) -> bn.Result:
    """A loss, an outlier in each curve."""
    data = fits()
    data["y"][:, 4] += 1.0
    return bn.curve_fit(decay, T, data["y"], data["p0"], loss="soft_l1", f_scale=0.1, **options)


def photons(**options: Any) -> bn.Result:
    """Counts of photons: Fisher scoring settles the first; what it leaves of the second begins anew."""
    y = [[29, 16, 11, 6, 5, 3, 3, 1, 4], [60, 36, 29, 21, 20, 12, 8, 4, 12]]
    return bn.curve_fit(decay, T, np.array(y, float), [[30.0, 1, 2], [89.0, 6.4, 3.5]], loss="poisson", **options)


def masked(**options: Any) -> bn.Result:
    """A mask, several starts."""
    data = fits(4)
    mask = np.ones(data["y"].shape, bool)
    mask[0, 2] = mask[2, 5:] = False
    return bn.curve_fit(decay, T, data["y"], data["p0"], mask=mask, starts=data["p0"][:2] * 1.3, **options)


def valleys(**options: Any) -> bn.Result:
    """The exact Hessian, no data."""
    a, b = np.linspace(0.5, 2, 5), np.geomspace(10, 200, 5)
    return bn.minimize(workloads.valley, [[-1.2, 1.0]] * 5, (a, b), **options)


def kepler(**options: Any) -> bn.Result:
    """Roots."""
    return bn.root(lambda x, e: x[0] - e * np.sin(x[0]) - 1.0, [[1.0]] * 4, ([0.0, 0.5, 0.9, 0.99],), **options)


def tridiagonal(**options: Any) -> bn.Result:
    """Broyden's equations; one start is not finite."""
    x0 = -np.ones((3, 5))
    x0[1], x0[2, 1] = -0.6, np.nan
    return bn.root(broyden(5), x0, **options)


def summed_roots(**options: Any) -> bn.Result:
    """Residuals that are sums over data: slopes and offsets of weighted lines."""
    w, y = np.random.default_rng(9).uniform(0.5, 1, (2, 2, 7))
    return bn.root(lambda x, t, w, y: [w * (x[0] + x[1] * t - y), w * t * (x[0] + x[1] * t - y)], [[0.0, 0.0]] * 2,
                   data=(bn.shared(T[:7]), w, y), **options)  # fmt: skip


def functions(**options: Any) -> bn.Result:
    """Special functions, of libdevice and of the package's own (derivatives of lgamma: digamma and trigamma)."""

    def term(x, t, y):
        bessel = np.log(special.i0e(x[0] * t)) + special.i1e(x[1])
        return (special.lgamma(x[0]) + bessel + np.tanh(x[1]) + special.erf(x[1] * t) - y) ** 2

    rng = np.random.default_rng(6)
    y = 0.4 + 0.1 * rng.normal(size=(3, 5))
    return bn.minimize(term, [[2.0, 0.5]] * 3, data=(bn.shared(T[:5]), y), **options)


def twelve(**options: Any) -> bn.Result:
    """More unknowns than a thread's registers hold: a polynomial in its values, and one that is not linear."""
    rng = np.random.default_rng(8)
    rows, x = rng.normal(size=(1, 14, 12)), rng.normal(size=(1, 12))
    y = np.einsum("bmk,bk->bm", rows, x) + 0.01 * rng.normal(size=(1, 14))
    return bn.least_squares(lambda x, row, y: row @ x - y, x + 0.1, data=(rows, y), **options)


def two_bounded(**options: Any) -> bn.Result:
    """One unknown at a bound, another fixed."""
    data = fits(2)
    fixed = [[False, False, False], [False, False, True]]
    bounds = ([-np.inf, 0.9, -np.inf], [np.inf, 1.1, np.inf])
    return bn.curve_fit(decay, T, data["y"], data["p0"], bounds=bounds, fixed=fixed, **options)


def boxed_valley(**options: Any) -> bn.Result:
    """A minimum at a bound, steps that are cut on the way."""
    return bn.minimize(workloads.valley, [[-1.2, 1.0]], ([1.6], [20.0]), bounds=([-2, -1], [1.1, 0.9]), **options)


def unseen(**options: Any) -> bn.Result:
    """An unknown that counts for nothing beside another in the second problem: no strict minimum."""
    bowl = lambda x, w: (x[0] - 1) ** 2 * (1 + x[0] ** 2) + w * ((x[1] - 1) ** 2 * (1 + x[1] ** 2))  # noqa: E731
    return bn.minimize(bowl, [[1.3, 1.3]] * 2, ([1.0, 1e-31],), **options)


def twelve_boxed(**options: Any) -> bn.Result:
    """The same with bounds that hold every third unknown, and one that is fixed."""
    rng = np.random.default_rng(8)
    rows, x = rng.normal(size=(1, 14, 12)), rng.normal(size=(1, 12))
    y = np.einsum("bmk,bk->bm", rows, x) + 0.01 * rng.normal(size=(1, 14))
    upper = np.where(np.arange(12) % 3, x + 1.0, x - 0.05)
    fixed = np.arange(12) == 7
    return bn.least_squares(lambda x, row, y: np.sinh(0.3 * (row @ x - y)), x + 0.1, data=(rows, y),
                            bounds=(-np.inf, upper), fixed=fixed, **options)  # fmt: skip


def resident(far: Any = 1.0, **more: Any) -> Callable[..., bn.Result]:
    """Curves that lie on the GPU where the GPU is asked for, with starts that are off by a factor; the answers come
    back as they are (`gpu_check` has the same with the libraries themselves, here a stand-in takes part)."""

    def solve(device: str, **options: Any) -> bn.Result:
        data = fits()
        data["y"][1, 3], data["p0"][2, 1] = np.nan, 0.0
        data["p0"] *= far
        if device == "cpu" or not gpus.simulated():
            return bn.curve_fit(decay, T, data["y"], data["p0"], device=device, **more, **options)
        import cupy_stub

        cupy = cupy_stub.install()
        result = bn.curve_fit(decay, T, cupy.asarray(data["y"]), cupy.asarray(data["p0"]), **more, **options)
        assert isinstance(result.x, cupy.ndarray) and isinstance(result.status, cupy.ndarray)
        stays = not {"bounds", "history", "method"} & {*more}
        assert stays == ("x" not in vars(result._solution))  # no copy of it on the host
        here = types.SimpleNamespace(**{name: getattr(result, name).get() for name in FIELDS})
        here.history = result.history and [one.get() for one in result.history]
        return here

    return solve


def from_table(name: str) -> Callable[..., bn.Result]:
    """A problem of the table through its front door."""
    return partial(doors.solve, next(one for one in PROBLEMS if one.name == name))
