"""The benchmark workloads W1-W5 of any size, their formulas, and the accuracy test that a timing must pass.

Data are float32; float64 runs cast them up, so both precisions solve the same problems. At their full size the
recipes are byte for byte those of the published peer figures.

W1_5, W1_15  2-D Gaussian of 5x5 or 15x15 pixels, n = 5, B = 100k; x (2, m). Gpufit's performance comparison:
             truth = (500, centre, centre, width, 10) x U(0.9, 1.1), p0 = truth x U(0.9, 1.1), noise sd 17.05
W2           exponential decay a exp(-t/T) + c, n = 3, m = 16, B = 200k, noise a/30
W3           four-parameter logistic d + (a - d)/(1 + (x/c)^b), n = 4, m = 12, B = 100k, noise 0.03
W4           logistic regression, n = 8, m = 200 rows, B = 5k: sum log(1 + exp(z)) - y z + 0.005 |w|^2, start 0
W5           (a - x)^2 + b (y - x^2)^2, a ~ U(0.5, 2), b ~ U(10, 200), B = 1M, start (-1.2, 1) + noise
"""

from collections.abc import Callable

import numpy as np

f4 = np.float32
Data = dict[str, np.ndarray]


# ---- the formulas, as a user writes them


def gauss2d(x, amplitude, x0, y0, width, background):
    xx, yy = x
    return amplitude * np.exp(-((xx - x0) ** 2 + (yy - y0) ** 2) / (2 * width**2)) + background


def decay(t, a, T, c):
    return a * np.exp(-t / T) + c


def logistic4(x, a, b, c, d):
    return d + (a - d) / (1 + (x / c) ** b)


def logistic_term(w, row, y):
    """One row's share of -log likelihood, with its share of the ridge 0.005 |w|^2 (200 rows)."""
    z = sum(w[i] * row[i] for i in range(8))
    return np.log(1 + np.exp(z)) - y * z + (0.005 / 200) * sum(w[i] * w[i] for i in range(8))


def valley(p, a, b):
    return (a - p[0]) ** 2 + b * (p[1] - p[0] ** 2) ** 2


FORMULAS: dict[str, Callable] = {"W1_5": gauss2d, "W1_15": gauss2d, "W2": decay, "W3": logistic4}


# ---- the data


def gaussians(B: int, size: int, width: float, seed: int) -> Data:
    rng = np.random.default_rng(seed)
    truth = np.array([500.0, size / 2 - 0.5, size / 2 - 0.5, width, 10.0]) * (0.9 + 0.2 * rng.random((B, 5)))
    start = truth * (0.9 + 0.2 * rng.random((B, 5)))
    yy, xx = np.divmod(np.arange(size * size), size)
    x = np.stack([xx, yy]).astype(f4)
    noise = 2 * np.pi * 500 * width**2 / (4.292 * width) ** 2 / 10
    y = np.empty((B, size * size), f4)
    for first in range(0, B, 10_000):
        block = truth[first : first + 10_000]
        y[first : first + 10_000] = gauss2d(x.astype(float), *columns(block)) + rng.normal(
            0, noise, (len(block), size * size)
        )
    return dict(x=x, y=y, p0=start.astype(f4), truth=truth.astype(f4))


def decays(B: int) -> Data:
    rng = np.random.default_rng(201)
    t = np.linspace(0, 5, 16).astype(f4)
    truth = np.stack([rng.uniform(0.5, 2, B), rng.uniform(0.5, 2, B), rng.uniform(0, 0.5, B)], 1)
    y = (decay(t.astype(float), *columns(truth)) + rng.normal(0, 1, (B, 16)) * truth[:, :1] / 30).astype(f4)
    start = np.stack([y[:, 0] - y[:, -1], np.ones(B, f4), y[:, -1]], 1)
    return dict(x=t, y=y, p0=start.astype(f4), truth=truth.astype(f4))


def logistics(B: int) -> Data:
    rng = np.random.default_rng(301)
    x = np.logspace(-2, 2, 12).astype(f4)
    bottom, slope = rng.uniform(0, 0.2, B), rng.uniform(0.7, 2.5, B)
    truth = np.stack([bottom, slope, 10 ** rng.uniform(-0.7, 0.7, B), rng.uniform(0.8, 1.2, B)], 1)
    y = (_logistic4_by_logs(x.astype(float), *columns(truth)) + rng.normal(0, 0.03, (B, 12))).astype(f4)
    start = np.stack([y[:, 0], np.ones(B), np.ones(B), y[:, -1]], 1)
    return dict(x=x, y=y, p0=start.astype(f4), truth=truth.astype(f4))


