"""Batches of the host: the same order, boxes, flips and keys as a method in C++ gets."""

import ctypes as c
import weakref

from . import _abi, _tensors
from .errors import check

TRAIN, MEMORY, AUX = 1, 2, 4
_TRAIN_VIEW, _EVAL_VIEW = 1, 2


def _is_no_feature(name):
    return name in ("labels", "sample_ids", "task_ids", "images") or name.startswith("images:")


class Batch:
    """Samples, by the names of their parts: batch["images"], batch["main:cls"]. `n` samples; in training `epoch` from 0 and `step`, the
    number of batches before this one; in a question `columns`, the classes that are to be told apart."""

    __slots__ = ("parts", "n", "epoch", "step", "columns")

    def __init__(self, raw, columns=None):
        self.n, self.step, self.columns = raw.n, raw.step, columns
        self.epoch = raw.epoch if columns is None else 0
        self.parts = _tensors.received_parts(raw.parts, raw.part_count, raw.part_stride)

    def __getitem__(self, name):
        try:
            return self.parts[name]
        except KeyError:
            raise KeyError("the batch holds no %r, but %s; ask for it in `inputs`, or on the stream with part(%r)"
                           % (name, ", ".join(map(repr, self.parts)) or "nothing", name)) from None

    @property
    def images(self):
        """[n, 3, H, W]"""
        return self["images"]

    @property
    def labels(self):
        """[n] int64, positions in the class order."""
        return self["labels"]

    @property
    def sample_ids(self):
        """[n] int64, opaque."""
        return self["sample_ids"]

    @property
    def features(self):
        """[n, d], where one kind of features was asked for; else batch["main:cls"]."""
        kinds = [name for name in self.parts if not _is_no_feature(name)]
        if len(kinds) != 1:
            raise KeyError("the batch holds %d kinds of features; name one, as batch[\"main:cls\"]" % len(kinds))
        return self.parts[kinds[0]]


_open = {}  # host -> streams that it may still have open


def forget_streams(host):
    """The host has closed them, and may give their handles to others."""
    for batches in _open.pop(host.self, ()):
        batches._stream = None


class Batches:
    """An open stream, read once."""

    def __init__(self, host, request, names, ids):
        self._host, self._stream, stream = host, None, c.c_void_p()
        self._kept = names, ids
        check(host.stream_open(host.self, c.byref(request), c.byref(stream)))
        self._stream = stream
        info = _abi.StreamInfo(struct_size=c.sizeof(_abi.StreamInfo))
        check(host.stream_info(host.self, self._stream, c.byref(info)))
        self.samples = info.samples
        """samples of an epoch"""
        self.batches_per_epoch = info.batches_per_epoch
        self.dropped = info.dropped
        self._batches = info.batches
        self._raw = _abi.Batch()
        _open.setdefault(host.self, weakref.WeakSet()).add(self)

    def __len__(self):
        """Batches over all epochs."""
        return self._batches

    def __iter__(self):
        return self

    def __next__(self):
        if self._stream is None:
            raise StopIteration
        self._raw.struct_size = c.sizeof(_abi.Batch)
        if check(self._host.stream_next(self._host.self, self._stream, c.byref(self._raw))) == _abi.END:
            self.close()
            raise StopIteration
        return Batch(self._raw)

    def close(self):
        if self._stream is not None:
            self._host.stream_close(self._host.self, self._stream)
            self._stream = None

    def __del__(self):  # of a loop that was left before its end
        self.close()


class Stream:
    """A request for samples. Each setter returns a new request and leaves this one as it is; iterating over it opens it."""

    def __init__(self, host, sources, parts, aux=None):
        self._host, self._sources, self._aux = host, sources, aux
        self._parts = list(parts) if aux else ["labels"] + [name for name in parts if name != "labels"]
        self._view, self._shuffle, self._drop_last, self._epochs, self._size, self._ids = None, False, False, 1, 64, None

    def _with(self, **changes):
        changed = object.__new__(Stream)
        changed.__dict__.update(self.__dict__)
        changed.__dict__.update(changes)
        return changed

    def part(self, name):
        """Delivers this part as well."""
        return self if name in self._parts else self._with(_parts=self._parts + [name])

    def only_parts(self, *names):
        """Delivers these parts and the labels, in place of those of `inputs`."""
        return self._with(_parts=([] if self._aux else ["labels"]) + [name for name in names if name != "labels"])

    def images(self):
        return self.part("images")

    def features(self, kind="main:cls"):
        """Frozen features that the host computes and keeps; they exist in the evaluation view alone."""
        return self.part(kind)

    def sample_ids(self):
        return self.part("sample_ids")

    def task_ids(self):
        return self.part("task_ids")

    def train_view(self):
        """Augmented, as the configuration of the method says."""
        return self._with(_view=_TRAIN_VIEW)

    def eval_view(self):
        """The protocol's transform for evaluation."""
        return self._with(_view=_EVAL_VIEW)

    def shuffled(self, on=True):
        return self._with(_shuffle=on)

    def drop_last(self, on=True):
        return self._with(_drop_last=on)

    def epochs(self, n):
        return self._with(_epochs=n)

    def only(self, sample_ids):
        """These samples and no others; a list or a tensor."""
        return self._with(_ids=[int(k) for k in sample_ids])

    def batch_size(self, size):
        return self._with(_size=size)

    def batches(self, size=None):
        """Opens the stream."""
        names = _abi.texts(self._parts)
        ids = None if self._ids is None else (c.c_int64 * max(1, len(self._ids)))(*self._ids)
        only_images = all(map(_is_no_feature, self._parts))
        view = self._view or (_TRAIN_VIEW if only_images else _EVAL_VIEW)
        request = _abi.StreamRequest(
            struct_size=c.sizeof(_abi.StreamRequest), sources=self._sources, view=view, part_count=len(self._parts), parts=names,
            shuffle=bool(self._shuffle), drop_last=bool(self._drop_last), batch_size=size or self._size, epochs=self._epochs,
            sample_ids=ids, sample_id_count=0 if self._ids is None else len(self._ids), aux=self._aux.encode() if self._aux else None)
        return Batches(self._host, request, names, ids)

    def __iter__(self):
        return self.batches()
