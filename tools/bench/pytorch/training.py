"""What all methods share: the loop over epochs, features of a task's images, accuracy over the classes seen."""

import torch
import torch.nn.functional as F


class Method:
    def __init__(self, vit, data, options):
        self.vit, self.data, self.options = vit, data, options
        self.dim, self.classes, self.seen = vit.embed_dim, options.classes * options.tasks, 0
        self.updates, self.loss = 0, None

    def fit(self, task, optimizer, loss_of, schedule=None):
        loader = self.data.loader("train", "train", task, self.options.batch_size, shuffle=True)
        for _ in range(self.options.epochs):
            for images, labels in loader:
                loss = loss_of(images, labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                self.updates, self.loss = self.updates + 1, loss.item()
            if schedule:
                schedule.step()

    @staticmethod
    def among(task, logits, labels):
        """Cross-entropy in which the task's classes alone compete."""
        return F.cross_entropy(logits[:, task[0] : task[-1] + 1], labels - task[0])

    @torch.no_grad()
    def collect(self, task, features, shuffle=False):
        pairs = [(features(images), labels) for images, labels in self.data.loader("train", "eval", task, 64, shuffle)]
        return torch.cat([rows for rows, _ in pairs]), torch.cat([labels for _, labels in pairs])

    @torch.no_grad()
    def accuracy(self):
        hits = total = 0
        for images, labels in self.data.loader("test", "eval", range(self.seen), 64):
            hits += (self.logits(images).argmax(1) == labels).sum().item()
            total += len(labels)
        return 100 * hits / total
