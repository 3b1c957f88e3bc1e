"""What a job says when it cannot go on."""

from typing import Any

import click


class JobError(Exception):
    """One clear line for the user: what is wrong with which file or option, and what is expected.  Exit status 1."""

    exit_code = 1


class Refused(JobError):
    """The output belongs to another job: a running one, or one that was made from something else.  Exit status 3."""

    exit_code = 3


def needs(package: str, what: str, extra: str | None = "io") -> JobError:
    """The optional library is not there."""
    install = f"batchnewton[{extra}]" if extra else package
    return JobError(f"{what} needs the package {package}; to install it: pip install '{install}'")


class one_line:
    """Errors as one line with an exit status; with --debug as they are."""

    def __init__(self, debug: bool, interrupted: str) -> None:
        self.debug, self.interrupted = debug, interrupted

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or self.debug or isinstance(error, click.exceptions.Exit | click.ClickException | SystemExit):
            return
        if isinstance(error, KeyboardInterrupt):
            click.echo(self.interrupted, err=True)
            raise SystemExit(130) from None
        text = str(error) if isinstance(error, JobError) else f"{type(error).__name__}: {error} (--debug shows where)"
        click.echo(f"Error: {' '.join(text.split())}", err=True)
        raise SystemExit(getattr(error, "exit_code", 1)) from None
