"""What goes wrong, in one sentence. Error, Invalid and Cancelled are for everybody; the others are between this package and the host of a
method."""

from __future__ import annotations


class Error(Exception):
    """One sentence: what, where, what to do. ``code`` is the program's exit code where it came from there (2: the user's mistake)."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.code = code


class Invalid(Error, ValueError):
    """A setting or argument of a method that cannot be: the run ends with this sentence and exit code 2, as the user's mistake."""


class Unnamed(Invalid, ModuleNotFoundError):
    """A module beside the method that its header does not name."""


class Cancelled(BaseException):
    """The host asks to stop. Not an Exception, so that `except Exception` does not swallow it."""


class HostRefused(Exception):
    """A function of the host failed, which has told why; `status` is passed on."""

    def __init__(self, status: int) -> None:
        super().__init__("the host refused a call (status %d); the run says why" % status)
        self.status = status


class BadState(Exception):
    """A saved state is damaged, or does not belong here."""


def check(status: int) -> int:
    """A status of the host; CLB_END comes back."""
    if status < 0:
        raise HostRefused(status)
    return status
