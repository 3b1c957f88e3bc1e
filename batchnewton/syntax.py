"""Python's own parser, for texts that are written or read by this package."""

import ast
from typing import Any

ATTEMPTS = 20


def parse(text: str, mode: str = "exec") -> Any:
    """`ast.parse`, once more where it stumbles over another thread.

    CPython 3.11 counts the depth of the trees of all threads together, and raises SystemError ("AST constructor
    recursion depth mismatch") where a collection of garbage lets another thread parse meanwhile, as it does in workers
    of Dask, which watch the collector (python/cpython#106905).
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return ast.parse(text, mode=mode)
        except SystemError:
            continue
    return ast.parse(text, mode=mode)
