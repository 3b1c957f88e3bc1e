"""More cores: threads of one process, workers of a Dask cluster on one machine."""

from __future__ import annotations

from importlib.util import find_spec

from .common import DTYPES, arrays, fits_per_second, need_cores, solver

SIZES = {"W1_15": 50_000, "W2": 500_000, "W4": 20_000, "W5": 500_000}


class Threads:
    """Fits a second with so many threads."""

    params = (tuple(SIZES), DTYPES, (1, 2, 4, 8, 16, 32, 64))
    param_names = ("workload", "dtype", "threads")

    def setup(self, workload: str, dtype: str, threads: int) -> None:
        need_cores(threads)
        self.solve = solver(workload, dtype, SIZES[workload], threads=threads)

    def track_fits_per_second(self, workload: str, dtype: str, threads: int) -> float:
        return fits_per_second(self.solve, SIZES[workload])

    track_fits_per_second.unit = "fits/s"  # type: ignore[attr-defined]


class Dask:
    """Fits a second of 5x5 images that lie in the workers' memory, one process a worker, one thread each."""

    size = 1_000_000
    params = ((1, 2, 3, 4),)
    param_names = ("workers",)

    def setup(self, workers: int) -> None:
        if find_spec("distributed") is None:
            raise NotImplementedError("Dask is not installed")
        need_cores(workers)
        import dask.array as da
        from distributed import Client, LocalCluster

        self.cluster = LocalCluster(workers, threads_per_worker=1, dashboard_address=None)
        self.client = Client(self.cluster)
        data = arrays("W1_5", "float64", self.size)
        self.x = data["x"]
        self.y, self.p0 = (
            self.client.persist(da.from_array(data[name], chunks=(self.size // 32, -1))) for name in ("y", "p0")
        )
        self.solve()

    def solve(self) -> None:
        import workloads

        import batchnewton as bn

        result = bn.curve_fit(workloads.gauss2d, self.x, self.y, p0=self.p0)
        result.success.sum().compute()

    def teardown(self, workers: int) -> None:
        if hasattr(self, "client"):
            self.client.close()
            self.cluster.close()

    def track_fits_per_second(self, workers: int) -> float:
        return fits_per_second(self.solve, self.size)

    track_fits_per_second.unit = "fits/s"  # type: ignore[attr-defined]
