"""The files of a method as modules: the method itself, and what its header names under `sources`. Their text is the one that was hashed,
and nothing else beside them can be imported: the plugin's hash would not cover it."""

import importlib.abc
import importlib.util
import os
import sys

from .errors import Unnamed

NAME = "clbench_method"  # the module of the method; a run has one


class _Loader(importlib.abc.Loader):
    def __init__(self, path, text):
        self._path, self._text = path, text

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__file__ = self._path or None
        exec(compile(self._text, self._path, "exec", dont_inherit=True), module.__dict__)

    def get_source(self, name):  # for tracebacks and inspect
        return self._text.decode()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds "models.base" in the source models/base.py; folders are packages, also without an __init__.py."""

    def __init__(self, folder, files):
        self._modules = {}
        for path, text in files:
            parts = os.path.relpath(path, folder).split(os.sep)
            if parts[0] == os.pardir or not path.endswith(".py"):
                continue  # no module: something else that belongs to the method
            parts[-1] = parts[-1][:-3]
            for k in range(1, len(parts)):
                self._modules.setdefault(".".join(parts[:k]), (None, b"", True))
            package = parts[-1] == "__init__"
            self._modules[".".join(parts[:-1] if package else parts)] = (path, text, package)

    def find_spec(self, name, path=None, target=None):
        if name not in self._modules:
            return None
        file, text, package = self._modules[name]
        spec = importlib.util.spec_from_loader(name, _Loader(file or "", text), origin=file, is_package=package)
        if file:
            spec.has_location = True
        return spec


class _Refusal(importlib.abc.MetaPathFinder):
    """The last finder: says of a module that nobody else found, and that lies beside the method, what is to be done."""

    def __init__(self, folder):
        self._folder = folder

    def find_spec(self, name, path=None, target=None):
        beside = os.path.join(self._folder, *name.split("."))
        for file in (beside + ".py", os.path.join(beside, "__init__.py")):
            if os.path.exists(file):
                source = os.path.relpath(file, self._folder)
                raise Unnamed("No module named '%s'; %s lies beside the method: name it in the header, sources = [\"%s\"]"
                              % (name, source, source))
        return None


def load(files):
    """Runs the first of (path, text) and returns its module."""
    path, text = files[0]
    folder = os.path.dirname(path)
    sys.meta_path.insert(0, _Finder(folder, files[1:]))
    sys.meta_path.append(_Refusal(folder))
    spec = importlib.util.spec_from_loader(NAME, _Loader(path, text), origin=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    return module
