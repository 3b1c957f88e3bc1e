"""What a job has finished, so that it can be killed at any moment and go on.

Beside the output lies, until it is finished, the folder ``OUTPUT.part``:

========== ==========================================================================================
lock       held by the one process that works on this output; the system frees it when that dies
job.json   what the job is made from: input, formula, options, versions
done.log   one line a finished chunk, written after the chunk itself is on the disk
data       what becomes the output
========== ==========================================================================================
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from .durable import sync, write
from .errors import JobError, Refused


class Checkpoint:
    """The folder of a job that is not finished; a context in which nobody else works on it."""

    def __init__(self, output: Path) -> None:
        self.output, self.folder = output, output.with_name(output.name + ".part")
        self.done: dict[int, dict[str, int]] = {}
        self._lock: Any = None
        self._log: Any = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def __enter__(self) -> Checkpoint:
        try:
            self.folder.mkdir(parents=False, exist_ok=True)
            self._lock = locked(self.folder / "lock")
        except OSError as error:
            if not self.folder.parent.is_dir():
                raise JobError(f"the folder {self.folder.parent} does not exist") from error
            raise JobError(f"{self.folder} cannot be written to ({error.strerror})") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._log is not None:
            self._log.close()
        self._lock.close()

    def recorded(self) -> dict[str, Any] | None:
        """What the job there is made from; None where there is none."""
        try:
            return json.loads((self.folder / "job.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def begin(self, record: dict[str, Any]) -> None:
        """A new job: whatever was there is gone."""
        for one in self.folder.iterdir():
            if one.name != "lock":
                shutil.rmtree(one) if one.is_dir() else one.unlink()
        text = json.dumps(record, indent=1, sort_keys=True)
        write(self.folder / "job.json", lambda path: path.write_text(text, encoding="utf-8"))
        sync(self.folder.parent)

    def resume(self) -> None:
        """Read what is finished.  A line that a power cut left incomplete does not count; what Zarr had begun to write
        under another name goes."""
        for begun in self.data.rglob("*.partial") if self.data.is_dir() else ():
            begun.unlink()
        log = self.folder / "done.log"
        whole, self.done = 0, {}
        for line in log.read_bytes().splitlines(keepends=True) if log.exists() and self.data.exists() else []:
            try:
                entry = json.loads(line)
                if not line.endswith(b"\n"):
                    break
                self.done[int(entry["chunk"])] = entry["status"]
            except (ValueError, KeyError, TypeError):
                break
            whole += len(line)
        if log.exists():
            os.truncate(log, whole)

    def mark(self, number: int, status: dict[str, int]) -> None:
        """A chunk is finished and on the disk; ``status`` counts how its problems ended."""
        if self._log is None:
            self._log = (self.folder / "done.log").open("ab", buffering=0)
        self._log.write(json.dumps({"chunk": number, "status": status}).encode() + b"\n")
        os.fsync(self._log.fileno())
        self.done[number] = status

    def forget_empty(self) -> None:
        """Leave no folder behind where no chunk is finished."""
        log = self.folder / "done.log"
        if self.folder.exists() and not (log.exists() and log.stat().st_size):
            shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self, finished: Path) -> None:
        """Give the finished output its name, in the place of what had it; the folder goes."""
        old = self.folder / "old"
        if self.output.exists():
            os.replace(self.output, old)
        os.replace(finished, self.output)
        sync(self.output.parent)
        self.remove()

    def remove(self) -> None:
        """The output is finished: nothing here counts any more, the log of finished chunks first."""
        (self.folder / "done.log").unlink(missing_ok=True)
        sync(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)


def locked(path: Path) -> Any:
    """An open file that this process alone has locked."""
    file = path.open("a+")
    where = f"another job is writing {path.parent.name.removesuffix('.part')}; wait for its end"
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise Refused(where) from error
    if not path.exists() or path.stat().st_ino != os.fstat(file.fileno()).st_ino:  # it ended just now, with its folder
        file.close()
        raise Refused(where)
    return file


def difference(before: Any, now: Any, name: str = "") -> str | None:
    """The first difference between two records, in the order of the second, in words; None where there is none."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in (*now, *(before.keys() - now.keys())):
            found = difference(before.get(key), now.get(key), f"{name}.{key}" if name else key)
            if found:
                return found
        return None
    if before == now:
        return None
    texts = [text if len(text := repr(one)) <= 60 else text[:57] + "..." for one in (before, now)]
    return f"{name} was {texts[0]} and is {texts[1]}" if texts[0] != texts[1] else f"{name} has changed"
