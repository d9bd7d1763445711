"""The base class of a method."""

from __future__ import annotations

from typing import Any


class Method:
    """A continual-learning method. Calls come in this order:

        create, then for each task begin_task, train_task, end_task, predict (many times), state

    After `load` on a fresh object the session goes on with the next task, or with predict. Evaluation must not change a method.

    self.ctx       what the session offers (clbench.context.Context): device, weights, random numbers, progress, metrics
    self.params    values of the parameters of the header, by name: self.params.lr
    self.task      the current task (clbench.context.Task)
    """

    inputs = ["images"]
    """What `predict` and the stream of `train_task` deliver, by the names of clb/batch.h: "images", "main:cls", "task_ids"."""

    saved = ()
    """Names of attributes that are the state, where `state` and `load` are not overridden: modules, tensors, plain values."""

    ctx: Any = None
    params: Any = None
    task: Any = None

    def create(self):
        """Parameters are set and self.ctx works."""

    def begin_task(self, task):
        """Before `train_task` of the same task."""

    def train_task(self, task, stream):
        """Learns a task. `stream` is a request for its training samples (clbench.stream.Stream): an iterator of batches as it is, and
        `stream.shuffled().epochs(5).batches(64)` says how they come."""
        raise NotImplementedError

    def end_task(self, task):
        """After `train_task` of the same task."""

    def predict(self, batch):
        """[n, len(batch.columns)] logits, or simply [n, task.classes_seen]: those of the columns are then taken from it. No gradients are
        recorded."""
        raise NotImplementedError

    def extract(self, kind, batch):
        """[n, d] features of batch.images of a kind that ctx.register_part has declared."""
        raise NotImplementedError("extract is missing in the class %s, which has registered features" % type(self).__name__)

    def state(self):
        """Everything that `predict` and the next task need, as a dict: tensors, modules, numbers, texts, None; lists and dicts of them."""
        return {name: getattr(self, name) for name in self.saved}

    def load(self, state):
        """Takes up what `state` gave, modules as their state_dict. Tensors lie on the processor."""
        for name in self.saved:
            mine = getattr(self, name, None)
            if hasattr(mine, "load_state_dict"):
                mine.load_state_dict(state[name])
            else:
                setattr(self, name, to_device(state[name], self.ctx.device))


def to_device(value, device):
    """Tensors in lists and dicts, moved."""
    if isinstance(value, dict):
        return {key: to_device(element, device) for key, element in value.items()}
    if isinstance(value, list):
        return [to_device(element, device) for element in value]
    return value.to(device) if hasattr(value, "to") else value
