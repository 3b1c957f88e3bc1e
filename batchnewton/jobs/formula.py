"""MODEL of a job: a ready model's name, or ``file.py:function``."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from batchnewton import models
from batchnewton.options import nearest

from .errors import JobError


@dataclass(frozen=True)
class Model:
    """A formula ``f(x, a, b, ...)`` with its name, its source, and how to guess starts, where that is known.

    Attributes
    ----------
    function : callable
    name : str
    source : str
        Text of the file it came from.
    guess : callable, optional
        ``guess(x, y)`` gives starts (n,) or (B, n) for data y (B, m); points that are not there are NaN.
    """

    function: Callable[..., Any]
    name: str
    source: str = ""
    guess: Callable[..., Any] | None = None

    def starts(self, x: np.ndarray, y: np.ndarray) -> Any:
        """What the guess returns; what it raises says where."""
        assert self.guess is not None
        try:
            return self.guess(x, y)
        except Exception as error:
            if not isinstance(self.guess, FunctionType):  # a ready model's own
                raise
            raise failed(self.guess.__code__.co_filename, error) from error


def find_model(text: str, guess: str | None = None) -> Model:
    """The model of a command line; ``guess`` names a function of the same file, or is ``file.py:function``."""
    file, colon, name = text.rpartition(":")
    if not colon:
        if text.endswith(".py"):
            raise JobError(f"MODEL {text!r} names no function; expected {text}:FUNCTION")
        return ready_model(text, guess)
    module, source = load(Path(file))
    starts = None
    if guess is not None:
        other, colon, of = guess.rpartition(":")
        starts = function_of(load(Path(other))[0], Path(other), of) if colon else function_of(module, Path(file), guess)
    function = function_of(module, Path(file), name)
    return Model(function, name, source, starts or getattr(function, "guess", None))


def ready_model(name: str, guess: str | None) -> Model:
    """One of `batchnewton.models`."""
    if name not in models.ALL:
        raise JobError(f"MODEL {name!r} is neither file.py:function nor a ready model{nearest(name, models.ALL)}")
    if guess is not None:
        raise JobError(f"--guess {guess!r}: the ready model {name!r} has its own; leave it out")
    model = models.ALL[name]
    return Model(model, name, "", model.guess)


def load(path: Path) -> tuple[ModuleType, str]:
    """Run the one file that the user named.

    It is not entered in ``sys.modules``: so cloudpickle sends its functions to workers by value.
    """
    if not path.is_file():
        raise JobError(f"MODEL file {path} does not exist")
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    try:
        source = path.read_text(encoding="utf-8")
        exec(compile(source, str(path), "exec"), module.__dict__)
    except SyntaxError as error:
        raise JobError(f"{path}, line {error.lineno}: {type(error).__name__}: {error.msg}") from error
    except Exception as error:
        raise failed(str(path), error) from error
    return module, source


def failed(path: str, error: Exception) -> JobError:
    """What the user's own file raised, and in which of its lines."""
    own = lines_in(path, error)
    line = f", line {own[-1]}" if own else ""
    return JobError(f"{path}{line}: {type(error).__name__}: {error}")


def failed_in(text: str, error: Exception) -> JobError | None:
    """The same for ``file.py:function`` of a command line; None where the error came from elsewhere."""
    path = text.rpartition(":")[0]
    return failed(path, error) if lines_in(path, error) else None


def lines_in(path: str, error: Exception) -> list[int | None]:
    """The lines of a file that an error went through."""
    return [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]


def function_of(module: ModuleType, path: Path, name: str) -> Callable[..., Any]:
    """A function of the file, by name."""
    found = module.__dict__.get(name)
    if not callable(found):
        own = [key for key, one in module.__dict__.items() if isinstance(one, FunctionType) and key[0] != "_"]
        raise JobError(f"{path} has no function {name!r}{nearest(name, own) if own else ''}")
    return found
