"""This Python as a runner: threads, torch, libclb_runner.so, in this order. torch is imported in _run alone, so that
`versions` answers at once."""

import ctypes
import importlib.util
import json
import os
import platform
import signal
import sys
import sysconfig

_NEEDED = "2.11"  # of torch; libclb_runner.so is built against it


class _Unfit(Exception):
    """One sentence; exit code 2."""


def _folder_of(package):
    spec = importlib.util.find_spec(package)
    return list(spec.submodule_search_locations)[0] if spec is not None and spec.submodule_search_locations else None


def _version_of(package):
    """Of an installed package, without importing it; None: it is not there, or is a folder of that name and no package."""
    folder = _folder_of(package)
    if folder is None:
        return None
    try:
        with open(os.path.join(folder, "version.py"), encoding="utf-8", errors="replace") as source:
            lines = source.readlines()
    except OSError:
        return None
    values = {}
    for line in lines:
        name, equals, value = line.partition("=")
        name = name.partition(":")[0].strip()
        if equals and name in ("__version__", "version", "full_version") and value.strip()[:1] in "\"'":
            values[name] = value.strip().strip("\"'")
    return values.get("__version__") or values.get("version") or values.get("full_version")


def _versions():
    torch, numpy = _version_of("torch"), _version_of("numpy")
    if torch is None:
        raise _Unfit("this Python (%s) has no torch; install torch==%s.* into it" % (sys.executable, _NEEDED))
    if torch.split(".")[:2] != _NEEDED.split("."):
        raise _Unfit("this Python (%s) has torch %s, and this clbench is built for %s; install torch==%s.*"
                     % (sys.executable, torch, _NEEDED, _NEEDED))
    if numpy is None:
        raise _Unfit("this Python (%s) has no numpy; install numpy into it" % sys.executable)
    return "Python %s, torch %s, numpy %s" % (platform.python_version(), torch, numpy)


def _threads(arguments):
    """Of the run that the arguments name; checks of `validate` have one."""
    if len(arguments) == 2 and arguments[0] in ("run", "resume", "look"):
        try:
            with open(arguments[1], encoding="utf-8", errors="surrogateescape") as file:
                spec = json.load(file)
            spec = spec[0] if isinstance(spec, list) else spec
            return max(1, int(spec.get("run", spec).get("threads", 1)))
        except (OSError, ValueError, AttributeError, LookupError, TypeError):
            return 1  # the runner says what is wrong with the file
    return 1


def _set_threads(threads):
    """Before torch and numpy are imported. OpenBLAS, which is numpy's alone, starts its threads at once, and a process with more than one
    thread can neither be forked nor confined."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"


def _loaded_libtorch():
    """Paths of every libtorch_cpu.so in this process."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        paths = {line.split(maxsplit=5)[5].rstrip("\n") for line in maps if line.rstrip().endswith("/libtorch_cpu.so")}
    return sorted(paths)


def _expect_one_libtorch(torch):
    found = _loaded_libtorch()
    own = os.path.realpath(os.path.join(os.path.dirname(torch.__file__), "lib", "libtorch_cpu.so"))
    if [os.path.realpath(path) for path in found] != [own]:
        raise _Unfit("this process would hold the LibTorch of %s, and torch of %s wants its own; unset LD_LIBRARY_PATH and LD_PRELOAD"
                     % (" and of ".join(os.path.dirname(path) for path in found) or "nobody", sys.executable))
    return own


def _other_libtorch(own, prefix, version):
    """The version of this LibTorch where it is not the one that clb-runner loads; "" where it is."""
    folder = os.environ.get("CLB_LIBTORCH") or os.path.join(prefix, "lib", "libtorch")
    return "" if os.path.realpath(os.path.join(folder, "lib", "libtorch_cpu.so")) == own else version


def _folders():
    """From which Python reads modules."""
    paths = [path for path in sys.path if os.path.isabs(path)]
    paths += [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return sorted({os.path.realpath(path) for path in paths if path and os.path.exists(path)} |
                  {os.path.abspath(path) for path in paths if path and os.path.exists(path)})


def _default_signals():
    """SIGINT ends a process that only answers a question; a run has the handlers of the host, which come later."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _run(argv):
    program = os.path.abspath(argv[0])  # not its real path: the library lies beside the folder as it was named
    prefix = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(program))))
    library = os.path.join(prefix, "lib", "clbench", "libclb_runner.so")
    if not os.path.exists(library):
        raise _Unfit("%s is missing; install clbench again" % library)
    versions = _versions()
    _set_threads(_threads(argv[1:]))
    sys.dont_write_bytecode = True
    import torch

    own = _expect_one_libtorch(torch)
    try:
        runner = ctypes.CDLL(library, mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError as error:  # an older C++ library than the one of the build, for example
        raise _Unfit("%s cannot be loaded into %s: %s; CLB_PYTHON names another Python" % (library, sys.executable, error)) from None
    _expect_one_libtorch(torch)
    from . import _abi, _table

    load, functions, extractor = _table.functions()
    command = [sys.executable, "-u", "-B", program]
    folders = _folders()
    lent = _abi.Python(
        struct_size=ctypes.sizeof(_abi.Python), command_count=len(command), command=_abi.texts(command), folder_count=len(folders),
        folders=_abi.texts(folders), versions=versions.encode(), libtorch=_other_libtorch(own, prefix, torch.__version__).encode(),
        load=load, functions=ctypes.pointer(functions), extractor=ctypes.pointer(extractor))
    words = _abi.texts([program] + argv[1:])
    runner.clb_runner_main.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(_abi.Python)]
    _default_signals()
    return runner.clb_runner_main(len(argv), words, ctypes.byref(lent))


def main(argv):
    """Never returns: neither Python nor LibTorch survives being unloaded."""
    code = 3
    try:
        if argv[1:] == ["versions"]:
            print(json.dumps({"executable": sys.executable, "versions": _versions(), "torch": _version_of("torch"),
                              "libtorch": _folder_of("torch")}), flush=True)
            code = 0
        else:
            code = _run(argv)
    except _Unfit as why:
        print("clb-runner: %s" % why if argv[1:] != ["versions"] else why, file=sys.stderr, flush=True)
        code = 2
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    os._exit(code)
