"""The peers on the GPU: `asv_benchmarks`' JAX solver, and Levenberg-Marquardt on whole CuPy arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np

Model = Callable[[Any, Any, Any, Any], tuple[Any, Any]]


def jax_peer(name: str, data: dict[str, np.ndarray], dtype: str) -> Callable[[], Any]:
    """The strongest peer: `asv_benchmarks`' hand-written solver, mapped over the whole batch on the GPU."""
    import jax
    from peers_runners import jax_peer as peer

    jax.config.update("jax_enable_x64", dtype == "float64")
    solve, arrays = peer.problem(name, data, dtype, peer.unrolled, False)
    arrays = [jax.numpy.asarray(one) for one in arrays]
    call = jax.jit(jax.vmap(solve))
    return lambda: jax.block_until_ready(call(*arrays))


# ---- each model (cp, x, y, p): its values and their Jacobian, (B, m) and (B, m, n)


def decay(cp: Any, x: Any, y: Any, p: Any) -> tuple[Any, Any]:
    c = columns(p)
    e = cp.exp(-x / c[1])
    return c[0] * e + c[2], cp.stack([e, c[0] * e * x / c[1] ** 2, cp.ones_like(y)], 2)


def logistic(cp: Any, x: Any, y: Any, p: Any) -> tuple[Any, Any]:
    c = columns(p)
    far = cp.log(x) - cp.log(c[2])
    z = cp.exp(c[1] * far)
    s = 1 / (1 + z)
    w = (c[0] - c[3]) * z * s * s
    return c[3] + (c[0] - c[3]) * s, cp.stack([s, -w * far, w * c[1] / c[2], 1 - s], 2)


def spot(cp: Any, x: Any, y: Any, p: Any) -> tuple[Any, Any]:
    c = columns(p)
    u, v = x[0] - c[1], x[1] - c[2]
    e = cp.exp(-(u * u + v * v) / (2 * c[3] ** 2))
    a = c[0] * e / c[3] ** 2
    return c[0] * e + c[4], cp.stack([e, a * u, a * v, a * (u * u + v * v) / c[3], cp.ones_like(y)], 2)


def many(cp: Any, x: Any, y: Any, p: Any) -> tuple[Any, Any]:
    z = 0.1 * cp.einsum("bmk,bk->bm", x, p)
    return cp.sinh(z), 0.1 * cp.cosh(z)[..., None] * x


MODELS: dict[str, Model] = {"W2": decay, "W3": logistic, "W1_5": spot, "W1_15": spot, "N32": many}


def columns(p: Any) -> list[Any]:
    return [p[:, i : i + 1] for i in range(p.shape[1])]


def cupy_peer(name: str, data: dict[str, np.ndarray]) -> Callable[[], Any]:
    """Levenberg-Marquardt with a batched Cholesky solver: stops when no cost changes by 1e-6 of itself."""
    import cupy as cp

    x, y, p0 = (cp.asarray(data[key]) for key in ("X" if name == "N32" else "x", "y", "p0"))
    tolerance = 1e-6 if y.dtype == np.float64 else 1e-5
    linear = cholesky(cp, y.dtype)

    def solve() -> Any:
        p, lam = p0.copy(), cp.full(len(p0), 1e-3, y.dtype)
        f, J = MODELS[name](cp, x, y, p)
        r = f - y
        cost = (r * r).sum(1)
        done = cp.zeros(len(p0), bool)
        one = cp.eye(p.shape[1], dtype=y.dtype)
        for _ in range(50):
            turned = J.transpose(0, 2, 1)
            H, g = cp.matmul(turned, J), cp.matmul(turned, r[..., None])[..., 0]
            trial = p - linear(H + lam[:, None, None] * (H * one), g)
            f_new, J_new = MODELS[name](cp, x, y, trial)
            r_new = f_new - y
            new = (r_new * r_new).sum(1)
            better = (new < cost) & ~done
            done |= abs(cost - new) <= tolerance * cost
            p, J, r = (
                cp.where(better.reshape(-1, *[1] * (a.ndim - 1)), a, b) for a, b in ((trial, p), (J_new, J), (r_new, r))
            )
            cost, lam = cp.where(better, new, cost), cp.where(better, lam * 0.1, lam * 10)
            if bool(done.all()):
                break
        cp.cuda.Device().synchronize()
        return p

    return solve


def cholesky(cp: Any, dtype: Any) -> Callable[[Any, Any], Any]:
    """``H, g -> H⁻¹ g`` by cuSOLVER's batched Cholesky; by CuPy's batched LU where that does not give the answer."""

    def factored(H: Any, g: Any) -> Any:
        return cp.linalg.solve(H, g[..., None])[..., 0]

    try:
        from cupyx.lapack import posv

        H, g = cp.stack([4 * cp.eye(3, dtype=dtype) + 1, 2 * cp.eye(3, dtype=dtype)]), cp.ones((2, 3), dtype)
        if bool(cp.allclose(posv(H.copy(), g.copy()), factored(H, g))):
            return posv
        print("cupy: posv is wrong; batched LU", flush=True)
    except Exception as error:  # another CuPy
        print(f"cupy: batched LU, since {type(error).__name__}: {error}", flush=True)
    return factored
