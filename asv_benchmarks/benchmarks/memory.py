"""Peak memory of a process that solves a growing batch; the arrays it solves included."""

from __future__ import annotations

from .common import DTYPES, arrays, front_door

SIZES = {"1e3": 1_000, "1e5": 100_000, "1e6": 1_000_000, "4e6": 4_000_000}


class Memory:
    """Exponential decays of 16 points (W2): 19 numbers a problem come in, 11 go out."""

    params = (DTYPES, tuple(SIZES))
    param_names = ("dtype", "B")

    def setup(self, dtype: str, batch: str) -> None:
        self.data = arrays("W2", dtype, SIZES[batch])

    def peakmem_fit(self, dtype: str, batch: str) -> None:
        front_door("ours", "W2", self.data, dict(dtype=dtype))

    def peakmem_fit_with_errors(self, dtype: str, batch: str) -> None:
        _ = front_door("ours", "W2", self.data, dict(dtype=dtype)).stderr
