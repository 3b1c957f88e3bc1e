"""Methods and attributes of NumPy's arrays, for arrays over data rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchnewton.derive.arrays import call_function
from batchnewton.derive.errors import TraceError
from batchnewton.derive.known import known
from batchnewton.derive.whole import Whole
from batchnewton.derive.whole_functions import refusal

OF_NUMBERS = ("tolist", "item", "tobytes", "view")
IN_PLACE = ("sort", "fill", "put", "partition", "resize", "byteswap", "setfield", "itemset")


def method_of(array: Whole, name: str) -> Any:
    """A method or attribute of NumPy's arrays.

    Raises
    ------
    AttributeError
        NumPy's arrays have none of this name.
    """
    own = getattr(np.ndarray, name, None)
    if own is None:
        raise AttributeError(f"a NumPy array has no attribute {name!r}")
    if name in OWN:
        return OWN[name](array)
    if name in IN_PLACE:
        raise TraceError(f"x.{name}() changes an array in place; use NumPy's function, which makes a new one")
    if array.compute is None and (name in OF_NUMBERS or not callable(own)):
        raise refusal(f".{name}")
    if not callable(own):
        return known(array.survey, getattr, (array, name))
    if hasattr(np, name):
        return lambda *args, **options: call_function(getattr(np, name), (array, *args), options)
    if array.compute is None:
        raise refusal(f".{name}()")
    return lambda *args, **options: known(array.survey, own, (array, *args), options)


def of_type(array: Whole, dtype: Any) -> Any:
    """A copy of float type; where its numbers are known, of any."""
    if np.dtype(dtype).kind in "fO":
        return array.copied()
    if array.compute is None:
        raise TraceError(f"astype({dtype}) of traced values; they are real numbers")
    return known(array.survey, np.ndarray.astype, (array, dtype))


OWN = {
    "T": lambda array: call_function(np.transpose, (array,), {}),
    "real": lambda array: call_function(np.real, (array,), {}),
    "flat": lambda array: call_function(np.ravel, (array,), {}),
    "flatten": lambda array: lambda *args: call_function(np.ravel, (array,), {}),
    "reshape": lambda array: (
        lambda *sides, **options: call_function(np.reshape, (array, sides[0] if len(sides) == 1 else sides), {})
    ),
    "astype": lambda array: lambda dtype, *args, **options: of_type(array, dtype),
    **dict.fromkeys(("copy", "conj", "conjugate"), lambda array: lambda *args, **options: array.copied()),
}
"""Those that are not NumPy's functions of the same name."""
