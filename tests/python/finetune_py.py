# /// clbench
# id = "finetune_py"
# version = "1.0.0"
# paper = "baseline; settings of Zhou et al., IJCAI 2024, arXiv:2401.16386"
# capabilities = ["bitwise"]
#
# [[param]]
# name = "lr"
# type = "float"
# default = 1e-3
# range = [0, 100]
# help = "learning rate"
#
# [[param]]
# name = "epochs"
# type = "int"
# default = 2
# range = [1, 100000]
# help = "epochs per task"
#
# [[param]]
# name = "batch_size"
# type = "int"
# default = 32
# range = [1, 65536]
# help = "images per update"
# ///
"""Sequential fine-tuning as plugins/finetune has it, all of the network trained, with torch's own modules and optimiser."""

import torch
from torch.nn import functional as F

import clbench
from clbench.vit import Vit


class Finetune(clbench.Method):
    inputs = ["images"]

    def create(self):
        self.vit = Vit.of(self.ctx.weights(), self.ctx.image_size).to(self.ctx.device)
        self.weight = torch.zeros(0, self.vit.dim, device=self.ctx.device)
        self.bias = torch.zeros(0, device=self.ctx.device)

    def grow(self, classes):
        bound = (3 / self.vit.dim) ** 0.5
        rows = [torch.empty(1, self.vit.dim, dtype=torch.float64).uniform_(-bound, bound, generator=self.ctx.rng("head/weight.%d" % c))
                for c in range(len(self.bias), classes)]
        self.weight = torch.cat([self.weight.detach(), torch.cat(rows).float().to(self.ctx.device)])
        self.bias = torch.cat([self.bias.detach(), torch.zeros(len(rows), device=self.ctx.device)])
        self.weight.requires_grad_()
        self.bias.requires_grad_()

    def train_task(self, task, stream):
        self.grow(task.classes_seen)
        parameters = [self.weight, self.bias, *self.vit.parameters()]
        optimizer = torch.optim.SGD(parameters, lr=self.params.lr, momentum=0.9, weight_decay=2e-4)
        others = torch.ones(task.classes_seen, dtype=torch.bool, device=self.ctx.device)
        others[task.labels] = False
        batches = stream.shuffled().epochs(self.params.epochs).batches(self.params.batch_size)
        losses = []
        for batch in batches:
            self.ctx.progress("update", batch.step, len(batches))
            logits = F.linear(self.vit(batch.images), self.weight, self.bias)
            loss = F.cross_entropy(logits.masked_fill(others, -torch.inf), batch.labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
            if (batch.step + 1) % batches.batches_per_epoch == 0:
                self.ctx.metric("loss", batch.epoch, torch.stack(losses).mean())
                losses = []

    def predict(self, batch):
        return F.linear(self.vit(batch.images), self.weight, self.bias)

    def state(self):
        return {"vit": self.vit, "weight": self.weight, "bias": self.bias}

    def load(self, state):
        self.vit.load_state_dict(state["vit"])
        self.weight = state["weight"].to(self.ctx.device).requires_grad_()
        self.bias = state["bias"].to(self.ctx.device).requires_grad_()
