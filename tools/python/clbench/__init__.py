"""Methods of clbench in Python; see docs/python.md.

    import clbench

    class MyMethod(clbench.Method):
        ...
"""

from ._errors import Cancelled, Invalid
from .method import Method

__all__ = ["Cancelled", "Invalid", "Method"]
