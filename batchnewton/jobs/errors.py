"""What a job says when it cannot go on."""


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
