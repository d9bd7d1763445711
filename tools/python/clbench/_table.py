"""The functions of clb_method that this process lends the host. No exception leaves them: the host is told its sentence with file and line,
the traceback goes to stderr, which is the log of the run."""

import ctypes as c
import os
import random
import sys
import traceback

import numpy
import torch

from . import _abi, _modules, _state, _tensors
from .context import Context, Task
from .errors import BadState, Cancelled, HostRefused, Invalid
from .method import Method
from .stream import Batch, forget_streams

_objects = {}  # self -> Method; the keys are what the host holds
_loaded = {}  # path -> class
_chosen = None  # the class of the file that was loaded last
_own_paths = ()  # the files of the method, innermost places of which are told
_buffers = {}  # what the host may read until the next call


def _status_and_text(error, loading):
    """`loading`: the file is being read, so that nothing has run yet and whatever is wrong is wrong in the file or in the environment."""
    if isinstance(error, HostRefused):
        return error.status, ""  # the host has its own words
    if isinstance(error, Cancelled):
        return _abi.E_CANCELLED, "cancelled"
    if isinstance(error, Invalid):
        return _abi.E_INVALID, str(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _abi.E_INVALID, "%s; `%s -m pip install` brings it, if that is its name there" % (error, sys.executable)
    if isinstance(error, BadState):
        return _abi.E_STATE, "the saved state is damaged: %s" % error
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return _abi.E_NO_MEMORY, "out of memory: %s" % error
    if isinstance(error, SystemExit):
        code = "" if error.code is None else error.code
        return _abi.E_INTERNAL, "the method calls sys.exit(%s); a method raises an exception" % code
    text = error.msg if isinstance(error, SyntaxError) else error  # without the place, which is told apart
    return _abi.E_INVALID if loading else _abi.E_INTERNAL, "%s: %s" % (type(error).__name__, text)


def _place(error):
    """The innermost place in the files of the method, else the innermost outside of this package."""
    if isinstance(error, SyntaxError) and error.filename in _own_paths:
        return error.filename, error.lineno or 0
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    own = [frame for frame in frames if frame[0] in _own_paths]
    others = [frame for frame in frames if os.path.dirname(frame[0]) != os.path.dirname(__file__)]
    return (own or others or [("", 0)])[-1]


def _one_line(text):
    return " ".join(text.split())


def _guarded(host, call, loading=False):
    try:
        call()
        return _abi.OK
    except BaseException as error:
        status, text = _status_and_text(error, loading)
        if not isinstance(error, (Cancelled, Invalid)):
            traceback.print_exception(type(error), error, error.__traceback__)
        if text:
            file, line = _place(error)
            host.set_error(host.self, status, _one_line(text).encode(errors="replace"), os.fsencode(file), line)
        return status


def _reseed():
    """Other generators than torch's, which the host has just seeded."""
    seed = torch.initial_seed()
    random.seed(seed)
    numpy.random.seed(seed % (1 << 32))


def _class_in(module):
    """The class of the method: of those that the file itself defines the one from which no other derives."""
    own = {value for value in vars(module).values()
           if isinstance(value, type) and issubclass(value, Method) and value.__module__ == module.__name__}
    classes = [kind for kind in own if not any(issubclass(other, kind) for other in own - {kind})]
    if not classes:
        raise Invalid("%s defines no class that derives from clbench.Method; the method is such a class" % module.__file__)
    if len(classes) > 1:
        raise Invalid("%s defines several methods, %s; leave one class that derives from clbench.Method, or derive one from the other"
                      % (module.__file__, " and ".join(sorted(kind.__name__ for kind in classes))))
    for name in ("train_task", "predict"):
        if getattr(classes[0], name) is getattr(Method, name):
            raise Invalid("the class %s of %s has no %s; a method has train_task(self, task, stream) and predict(self, batch)"
                          % (classes[0].__name__, module.__file__, name))
    return classes[0]


def _inputs_of(method):
    names = [method.inputs] if isinstance(method.inputs, str) else method.inputs
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise Invalid("inputs of the class %s is %r; it is a list of texts, as [\"images\"]" % (type(method).__name__, names))
    return names


def _load(host_address, raw, count):
    host = _abi.read(_abi.Host, host_address)

    def call():
        global _chosen, _own_paths
        files = [(os.fsdecode(raw[k].path), c.string_at(raw[k].text, raw[k].size)) for k in range(count)]
        _own_paths = tuple(path for path, _ in files)
        if files[0][0] not in _loaded:
            _loaded[files[0][0]] = _class_in(_modules.load(files))
        _chosen = _loaded[files[0][0]]

    return _guarded(host, call, loading=True)


def _create(address, to):
    session = _abi.read(_abi.Session, address)
    host = _abi.read(_abi.Host, session.host)

    def call():
        _reseed()
        method = _chosen()
        method.ctx = Context(session, method)
        method.params = method.ctx.params
        method.task = Task(labels=[])
        method.create()
        method.inputs = _inputs_of(method)
        _objects[id(method)] = method
        to[0] = id(method)

    return _guarded(host, call)


def _destroy(self):
    method = _objects.pop(self, None)
    if method is not None:
        forget_streams(method.ctx._host)
    _buffers.clear()


def _on(self, call):
    method = _objects[self]
    return _guarded(method.ctx._host, lambda: call(method))


def _begin_task(self, task):
    def call(method):
        _reseed()
        method.task = Task.of(task)
        method.begin_task(method.task)

    return _on(self, call)


def _train_task(self, task):
    def call(method):
        _reseed()
        method.train_task(method.task, method.ctx.train())

    return _on(self, call)


def _end_task(self, task):
    def call(method):
        _reseed()
        method.end_task(method.task)
        forget_streams(method.ctx._host)

    return _on(self, call)


def _inputs(self, address):
    def call(method):
        wanted = _inputs_of(method)
        names = _abi.texts(wanted)
        _buffers["inputs"] = names
        out = _abi.Inputs.from_address(address)
        out.part_count, out.parts = len(wanted), c.addressof(names)

    return _on(self, call)


def _logits(method, batch):
    """Of logits with a column for each class seen those that were asked for."""
    logits = method.predict(batch)
    if not isinstance(logits, torch.Tensor):
        raise TypeError("predict gives a %s; logits are a tensor [n, classes]" % type(logits).__name__)
    seen = method.task.classes_seen
    if logits.dim() == 2 and logits.shape[1] == seen and len(batch.columns) < seen:
        return logits[:, torch.tensor(batch.columns, device=logits.device)]
    return logits


def _predict(self, address, to):
    def call(method):
        raw = _abi.read(_abi.Question, address)
        if raw.step == 0:
            _reseed()  # once an evaluation: it takes longer than all else at this border
        batch = Batch(raw, raw.columns[:raw.column_count])
        with torch.no_grad():
            to[0] = _tensors.handed_over(_logits(method, batch))

    return _on(self, call)


def _extract(self, kind, address, to):
    def call(method):
        raw = _abi.read(_abi.Batch, address)
        with torch.no_grad():
            to[0] = _tensors.handed_over(method.extract(kind.decode(), Batch(raw)))

    return _on(self, call)


def _module_bytes(value):
    if isinstance(value, torch.nn.Module):
        return sum(t.numel() * t.element_size() for t in value.state_dict().values() if isinstance(t, torch.Tensor))
    if isinstance(value, dict):
        return sum(map(_module_bytes, value.values()))
    return sum(map(_module_bytes, value)) if isinstance(value, (list, tuple)) else 0


def _record_state(method, size):
    method.ctx.metric("state_parameter_bytes", method.task.index, size)


def _save(self, writer):
    def call(method):
        state = method.state()
        size = _module_bytes(state)
        _state.write(writer, {"task": vars(method.task), "module_bytes": size, "method": state})
        _record_state(method, size)

    return _on(self, call)


def _load_state(self, reader):
    def call(method):
        state = _state.read(reader)
        try:
            task, size, own = Task(**state["task"]), state["module_bytes"], state["method"]
        except (KeyError, TypeError):
            raise BadState("it has no task, or is of another version of clbench") from None
        method.task = task
        method.load(own)
        _record_state(method, size)

    return _on(self, call)


def functions():
    """(load, clb_method, clb_extractor); to be kept as long as the process lives."""
    table = _abi.Method(struct_size=c.sizeof(_abi.Method))
    types = dict(_abi.Method._fields_)
    for name, call in (("create", _create), ("destroy", _destroy), ("begin_task", _begin_task), ("train_task", _train_task),
                       ("end_task", _end_task), ("inputs", _inputs), ("predict", _predict), ("save", _save), ("load", _load_state)):
        setattr(table, name, types[name](call))
    extractor = _abi.Extractor(struct_size=c.sizeof(_abi.Extractor))
    extractor.extract = dict(_abi.Extractor._fields_)["extract"](_extract)
    return dict(_abi.Python._fields_)["load"](_load), table, extractor
