"""What a method sees of its session."""

import ctypes as c
import hashlib
import json
import types
import warnings
from dataclasses import dataclass
from typing import List, Optional

import torch

from . import _abi, _state, _tensors
from .errors import Cancelled, HostRefused, check
from .stream import AUX, MEMORY, TRAIN, Stream

_CUT = 1  # CLB_TEXT_CUT
_INFO, _WARNING = 1, 2
_BF16 = 3
_CUDA = 2
_TYPES = {1: lambda v, n: bool(v.i), 2: lambda v, n: v.i, 3: lambda v, n: v.f, 4: lambda v, n: v.s.decode(), 5: lambda v, n: v.s.decode(),
          6: lambda v, n: v.ints[:n], 7: lambda v, n: v.floats[:n], 8: lambda v, n: [s.decode() for s in v.strings[:n]]}


@dataclass
class Task:
    """A task of the stream."""

    index: int = -1
    domain: int = 0
    labels: List[int] = None
    """classes of this task, as positions in the class order, ascending"""
    classes_seen: int = 0
    """after this task"""
    task_count: Optional[int] = None
    """in the whole stream; None where the protocol hides it"""
    class_count: Optional[int] = None

    @staticmethod
    def of(address):
        raw = _abi.read(_abi.Task, address)
        known = lambda n: None if n < 0 else n
        return Task(raw.index, raw.domain, raw.labels[:raw.label_count], raw.classes_seen, known(raw.task_count), known(raw.class_count))


