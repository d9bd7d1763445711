#!/usr/bin/env python3
"""What the border costs a method in Python: a question of 64 x 192 features and its answer, and a training step of DeiT-Tiny at 112 pixels,
each with tensors that cross by DLPack and callbacks, and with the same tensors in hand. A host of ctypes functions stands in for the real
one, so that what is printed is an upper bound: the real one is called by C.

    OMP_NUM_THREADS=1 PYTHONPATH=tools/python python3 tools/bench/python_bench.py
"""

import ctypes as c
import statistics
import time

import torch

from clbench import Method, _abi, _table, _tensors
from clbench.vit import Vit

REPEATS = 5


def best_of(call, times):
    """Seconds of a call on the processor, so that a busy machine does not matter: the median of the means of a few rounds."""
    rounds = []
    for _ in range(REPEATS):
        start = time.thread_time()
        for _ in range(times):
            call()
        rounds.append((time.thread_time() - start) / times)
    return statistics.median(rounds)


class Host:
    """Enough of clb_host for create, predict and a stream that gives the same batch again and again."""

    def __init__(self, parts):
        self.parts, self.left = parts, 0
        self.names = [name.encode() for name in parts]
        kinds = dict(_abi.Host._fields_)
        self.raw = _abi.Host(struct_size=c.sizeof(_abi.Host))
        calls = {"get_extension": lambda s, name: None, "stream_open": self.open, "stream_info": self.info, "stream_next": self.next,
                 "stream_close": lambda s, stream: None, "progress": lambda s, what, done, total: 0,
                 "set_error": lambda s, code, text, file, line: print("failed:", text.decode(), file, line),
                 "metric": lambda s, name, step, value: None}
        for name, call in calls.items():
            setattr(self.raw, name, kinds[name](call))

    def array(self):
        array = (_abi.Part * len(self.parts))()
        for k, (name, tensor) in enumerate(zip(self.names, self.parts.values())):
            array[k].struct_size, array[k].name, array[k].tensor = c.sizeof(_abi.Part), name, _tensors.handed_over(tensor)
        return array

    def open(self, _, request, stream):
        self.left = request[0].epochs
        stream[0] = 1
        return 0

    def info(self, _, stream, info):
        info[0].batches = info[0].batches_per_epoch = self.left
        return 0

    def next(self, _, stream, batch):
        if self.left == 0:
            return 1
        self.left -= 1
        self.kept = self.array()
        raw = batch[0]
        raw.part_count, raw.parts, raw.part_stride = len(self.kept), c.addressof(self.kept), c.sizeof(_abi.Part)
        raw.n = len(self.parts["labels"])
        return 0


def made(kind, host):
    """An object of a class, as the host makes one."""
    _table._chosen = kind
    session = _abi.Session(struct_size=c.sizeof(_abi.Session), precision=1, host=c.addressof(host.raw), device_type=1)
    _, table, _ = _table.functions()
    self = c.c_void_p()
    assert table.create(c.addressof(session), c.byref(self)) == 0
    return table, self, (table, session)


class Nearest(Method):
    inputs = ["main:cls"]

    def create(self):
        self.means = torch.rand(10, 192)

    def predict(self, batch):
        return batch.features @ self.means.T


def question():
    features = torch.rand(64, 192)
    host = Host({"main:cls": features})
    table, self, kept = made(Nearest, host)
    columns = (c.c_int64 * 10)(*range(10))
    method = _table._objects[self.value]
    method.task.classes_seen = 10

    def across():
        parts = host.array()
        asked = _abi.Question(struct_size=c.sizeof(_abi.Question), part_count=1, parts=c.addressof(parts), part_stride=c.sizeof(_abi.Part),
                              n=64, columns=columns, column_count=10, step=1)
        logits = c.c_void_p()
        assert table.predict(self, c.addressof(asked), c.byref(logits)) == 0
        _tensors.received(logits.value)

    def in_hand():
        with torch.no_grad():
            return features @ method.means.T

    return best_of(across, 1000), best_of(in_hand, 1000)


def training_step():
    images, labels = torch.rand(32, 3, 112, 112), torch.randint(10, (32,))
    vit, head = Vit((7, 7), 3, 16, 192, 12, 3, 768), torch.nn.Linear(192, 10)
    optimizer = torch.optim.SGD([*vit.parameters(), *head.parameters()], lr=1e-4, momentum=0.9)

    def step(images, labels):
        loss = torch.nn.functional.cross_entropy(head(vit(images)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    class Trains(Method):
        def train_task(self, task, stream):
            batches = stream.epochs(1).batches(32)
            for batch in batches:
                self.ctx.progress("update", batch.step, len(batches))
                step(batch.images, batch.labels)

    host = Host({"labels": labels, "images": images})
    table, self, kept = made(Trains, host)
    task = _abi.Task(struct_size=c.sizeof(_abi.Task))

    def across():
        assert table.train_task(self, c.addressof(task)) == 0  # one batch

    step(images, labels)
    return best_of(across, 3), best_of(lambda: step(images, labels), 3)


def main():
    across, in_hand = question()
    print("a question of 64 x 192 features and its answer: %.0f us across the border, %.0f us in hand, %.0f us more"
          % (across * 1e6, in_hand * 1e6, (across - in_hand) * 1e6))
    across, in_hand = training_step()
    print("a training step of DeiT-Tiny at 112, 32 images: %.1f ms across the border, %.1f ms in hand, ratio %.3f"
          % (across * 1e3, in_hand * 1e3, across / in_hand))


if __name__ == "__main__":
    main()
