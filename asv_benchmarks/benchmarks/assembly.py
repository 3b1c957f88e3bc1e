"""What NVIDIA's assembler says of each CUDA kernel: registers, stack, spills.  Needs ptxas, no GPU."""

from __future__ import annotations

from .common import DTYPES, WORKLOADS

ARCHITECTURE = "sm_90"


class Assembly:
    """First phase of each workload, with as many lanes a problem as a million problems get."""

    params = (WORKLOADS, DTYPES)
    param_names = ("workload", "dtype")
    timeout = 1800

    def setup_cache(self) -> dict[tuple[str, str], dict[str, float]]:
        import ptx

        if ptx.missing():
            return {}
        return {(workload, dtype): assembled(workload, dtype) for workload in WORKLOADS for dtype in DTYPES}

    def setup(self, found: dict, workload: str, dtype: str) -> None:
        if not found:
            import ptx

            raise NotImplementedError(ptx.missing())

    def track_registers(self, found: dict, workload: str, dtype: str) -> float:
        return found[workload, dtype]["registers"]

    def track_stack(self, found: dict, workload: str, dtype: str) -> float:
        return found[workload, dtype]["stack"]

    def track_spills(self, found: dict, workload: str, dtype: str) -> float:
        return found[workload, dtype]["spills"]

    track_registers.unit = "registers"  # type: ignore[attr-defined]
    track_stack.unit = track_spills.unit = "bytes"  # type: ignore[attr-defined]


def assembled(workload: str, dtype: str) -> dict[str, float]:
    """Registers of a thread, bytes of its stack, bytes spilt."""
    import numpy as np
    import ptx
    import ptx_table

    from batchnewton import engine

    problem = ptx_table.workload(workload, dtype)
    lanes = engine.lanes(problem.n, problem.m, 1_000_000, np.dtype(dtype).itemsize)
    kernel = ptx.assemble(problem, dtype, ARCHITECTURE, lanes)
    return {"registers": kernel.registers, "stack": kernel.stack, "spills": kernel.spills}
