"""The version, in its one place: pyproject.toml and `batchnewton --version` read it here."""

__version__ = "0.1.0.dev0"
