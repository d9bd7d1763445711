"""clbench from Python: results as data frames, experiments started from a notebook, plots; and methods written in Python (docs/python.md).

    import clbench

    frame = clbench.run("small.toml", db="results.sqlite")
    results = clbench.load("results.sqlite")
    results.plot_curves()


    class MyMethod(clbench.Method): ...

Every number is computed by the program itself (``clbench export``, ``clbench table --json``); Python arranges and draws. pandas, matplotlib and
torch are imported when they are used: ``pip install 'clbench[frames]'``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import Cancelled, Error, Invalid
    from .method import Method
    from .program import prefix
    from .results import Results, load
    from .running import run

__all__ = ["Cancelled", "Error", "Invalid", "Method", "Results", "__version__", "load", "prefix", "run"]

# Read when a name is asked for: a method needs torch and no frames, a notebook the reverse.
_MODULES = {
    "Cancelled": "errors",
    "Error": "errors",
    "Invalid": "errors",
    "Method": "method",
    "Results": "results",
    "load": "results",
    "prefix": "program",
    "run": "running",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("clbench")
    if name not in _MODULES:
        raise AttributeError(f"module 'clbench' has no attribute '{name}'")
    value = getattr(importlib.import_module("." + _MODULES[name], __name__), name)
    globals()[name] = value
    return value
