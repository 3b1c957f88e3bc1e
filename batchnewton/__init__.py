"""Many small nonlinear problems at once: write only the formula.

>>> import batchnewton as bn
>>> bn.minimize(lambda x: (x[0] - 2) ** 2, [0.5]).x.tolist()
[2.0]
"""

import importlib
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from . import models, plot, special
    from .api import least_squares, minimize, root, value_grad_hess
    from .arrays import shared
    from .examine import check_derivatives, source
    from .fitting import curve_fit
    from .inference.bootstrap import bootstrap
    from .installation import info
    from .models.model import Model
    from .result import History, Result
    from .solved import Interrupted
    from .status import Status

__all__ = [
    "History",
    "Interrupted",
    "Model",
    "Result",
    "Status",
    "__version__",
    "bootstrap",
    "check_derivatives",
    "curve_fit",
    "info",
    "least_squares",
    "minimize",
    "models",
    "plot",
    "root",
    "shared",
    "source",
    "special",
    "value_grad_hess",
]

_ROOM = {
    "curve_fit": ".fitting",
    "check_derivatives": ".examine",
    "source": ".examine",
    "info": ".installation",
    "History": ".result",
    "Interrupted": ".solved",
    "Result": ".result",
    "Status": ".status",
    "shared": ".arrays",
    "special": ".special",
    "Model": ".models.model",
    "bootstrap": ".inference.bootstrap",
    "models": ".models",
    "plot": ".plot",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``import batchnewton`` itself loads neither numba nor SciPy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(_ROOM.get(name, ".api"), __name__)
    value = module if name in ("special", "models", "plot") else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
