"""Packages that not every installation has."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from .errors import Error


def needed(name: str) -> Any:
    """The module, imported now: an Error with one sentence when it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = name.split(".")[0]
        if error.name not in (name, package):
            raise
        raise Error(f"{package} is not installed for {sys.executable}; `{sys.executable} -m pip install 'clbench[frames]'` installs it") from None
