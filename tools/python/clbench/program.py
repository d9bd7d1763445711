"""The installed programs, the LibTorch that they use, and the command ``clbench``.

LibTorch is the ``lib`` folder of the installed PyTorch. It is found without importing PyTorch, which would take seconds, and handed to the
program by the variable CLB_LIBTORCH.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from .errors import Error

# Of which a folder of LD_LIBRARY_PATH may hold another copy than the one that the programs need: another PyTorch's, or, in a Conda environment,
# a C++ library older than the one that they were built with.
_OWN_LIBRARIES = ("libtorch_cpu.so", "libc10.so", "libstdc++.so.6", "libgcc_s.so.1")


def prefix() -> Path:
    """The installed prefix in this package: bin, lib, include and share; for CMake, ``-DCMAKE_PREFIX_PATH``."""
    return Path(__file__).resolve().parent / "prefix"


def libtorch() -> Path:
    """The folder of LibTorch: CLB_LIBTORCH if it is set, else the installed PyTorch's, whose version has to be the one of the build."""
    given = os.environ.get("CLB_LIBTORCH")
    if given:
        if not (Path(given) / "lib" / "libtorch_cpu.so").exists():
            raise Error(f"CLB_LIBTORCH is {given}, which holds no lib/libtorch_cpu.so; name the folder torch of a PyTorch, or unset it")
        return Path(given)
    from ._built import TORCH

    remedy = f"`{sys.executable} -m pip install 'torch=={TORCH}.*'`"
    spec = find_spec("torch")
    if spec is None or not spec.origin:
        raise Error(f"PyTorch {TORCH} is not installed for {sys.executable}; {remedy} installs it")
    folder = Path(spec.origin).parent
    version = _version_of(folder)
    if version.split(".")[:2] != TORCH.split("."):
        raise Error(
            f"PyTorch {version or 'of an unknown version'} in {folder} does not fit, because these programs were built with {TORCH}; {remedy} "
            "installs that, or CLB_LIBTORCH names another torch folder"
        )
    if not (folder / "lib" / "libtorch_cpu.so").exists():
        raise Error(f"{folder} holds no lib/libtorch_cpu.so, so it is no whole PyTorch; {remedy} installs one")
    return folder


def _version_of(folder: Path) -> str:
    # Not the metadata of the distribution: with several on sys.path they may belong to another folder than the one that is found.
    try:
        text = (folder / "version.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(r"""^__version__\s*=\s*["']([^"'+]+)""", text, re.MULTILINE)
    return found.group(1) if found else ""


def environment(with_libtorch: bool = True) -> dict[str, str]:
    """The environment of a program that is started: LibTorch, this Python, and no folder of libraries that hides the right ones."""
    variables = dict(os.environ)
    variables.setdefault("CLB_PYTHON", sys.executable)
    folders = [folder for folder in variables.pop("LD_LIBRARY_PATH", "").split(":") if folder and not _hides(folder)]
    if with_libtorch:
        torch = libtorch()
        variables["CLB_LIBTORCH"] = str(torch)
        folders.insert(0, str(torch / "lib"))  # clb-pretrain is started without a launcher that adds it
    if folders:
        variables["LD_LIBRARY_PATH"] = ":".join(folders)
    return variables


def _hides(folder: str) -> bool:
    return any(os.path.exists(os.path.join(folder, name)) for name in _OWN_LIBRARIES)


def executable(name: str = "clbench") -> Path:
    """One of the programs; an Error when this package was installed without them."""
    file = prefix() / "bin" / name
    if not file.exists():
        raise Error(f"{file} is missing; install clbench again from its wheel")
    return file


def main(name: str = "clbench") -> None:
    """The command: becomes the program, so that signals, terminal and exit code are the program's own."""
    try:
        file = executable(name)
        os.execve(file, [name, *sys.argv[1:]], {**environment(), "CLB_COMMAND": os.path.abspath(sys.argv[0])})
    except Error as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(error.code)
    except OSError as error:
        print(f"{name}: {file} cannot be started: {error.strerror}; install clbench again", file=sys.stderr)
        sys.exit(3)


def main_pretrain() -> None:
    """The command ``clb-pretrain``."""
    main("clb-pretrain")
