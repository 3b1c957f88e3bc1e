"""How far a job is: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from typing import Any

SECONDS = 10.0  # between two lines


class Progress:
    """Fits done, a second, share converged, time left.

    Parameters
    ----------
    total, done : int
        Fits of the job, and those of an earlier run.
    good : int
        Of those, how many converged.
    stream : file
        Where to tell it; a terminal gets a bar.
    """

    def __init__(self, total: int, done: int = 0, good: int = 0, stream: Any = None, quiet: bool = False) -> None:
        self.total, self.done, self.good, self.before = total, done, good, done
        self.stream = stream or sys.stderr
        self.began = self.told = time.monotonic()
        self.quiet, self.bar = quiet, None
        if not quiet and self.stream.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, initial=done, unit=" fits", unit_scale=total >= 1000, file=self.stream)

    def add(self, count: int, good: int) -> None:
        """Some more fits are done, ``good`` of them with success."""
        self.done, self.good = self.done + count, self.good + good
        if self.bar is not None:
            self.bar.set_postfix_str(f"{self.share} converged", refresh=False)
            self.bar.update(count)
        elif not self.quiet and (time.monotonic() - self.told >= SECONDS or self.done == self.total):
            self.told = time.monotonic()
            print(self.line(), file=self.stream, flush=True)

    @property
    def share(self) -> str:
        return f"{100 * self.good / max(1, self.done):.2f} %"

    @property
    def rate(self) -> float:
        """Fits a second of this run."""
        return (self.done - self.before) / max(1e-9, time.monotonic() - self.began)

    def line(self) -> str:
        """The state in one line."""
        left = (self.total - self.done) / self.rate if self.rate else float("inf")
        return (
            f"{100 * self.done / self.total:5.1f} %  {self.done:,} of {self.total:,} fits, {self.rate:,.0f} fits/s, "
            f"{self.share} converged, {left:,.0f} s left"
        )

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