class Weights:
    """The weight file of a role: tensors by timm's names, each a copy of its own. `options` as docs/weights.md has them."""

    def __init__(self, raw):
        data = (c.c_char * raw.size).from_address(raw.bytes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "the given buffer is not writable": nobody writes, copies are handed out
            self._tensors, self.metadata = _state.tensors_of(data)
        self.sha256, self.options = raw.sha256.decode(), json.loads(raw.options.decode())

    def __getitem__(self, name):
        return self._tensors[name].clone()

    def __iter__(self):
        return iter(self._tensors)

    def __len__(self):
        return len(self._tensors)

    def __contains__(self, name):
        return name in self._tensors

    def keys(self):
        return self._tensors.keys()

    def shape(self, name):
        return tuple(self._tensors[name].shape)

    def state_dict(self):
        """All of them, for torch.nn.Module.load_state_dict."""
        return {name: self[name] for name in self._tensors}


class Context:
    """Lives from create to the end; all of it belongs to the thread that calls the method."""

    def __init__(self, session, method):
        self._host, self._method = _abi.read(_abi.Host, session.host), method
        self.device = torch.device("cuda", session.device_index) if session.device_type == _CUDA else torch.device("cpu")
        self.dtype = torch.bfloat16 if session.precision == _BF16 else torch.float32
        """of images and frozen weights"""
        self.image_size = (session.image_height, session.image_width)
        """after the transforms; (0, 0) when the data set has no images"""
        self.params = types.SimpleNamespace(**_settings(session))
        self._extensions = {}
        for name, kind in _abi.EXTENSIONS.items():
            address = self._host.get_extension(self._host.self, name)
            self._extensions[name] = _abi.read(kind, address) if address else None

    # Data -----------------------------------------------------------------------------------------------------------------------------

    def train(self):
        """The training samples of the current task."""
        return Stream(self._host, TRAIN, self._method.inputs)

    def memory(self):
        """The exemplars that `set_memory` chose."""
        return Stream(self._host, MEMORY, self._method.inputs)

    def train_and_memory(self):
        return Stream(self._host, TRAIN | MEMORY, self._method.inputs)

    def aux(self, asset):
        """Unlabelled images of a data set that is an asset, or lines of one that is a file (part "aux:captions"); epochs(0): endless."""
        return Stream(self._host, AUX, [], asset)

    def set_memory(self, sample_ids):
        """Replaces the exemplar memory, in this order; for methods that claim raw_replay."""
        ids = [int(k) for k in sample_ids]
        self._call(b"clb.memory/1", "set", (c.c_int64 * max(1, len(ids)))(*ids), len(ids))

    def feature_dim(self, kind="main:cls"):
        dim = c.c_int64()
        self._call(b"clb.features/1", "dim", kind.encode(), c.byref(dim))
        return dim.value

    def register_part(self, kind, dim, part):
        """Features of `dim` columns that `extract` derives, from `part` (a module, or tensors by name) that is frozen from now on. The host
        computes those of each sample once. To be said again after `load`."""
        tensors = {}
        _state.split(part, tensors, "")
        digest = hashlib.sha256()
        for name, tensor in tensors.items():
            digest.update(("%s %s %s " % (name, tensor.dtype, list(tensor.shape))).encode())
            whole = tensor.cpu().contiguous()
            if whole.numel():
                digest.update(c.string_at(whole.data_ptr(), whole.numel() * whole.element_size()))
        self._call(b"clb.features/1", "declare", kind.encode(), dim, digest.digest())

    def weights(self, role="main"):
        raw = _abi.Weights(struct_size=c.sizeof(_abi.Weights))
        self._call(b"clb.weights/1", "open", role.encode(), c.byref(raw))
        return Weights(raw)

    def asset(self, name):
        """The bytes of a file that the experiment names under [assets.NAME] and the header under `assets`."""
        raw = _abi.Asset(struct_size=c.sizeof(_abi.Asset))
        self._call(b"clb.assets/1", "open", name.encode(), c.byref(raw))
        return c.string_at(raw.bytes, raw.size) if raw.size else b""

    # Text (methods that claim text_tower) ---------------------------------------------------------------------------------------------

    def class_name(self, position):
        """What people call the class at this position of the class order."""
        name = c.c_char_p()
        self._call(b"clb.text/1", "class_name", position, c.byref(name))
        return name.value.decode()

    def templates(self):
        """Sentences with "{}" where the name of a class belongs."""
        sentences, count = c.POINTER(c.c_char_p)(), c.c_int64()
        self._call(b"clb.text/1", "templates", c.byref(sentences), c.byref(count))
        return [sentence.decode() for sentence in sentences[:count.value]]

    def tokens(self, sentences, role="main", cut=False):
        """[n, context] int64"""
        return self._of_sentences("tokens", sentences, role, cut)

    def text_rows(self, sentences, role="main", cut=False):
        """[n, width] of the frozen text tower, not normalised."""
        return self._of_sentences("rows", sentences, role, cut)

    def class_text_rows(self, sentence, classes, role="main"):
        """[n, width] of a template with the names of these classes."""
        rows = c.c_void_p()
        self._call(b"clb.text_features/1", "class_rows", role.encode(), sentence.encode(), (c.c_int64 * max(1, len(classes)))(*classes),
                   len(classes), c.byref(rows))
        return _tensors.received(rows.value)

    # The run --------------------------------------------------------------------------------------------------------------------------

    def rng(self, name, *indices):
        """A torch.Generator on the processor whose numbers depend on the seed of the run, the name and the indices alone: the one that
        ctx().rng(name, {indices}) gives in C++."""
        key = (c.c_uint8 * 32)()
        given = (c.c_int64 * max(1, len(indices)))(*indices)
        check(self._host.derive_key(self._host.self, name.encode(), given, len(indices), key))
        return torch.Generator().manual_seed(int.from_bytes(bytes(key[:8]), "little"))

    def progress(self, what, done, total=0):
        """For every batch: what the terminal shows, and where a run that is to stop stops (Cancelled)."""
        if self._host.progress(self._host.self, what.encode(), done, total):
            raise Cancelled("the host asks to stop")

    def metric(self, name, step, value):
        """A number of a named series, for the record."""
        self._host.metric(self._host.self, name.encode(), step, float(value))

    def log(self, text):
        self._host.log(self._host.self, _INFO, str(text).encode())

    def warn(self, text):
        self._host.log(self._host.self, _WARNING, str(text).encode())

    def trace(self, name, tensor):
        """Hands an intermediate tensor to whoever listens (tests); free otherwise."""
        trace = self._extensions[b"clb.x-trace/1"]
        if trace is not None:
            trace.emit(trace.self, name.encode(), _tensors.handed_over(tensor))

    # ----------------------------------------------------------------------------------------------------------------------------------

    def _call(self, extension, function, *arguments):
        table = self._extensions[extension]
        if table is None or not getattr(table, function):
            raise HostRefused(_abi.E_UNSUPPORTED)
        check(getattr(table, function)(table.self, *arguments))

    def _of_sentences(self, function, sentences, role, cut):
        texts, rows = _abi.texts(sentences), c.c_void_p()
        raw = _abi.Sentences(struct_size=c.sizeof(_abi.Sentences), flags=_CUT if cut else 0, texts=texts, count=len(sentences))
        self._call(b"clb.text_features/1", function, role.encode(), c.byref(raw), c.byref(rows))
        return _tensors.received(rows.value)


def _settings(session):
    values = {}
    for k in range(session.setting_count):
        setting = _abi.read(_abi.Setting, session.settings + k * session.setting_stride)
        values[setting.name.decode()] = _TYPES[setting.value.type](setting.value.as_, setting.value.count)
    return values
