"""What the tests need of Numba's CUDA simulator, and it does not do by itself."""

import threading
from typing import Any


class Once(dict):
    """Shared arrays by the line that asks for them: who does not find one has all others wait until it is there.

    The simulator's threads may otherwise find at the same time that there is none, and make one each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def get(self, key: Any, default: Any = None) -> Any:
        self.lock.acquire(timeout=1.0)
        found = super().get(key, default)
        if found is not None:
            self.lock.release()
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        if self.lock.locked():
            self.lock.release()


def share_once() -> None:
    """Every launch from now on makes each shared array once."""
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    make = FakeCUDAShared.__init__

    def begin(self: Any, dynshared_size: int) -> None:
        make(self, dynshared_size)
        self._allocations = Once()

    FakeCUDAShared.__init__ = begin
