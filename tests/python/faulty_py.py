# /// clbench
# id = "faulty_py"
# version = "1.0.0"
# paper = "none: it misbehaves on request, for tests"
# capabilities = ["bitwise"]
# sources = ["faulty_parts/noise.py"]
#
# [[param]]
# name = "fault"
# type = "choice"
# choices = ["none", "throw", "throw_in_source", "nan", "shape", "no_tensor", "dtype", "threads", "seed", "print", "leak_batch", "forget",
#   "hide", "file", "thread", "environment", "exit", "setting", "chdir", "signal", "random", "pickle", "deaf", "kill", "unnamed"]
# default = "none"
# help = "what goes wrong"
#
# [[param]]
# name = "once"
# type = "string"
# default = ""
# help = "of fault kill: only while this file is there, which it takes away"
# ///
"""Class means, which misbehave as `fault` says."""

import os
import signal
import threading
import time

import torch

import clbench
from faulty_parts import noise


class Faulty(clbench.Method):
    inputs = ["images"]

    def create(self):
        if self.params.fault == "setting":
            raise clbench.Invalid("fault = setting cannot be; take another")
        self.sums, self.counts, self.kept, self.secret = None, None, [], 0.0

    def features(self, images):
        return images.flatten(1).double()

    def train_task(self, task, stream):
        for batch in stream.eval_view().batches(16):
            x = self.features(batch.images)
            self.grow(task.classes_seen, x.shape[1])
            self.sums.index_add_(0, batch.labels, x)
            self.counts.index_add_(0, batch.labels, torch.ones(batch.n, dtype=torch.float64))
            self.ctx.progress("batch", batch.step)
            self.misbehave(batch)

    def misbehave(self, batch):
        fault = self.params.fault
        if fault == "throw":
            raise RuntimeError("thrown on purpose\nin two lines")
        if fault == "throw_in_source":
            noise.throw()
        if fault == "dtype":
            torch.set_default_dtype(torch.float64)
        if fault == "threads":
            torch.set_num_threads(torch.get_num_threads() + 1)
        if fault == "seed":
            torch.manual_seed(0)
        if fault == "print":
            print("a line on stdout")
        if fault == "hide":
            self.kept.append(batch.images)
        if fault == "file":
            open("left_behind", "w").close()
        if fault == "thread":
            threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
        if fault == "environment":
            os.environ["LEFT_BEHIND"] = "1"
        if fault == "exit":
            raise SystemExit(0)
        if fault == "chdir":
            os.chdir("/")
        if fault == "signal":
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        if fault == "random":
            self.sums += torch.rand(1, generator=torch.Generator().manual_seed(time.time_ns() % 2**40)).double()
        if fault == "kill" and self.task.index == 2 and os.path.exists(self.params.once):
            os.unlink(self.params.once)
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "unnamed":
            import unnamed_neighbour  # noqa: F401
        if fault == "deaf":
            try:
                time.sleep(20)
            except clbench.Cancelled:
                pass

    def grow(self, classes, dim):
        if self.sums is None:
            self.sums, self.counts = torch.zeros(0, dim, dtype=torch.float64), torch.zeros(0, dtype=torch.float64)
        more = classes - len(self.counts)
        self.sums = torch.cat([self.sums, self.sums.new_zeros(more, dim)])
        self.counts = torch.cat([self.counts, self.counts.new_zeros(more)])
        self.secret = float(self.sums.sum())

    def predict(self, batch):
        fault, x = self.params.fault, self.features(batch.images)
        logits = -(x[:, None] - (self.sums / self.counts.clamp_min(1)[:, None])[None]).square().mean(-1).float()
        if fault == "nan":
            logits[0, 0] = float("nan")
        if fault == "shape":
            return logits[:, :1]
        if fault == "no_tensor":
            return logits.numpy()
        if fault == "leak_batch":
            logits = logits - logits.mean(0)
        if fault == "forget":
            logits = logits * (1 + abs(self.secret) % 1)
        return logits

    def state(self):
        if self.params.fault == "pickle":
            return {"lock": threading.Lock()}
        return {"sums": self.sums, "counts": self.counts, "kept": self.kept}

    def load(self, state):
        self.sums, self.counts, self.kept = state["sums"], state["counts"], state["kept"]
