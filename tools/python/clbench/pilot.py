"""For learners that are written for LAMDA-PILOT (Sun et al., arXiv:2309.07117): a class with `incremental_train(data_manager)` and
`after_task()` that has a network in self._network becomes a method of clbench when it derives from Learner and takes DataLoader, and
where it likes IncrementalNet, from here. docs/python.md shows one.

What differs: test images come without labels, through `predict`, so `eval_task` is the host's business and a test loader is empty; the
number of tasks and classes to come is hidden unless the method claims knows_horizon; `incremental_train` may not set global seeds."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .errors import Invalid
from .method import Method, to_device
from .vit import Vit


class DataManager:
    """What `incremental_train` gets. Only the current task can be read."""

    def __init__(self, method):
        self._method = method
        self.nb_tasks, self.nb_classes = method.task.task_count, method.task.class_count

    def get_task_size(self, task):
        if task != self._method.task.index:
            raise Invalid("get_task_size(%d): in task %d only the size of this task is known" % (task, self._method.task.index))
        return self._method._total_after - self._method._known_classes

    def get_total_classnum(self):
        return self._method.task.classes_seen

    def get_dataset(self, indices, source, mode, appendent=None):
        """indices: the classes. source: "train", or "test", which is empty. mode: "train" for the augmented view, "test" for the other."""
        if source not in ("train", "test") or mode not in ("train", "test"):
            raise Invalid("get_dataset(source=%r, mode=%r): source and mode are \"train\" or \"test\"" % (source, mode))
        if appendent is not None and len(appendent):
            raise Invalid("get_dataset(appendent=...): exemplars are the host's; ask for self.ctx.train_and_memory()")
        wanted = {int(k) for k in indices}
        if source == "test":
            return Dataset(self._method, None, mode, wanted)
        if not wanted <= set(self._method.task.labels):
            raise Invalid("get_dataset: only classes of the current task have training images; keep what you need of earlier ones")
        return Dataset(self._method, self._method.ctx.train(), mode, wanted)


class Dataset:
    """Training images of some classes of the current task; without a stream it is empty."""

    def __init__(self, method, stream, mode, classes):
        self.method, self.stream, self._ids = method, None, []
        if stream is None:
            return
        for batch in stream.only_parts("sample_ids").eval_view().batches(1024):
            wanted = torch.tensor(sorted(classes), device=batch.labels.device)
            self._ids += batch.sample_ids[torch.isin(batch.labels, wanted)].tolist()
        chosen = stream.only_parts("images", "sample_ids")
        chosen = chosen if classes == set(method.task.labels) else chosen.only(self._ids)
        self.stream = chosen.train_view() if mode == "train" else chosen.eval_view()

    def __len__(self):
        return len(self._ids)


class DataLoader:
    """Takes the place of torch's: (indices, images, labels), on the device of the run, an epoch each time it is iterated over. Order, boxes
    and flips are the host's; workers are, too."""

    def __init__(self, dataset, batch_size=1, shuffle=False, num_workers=0, drop_last=False, pin_memory=False, persistent_workers=False):
        self.dataset, self.batch_size, self.drop_last = dataset, batch_size, drop_last
        self._stream = dataset.stream and dataset.stream.shuffled(shuffle).drop_last(drop_last)

    def __len__(self):
        count = len(self.dataset)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self):
        if self._stream is None:
            return
        for batch in self._stream.batches(self.batch_size):
            self.dataset.method.ctx.progress("batch", batch.step, len(self))
            yield batch.sample_ids, batch.images, batch.labels


class CosineLinear(nn.Module):
    """Cosines with the rows of `weight`, times a learned factor."""

    def __init__(self, dim, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dim))
        self.sigma = nn.Parameter(torch.ones(1))
        nn.init.uniform_(self.weight, -1 / math.sqrt(dim), 1 / math.sqrt(dim))

    def forward(self, x):
        return self.sigma * F.linear(F.normalize(x, dim=1), F.normalize(self.weight, dim=1))


class IncrementalNet(nn.Module):
    """A backbone and a head that grows: convnet, fc, feature_dim, extract_vector, update_fc, forward."""

    def __init__(self, ctx, head=CosineLinear):
        super().__init__()
        self.convnet = Vit.of(ctx.weights(), ctx.image_size).to(ctx.device)
        self.fc, self._head = None, head

    @property
    def feature_dim(self):
        return self.convnet.dim

    def extract_vector(self, x):
        return self.convnet(x)

    def update_fc(self, classes, *ignored):
        fc = self._head(self.feature_dim, classes).to(next(self.convnet.parameters()).device)
        if self.fc is not None:
            with torch.no_grad():
                for name, old in self.fc.named_parameters():
                    new = getattr(fc, name)
                    new[: len(old)] = old if new.shape[1:] == old.shape[1:] else new[: len(old)]
        self.fc = fc

    def forward(self, x):
        features = self.convnet(x)
        return {"features": features, "logits": self.fc(features)}


class Learner(Method):
    """Derive from it in place of BaseLearner. `__init__` becomes `create`; self.args are the parameters of the header by name."""

    inputs = ["images"]

    def begin_task(self, task):
        if task.index == 0:
            self._cur_task, self._known_classes, self._total_classes = -1, 0, 0
        self._total_after = task.classes_seen

    def train_task(self, task, stream):
        self.incremental_train(DataManager(self))
        if self._total_classes != task.classes_seen:
            raise Invalid("after incremental_train self._total_classes is %d, and %d classes were seen; add data_manager.get_task_size(...)"
                          % (self._total_classes, task.classes_seen))

    def end_task(self, task):
        self._network.eval()
        self.after_task()

    def incremental_train(self, data_manager):
        raise NotImplementedError("incremental_train is missing in the class %s" % type(self).__name__)

    def after_task(self):
        self._known_classes = self._total_classes

    def predict(self, batch):
        self._network.eval()
        out = self._network(batch.images)
        return out["logits"] if isinstance(out, dict) else out

    def _compute_accuracy(self, model, loader):
        """Test images have no labels here: training that prints a test accuracy prints nan."""
        return math.nan

    @property
    def args(self):
        return {**vars(self.params), "device": [self.ctx.device]}

    @property
    def _device(self):
        return self.ctx.device

    def state(self):
        own = {name: getattr(self, name) for name in self.saved}
        return {"network": self._network, "task": self._cur_task, "known": self._known_classes, "total": self._total_classes, "own": own}

    def load(self, state):
        self._cur_task, self._known_classes, self._total_classes = state["task"], state["known"], state["total"]
        if self._total_classes and hasattr(self._network, "update_fc"):
            self._network.update_fc(self._total_classes)
        self._network.load_state_dict(state["network"])
        for name in self.saved:
            setattr(self, name, to_device(state["own"][name], self.ctx.device))
