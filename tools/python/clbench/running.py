"""Experiments, started from Python."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from os import PathLike, fspath
from typing import IO, TYPE_CHECKING, Any, Mapping

from .errors import Error
from .program import environment, executable
from .results import Results

if TYPE_CHECKING:
    import pandas as pd

_STOPPING_S = 2.0  # after an interrupt: so long the program may take to say that it heard it too


def run(
    experiment: str | PathLike[str], *options: str, db: str | PathLike[str] = "results.sqlite", set: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Runs an experiment (a file, or METHOD/PRESET) as ``clbench run`` does, and returns one row for each of its runs.

    ``set`` holds values in place of the experiment's, ``{"run.seed": [0, 1, 2]}``; ``options`` are further ones of ``clbench run --help``.
    Progress goes to stderr, in a notebook below the cell. What is finished already is not run again. A run that failed is a row with its status
    and reason; an interrupt stops at a safe point, and calling again goes on from there.
    """
    command = [str(executable()), "run", fspath(experiment), "--json", "--db", fspath(db)]
    for key, value in (set or {}).items():
        command += ["--set", f"{key}={_toml(value, key)}"]
    ended, out, said = _streamed([*command, *options])
    if ended not in (0, 1) or not out.strip():
        raise Error(said.removeprefix("clbench: ") or f"clbench run ended with exit code {ended}; what it said stands above", ended)
    keys = [one["key"] for one in json.loads(out)["runs"]]
    frame = Results(db).frame.set_index("run_key", drop=False)
    return frame.loc[[key for key in keys if key in frame.index]].reset_index(drop=True)


def _toml(value: Any, key: str) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(str(name))} = {_toml(one, key)}" for name, one in value.items()) + " }"
    if isinstance(value, (list, tuple, range)):
        return "[" + ", ".join(_toml(one, key) for one in value) + "]"
    if hasattr(value, "item"):  # a number of NumPy
        value = value.item()
    if isinstance(value, PathLike):
        value = fspath(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if not isinstance(value, (str, bool, int, float)):
        raise Error(f"set: {key} is {type(value).__name__}; an experiment holds text, numbers, true and false, lists and tables of these")
    return json.dumps(value)


def _streamed(command: list[str]) -> tuple[int, str, str]:
    """Exit code, stdout, and the last line of stderr where it could be read: a terminal has it alone, because there progress is drawn in place."""
    terminal = sys.stderr is sys.__stderr__ and sys.stderr is not None and sys.stderr.isatty()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=None if terminal else subprocess.PIPE, encoding="utf-8", errors="replace", env=environment()
    ) as child:
        shown = _Shown()
        readers = [threading.Thread(target=shown.read, args=(child.stderr,))] if child.stderr else []
        answer: list[str] = []
        readers.append(threading.Thread(target=lambda: answer.append(child.stdout.read() if child.stdout else "")))
        for reader in readers:
            reader.start()
        interrupted = _waited(child, shown)
        for reader in readers:
            reader.join()
    if interrupted:
        raise KeyboardInterrupt
    return child.returncode, answer[0], shown.last


class _Shown:
    """What the program says, passed on line by line: sys.stderr of a notebook is no file that a process could write to."""

    def __init__(self) -> None:
        self.last = ""
        self.stopping = threading.Event()

    def read(self, stream: IO[str]) -> None:
        for line in stream:
            self.last = line.strip()
            if "stopping" in line:
                self.stopping.set()
            print(line, end="", file=sys.stderr, flush=True)


def _waited(child: subprocess.Popen[str], shown: _Shown) -> bool:
    # An interrupt of a terminal or of Jupyter reaches the program too, and a second one would kill its runs: it gets ours only when it has not
    # heard of any.
    interrupted = False
    while True:
        try:
            child.wait()
            return interrupted
        except KeyboardInterrupt:
            if not interrupted and child.stderr and not shown.stopping.wait(_STOPPING_S):
                child.send_signal(2)
            interrupted = True
