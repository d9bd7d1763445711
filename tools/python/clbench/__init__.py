"""clbench from Python: the results of a database as data frames, experiments started from a notebook, plots.

    import clbench

    frame = clbench.run("small.toml", db="results.sqlite")
    results = clbench.load("results.sqlite")
    results.plot_curves()

Every number is computed by the program itself (``clbench export``, ``clbench table --json``); Python arranges and draws. pandas and matplotlib
are imported when they are used: ``pip install 'clbench[frames]'``.
"""

from __future__ import annotations

from .errors import Error
from .program import prefix
from .results import Results, load
from .running import run

__all__ = ["Error", "Results", "__version__", "load", "prefix", "run"]


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module 'clbench' has no attribute '{name}'")
    from importlib.metadata import version

    return version("clbench")
