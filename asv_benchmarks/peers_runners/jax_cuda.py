"""The JAX peers on a GPU: the arrays lie there before anything is timed, and a chunk is large."""

from functools import partial

import jax

from .jax_peer import cho_solve, compiled, problem, unrolled
from .registry import Candidate

CHUNKS = (16_384, 131_072)


def candidates(name: str, workload: str, data: dict, dtype: str, threads: int) -> list[Candidate]:
    jax.config.update("jax_enable_x64", dtype == "float64")
    try:
        device = jax.devices("cuda")[0]
    except (RuntimeError, AssertionError) as error:
        raise RuntimeError("JAX finds no GPU") from error
    linear = unrolled if name.startswith("jax-unrolled") else cho_solve
    solve, arrays = problem(workload, data, dtype, linear, name.endswith("-hessian"))
    there = [jax.device_put(array, device) for array in arrays]
    sizes = sorted({min(chunk, len(data["p0"])) for chunk in CHUNKS})
    return [Candidate(f"chunk={chunk}", chunk, partial(compiled, solve, there, chunk)) for chunk in sizes]
