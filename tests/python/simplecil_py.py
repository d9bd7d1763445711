# /// clbench
# id = "simplecil_py"
# version = "1.0.0"
# paper = "Zhou et al., IJCV 2024, arXiv:2303.07338"
# capabilities = ["statistics_only", "frozen_features", "bitwise", "bf16"]
#
# [[param]]
# name = "scale"
# type = "float"
# default = 1.0
# range = [0.01, 100]
# help = "factor on the logits; never changes the ranking"
#
# [[param]]
# name = "batch_size"
# type = "int"
# default = 1024
# range = [1, 65536]
# help = "features per batch"
# ///
"""SimpleCIL as plugins/simplecil has it, with the same operations in the same order: their logits are equal bit for bit."""

import torch

import clbench


def unit_rows(x):
    return x / x.norm(2, -1, keepdim=True).clamp_min(1e-12)


def grown(old, rows):
    new = torch.zeros(rows, old.shape[1], dtype=old.dtype, device=old.device)
    new[: old.shape[0]] = old
    return new


class SimpleCil(clbench.Method):
    inputs = ["main:cls"]
    saved = ["sums", "counts"]

    def create(self):
        self.sums = torch.zeros(0, self.ctx.feature_dim(), dtype=torch.float64, device=self.ctx.device)
        self.counts = torch.zeros(0, 1, dtype=torch.float64, device=self.ctx.device)

    def train_task(self, task, stream):
        self.sums, self.counts = grown(self.sums, task.classes_seen), grown(self.counts, task.classes_seen)
        for batch in stream.batches(self.params.batch_size):
            self.sums.index_add_(0, batch.labels, batch.features.to(torch.float64))
            self.counts.index_add_(0, batch.labels, torch.ones(batch.n, 1, dtype=torch.float64, device=self.ctx.device))

    def predict(self, batch):
        means = (self.sums / self.counts.clamp_min(1)).to(torch.float32)
        return self.params.scale * unit_rows(batch.features).matmul(unit_rows(means).t())
