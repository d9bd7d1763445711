"""Exceptions that say more than their text, and the statuses of clb/abi.h that they become."""

OK, END = 0, 1
E_INVALID, E_UNSUPPORTED, E_NO_MEMORY, E_CANCELLED, E_NUMERIC, E_IO, E_STATE, E_INTERNAL = range(-1, -9, -1)


class Invalid(ValueError):
    """A setting or argument that cannot be: the run ends with this sentence and exit code 2, as the user's mistake."""


class Cancelled(BaseException):
    """The host asks to stop. Not an Exception, so that `except Exception` does not swallow it."""


class HostRefused(Exception):
    """A function of the host failed, which has told why; `status` is passed on."""

    def __init__(self, status):
        super().__init__("the host refused a call (status %d); the run says why" % status)
        self.status = status


class BadState(Exception):
    """A saved state is damaged, or does not belong here."""


def check(status):
    """A status of the host; CLB_END comes back."""
    if status < 0:
        raise HostRefused(status)
    return status
