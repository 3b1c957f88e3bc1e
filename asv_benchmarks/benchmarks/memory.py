"""Peak memory of a process that solves a growing batch; the arrays it solves included."""

from __future__ import annotations

from .common import DTYPES, arrays, front_door

SIZES = (1_000, 100_000, 1_000_000, 4_000_000)


class Memory:
    """Exponential decays of 16 points (W2): 19 numbers a problem come in, 11 go out."""

    params = (DTYPES, SIZES)
    param_names = ("dtype", "B")

    def setup(self, dtype: str, size: int) -> None:
        self.data = arrays("W2", dtype, size)

    def peakmem_fit(self, dtype: str, size: int) -> None:
        front_door("ours", "W2", self.data, dict(dtype=dtype))

    def peakmem_fit_with_errors(self, dtype: str, size: int) -> None:
        _ = front_door("ours", "W2", self.data, dict(dtype=dtype)).stderr
