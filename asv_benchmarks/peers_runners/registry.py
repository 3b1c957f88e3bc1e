"""Who is measured on what: the table of peers, and what each peer's file must offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CURVES = ("W1_5", "W1_15", "W2", "W3")
WORKLOADS = (*CURVES, "W4", "W5")
BOTH = ("float64", "float32")

# Problems that a peer works on; ours works on all of them. The sizes of the published figures.
PEER_SIZE = {"W1_5": 32_768, "W1_15": 8_192, "W2": 65_536, "W3": 65_536, "W4": 5_000, "W5": 262_144}

Solve = Callable[[int], list[tuple[Any, Any]]]


@dataclass(frozen=True)
class Candidate:
    """One setting of a peer (a chunk size, a method); the fastest is chosen in the warm-up.

    ``build()`` compiles and returns ``solve(count)``, which solves the first ``count`` problems, a multiple of
    ``block``, and returns the solutions and their evaluations in parts: ``[(x, evaluations), ...]``.
    """

    setting: str
    block: int
    build: Callable[[], Solve]


@dataclass(frozen=True)
class Peer:
    """A row of the table.  ``module`` has ``candidates(name, workload, data, dtype, threads)``."""

    name: str
    module: str
    what: str
    workloads: tuple[str, ...] = WORKLOADS
    dtypes: tuple[str, ...] = BOTH
    threads: bool = False  # has threads of its own; else one process a core when all cores are measured
    device: str = "cpu"  # or "cuda"

    @property
    def is_ours(self) -> bool:
        return self.module in ("ours", "ours_cuda")


PEERS = (
    Peer("ours", "ours", "batchnewton, defaults", threads=True),
    Peer("ours-loose", "ours", "batchnewton, ftol as loose as the peers'", CURVES + ("W4",), threads=True),
    Peer("ours-pow", "ours", "batchnewton, W3 written (x / c) ** b", ("W3",), threads=True),
    Peer("jax-unrolled", "jax_peer", "JAX vmap, hand LM / Newton with analytic H, unrolled Cholesky"),
    Peer("jax-unrolled-hessian", "jax_peer", "JAX vmap, hand Newton, jax.hessian, unrolled Cholesky", ("W4", "W5")),
    Peer("jax-cho", "jax_peer", "JAX vmap, hand LM / Newton with analytic H, cho_solve"),
    Peer("jax-cho-hessian", "jax_peer", "JAX vmap, hand Newton, jax.hessian, cho_solve", ("W4", "W5")),
    Peer("numpy", "numpy_peer", "NumPy, hand-vectorised LM / Newton with compaction"),
    Peer("optimistix", "optimistix_peer", "optimistix LevenbergMarquardt (Cholesky) / BFGS, vmap"),
    Peer("scipy", "scipy_peer", "SciPy loop: curve_fit / minimize with exact derivatives", dtypes=("float64",)),
)
CUDA = dict(threads=True, device="cuda")  # one process a GPU
CUDA_PEERS = (
    Peer("ours", "ours_cuda", "batchnewton, defaults, arrays on the host", **CUDA),
    Peer("jax-unrolled", "jax_cuda", "as on the CPU, one large chunk, arrays on the GPU", **CUDA),
    Peer("jax-unrolled-hessian", "jax_cuda", "as on the CPU, one large chunk, arrays on the GPU", ("W4", "W5"), **CUDA),
    Peer("jax-cho", "jax_cuda", "as on the CPU, one large chunk, arrays on the GPU", **CUDA),
    Peer("cupy", "cupy_peer", "the NumPy peer with CuPy's arrays", **CUDA),
    Peer("gpufit", "gpufit_peer", "Gpufit, its GAUSS_2D model", ("W1_5", "W1_15"), ("float32",), **CUDA),
)
OF_DEVICE = {"cpu": PEERS, "cuda": CUDA_PEERS}


def roots(device: str) -> list[str]:
    """Names that stand for their variants."""
    return [peer.name for peer in OF_DEVICE[device] if not peer.name.endswith(("-loose", "-pow", "-hessian"))]


def chosen(names: list[str], device: str = "cpu") -> list[Peer]:
    """The peers of these names; a name also stands for its variants (``ours`` for ``ours-loose``)."""
    peers = OF_DEVICE[device]
    for name in names:
        if all(name != peer.name for peer in peers):
            raise SystemExit(f"no peer {name!r}; expected some of {', '.join(peer.name for peer in peers)}")
    return [peer for peer in peers if any(peer.name == name or peer.name.startswith(f"{name}-") for name in names)]


def size(peer: Peer, workload: str, problems: int) -> int:
    """How many problems of a workload the peer works on."""
    return problems if peer.is_ours or peer.device == "cuda" else min(problems, PEER_SIZE[workload])
