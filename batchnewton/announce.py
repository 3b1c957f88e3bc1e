"""What compiles for more than a moment says so, on stderr, where somebody looks: at a terminal or in a notebook."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event

AFTER = 2.0  # seconds of silence


def somebody_looks() -> bool:
    """Whether what is written to stderr is seen while it is written."""
    return "ipykernel" in sys.modules or bool(getattr(sys.stderr, "isatty", bool)())


def say(text: str) -> None:
    """One line on stderr."""
    print(f"batchnewton: {text}", file=sys.stderr, flush=True)


@contextmanager
def announced(text: str) -> Iterator[None]:
    """Says what is going on, if it takes long."""
    timer = begin(text)
    try:
        yield
    finally:
        timer.cancel()


def begin(text: str) -> threading.Timer:
    """A timer that says so; cancelled, it says nothing."""
    timer = threading.Timer(AFTER, say, (text,))
    timer.daemon = True
    if somebody_looks():
        timer.start()
    return timer


class Loops(event.Listener):
    """Announces what Numba compiles of this package: the loops that all formulas share."""

    TEXT = "compiling what all formulas share, once for this machine (some 15 s)"

    def __init__(self) -> None:
        self._depth, self._timer = threading.local(), threading.local()

    def on_start(self, event: Any) -> None:
        depth = getattr(self._depth, "value", 0)
        self._depth.value = depth + 1
        if depth == 0 and _is_ours(event):
            self._timer.value = begin(self.TEXT)

    def on_end(self, event: Any) -> None:
        self._depth.value = getattr(self._depth, "value", 1) - 1
        timer = getattr(self._timer, "value", None)
        if self._depth.value == 0 and timer is not None:
            timer.cancel()
            self._timer.value = None


def _is_ours(event: Any) -> bool:
    function = getattr((event.data or {}).get("dispatcher"), "py_func", None)
    return str(getattr(function, "__module__", "")).startswith("batchnewton.")


event.register("numba:compile", Loops())
