"""What goes wrong, in one sentence."""

from __future__ import annotations


class Error(Exception):
    """One sentence: what, where, what to do. ``code`` is the program's exit code where it came from there (2: the user's mistake)."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.code = code