def regressions(B: int, m: int = 200, n: int = 8) -> Data:
    rng = np.random.default_rng(401)
    X = rng.normal(0, 1, (B, m, n)).astype(f4)
    X[:, :, 0] = 1
    w = rng.normal(0, 0.7, (B, n))
    y = (rng.random((B, m)) < 1 / (1 + np.exp(-np.einsum("bmn,bn->bm", X, w)))).astype(f4)
    return dict(X=X, y=y, p0=np.zeros((B, n), f4), truth=w.astype(f4))


def valleys(B: int) -> Data:
    rng = np.random.default_rng(501)
    a, b = rng.uniform(0.5, 2, B).astype(f4), rng.uniform(10, 200, B).astype(f4)
    return dict(a=a, b=b, p0=(np.array([-1.2, 1.0]) + 0.1 * rng.normal(0, 1, (B, 2))).astype(f4))


FULL_SIZE = {"W1_5": 100_000, "W1_15": 100_000, "W2": 200_000, "W3": 100_000, "W4": 5_000, "W5": 1_000_000}
RECIPES: dict[str, Callable[[int], Data]] = {
    "W1_5": lambda B: gaussians(B, 5, 1.0, 102),
    "W1_15": lambda B: gaussians(B, 15, 2.0, 101),
    "W2": decays,
    "W3": logistics,
    "W4": regressions,
    "W5": valleys,
}


def make(name: str, B: int | None = None) -> Data:
    """The workload's arrays, with B problems (default: the full size)."""
    return RECIPES[name](FULL_SIZE[name] if B is None else B)


# ---- the accuracy test


def columns(p: np.ndarray) -> tuple[np.ndarray, ...]:
    """Parameters (B, n) as n columns (B, 1), to evaluate a formula for all problems at once."""
    return tuple(p[:, i : i + 1] for i in range(p.shape[1]))


def _logistic4_by_logs(x, a, b, c, d):
    """As `logistic4`, NaN instead of complex numbers, and no overflow, wherever a solver may have gone."""
    with np.errstate(all="ignore"):
        return d + (a - d) / (1 + np.exp(b * (np.log(x) - np.log(c))))


def cost(name: str, data: Data, p: np.ndarray) -> np.ndarray:
    """Objective (B,) in float64 of the solutions p (B, n): sum of squares, or the function itself."""
    p = np.asarray(p, float)
    if name in FORMULAS:
        formula = _logistic4_by_logs if name == "W3" else FORMULAS[name]
        return ((formula(data["x"].astype(float), *columns(p)) - data["y"].astype(float)) ** 2).sum(1)
    if name == "W4":
        z = np.einsum("bmn,bn->bm", data["X"].astype(float), p)
        return (np.logaddexp(0, z) - data["y"].astype(float) * z).sum(1) + 0.005 * (p * p).sum(1)
    return valley(p.T, data["a"].astype(float), data["b"].astype(float))


def solved(name: str, data: Data, p: np.ndarray, best: np.ndarray | float, single: bool) -> np.ndarray:
    """Which solutions are right: cost within 1e-6 (float64) or 1e-4 (float32) of the best; W5 1e-12 or 1e-8 of 0."""
    excess = cost(name, data, p)
    if name == "W5":
        return excess < (1e-8 if single else 1e-12)
    return (excess - best) / best < (1e-4 if single else 1e-6)


def best_cost(name: str, data: Data, count: int) -> np.ndarray:
    """Best cost of the first `count` problems that SciPy finds from the start and from the truth. Slow."""
    from scipy.optimize import least_squares, minimize

    if name == "W5":
        return np.zeros(count)
    best = np.full(count, np.inf)
    for i in range(count):
        row = {key: value if key == "x" else value[i : i + 1] for key, value in data.items()}
        for start in (row["p0"][0], row["truth"][0]):
            if name in FORMULAS:
                x, y = row["x"].astype(float), row["y"][0].astype(float)

                def residual(p, x=x, y=y):
                    formula = _logistic4_by_logs if name == "W3" else FORMULAS[name]
                    return np.nan_to_num(formula(x, *p) - y, nan=1e6)

                tight: dict = dict(ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=2000)
                found = least_squares(residual, start.astype(float), jac="3-point", x_scale="jac", **tight).x
            else:
                found = minimize(lambda p, row=row: cost(name, row, p[None])[0], start.astype(float), tol=1e-12).x
            best[i] = np.fmin(best[i], cost(name, row, found[None])[0])
    return best
