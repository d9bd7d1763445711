"""The methods, from their papers, one class each: learn(task) with the task's labels and logits(images) over all classes seen."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from network import CosineHead, adapters_for, frozen, tokens
from training import Method


def class_means(features, labels, of):
    return torch.stack([features[labels == label].mean(0) for label in of])


def cosine(a, b):
    return F.normalize(a) @ F.normalize(b).T


class SimpleCil(Method):
    def __init__(self, *given):
        super().__init__(*given)
        frozen(self.vit)
        self.means = torch.empty(0, self.dim)

    def learn(self, task):
        self.means = torch.cat([self.means, class_means(*self.collect(task, self.vit), task)])

    def logits(self, images):
        return cosine(self.vit(images), self.means)


class RanPac(Method):
    """Without first-session adaptation; sums in float32 and a solve for each candidate, as released."""

    def __init__(self, *given):
        super().__init__(*given)
        frozen(self.vit)
        columns = self.options.projection
        self.projection = torch.randn(self.dim, columns)
        self.gram, self.sums = torch.zeros(columns, columns), torch.zeros(columns, self.classes)

    def projected(self, features):
        return F.relu(features @ self.projection)

    def learn(self, task):
        features, labels = self.collect(task, self.vit, shuffle=True)
        rows, targets = self.projected(features), F.one_hot(labels, self.classes).float()
        ridge = self.ridge(rows, targets)
        self.gram += rows.T @ rows
        self.sums += rows.T @ targets
        self.weights = torch.linalg.solve(self.gram + ridge * torch.eye(len(self.gram)), self.sums)

    @staticmethod
    def ridge(rows, targets):
        fit = int(0.8 * len(rows))
        gram, sums, unit = rows[:fit].T @ rows[:fit], rows[:fit].T @ targets[:fit], torch.eye(rows.shape[1])
        losses = {}
        for ridge in [10.0**power for power in range(-8, 9)]:
            weights = torch.linalg.solve_ex(gram + ridge * unit, sums)[0]
            loss = F.mse_loss(rows[fit:] @ weights, targets[fit:]).item()
            losses[ridge] = loss if loss == loss else float("inf")
        return min(losses, key=losses.get)

    def logits(self, images):
        return self.projected(self.vit(images)) @ self.weights[:, : self.seen]


class Finetune(Method):
    """The head is drawn as LAMDA-PILOT's."""

    def __init__(self, *given):
        super().__init__(*given)
        self.head = nn.Linear(self.dim, self.classes)
        nn.init.kaiming_uniform_(self.head.weight, nonlinearity="linear")
        nn.init.zeros_(self.head.bias)

    def learn(self, task):
        optimizer = torch.optim.SGD([*self.vit.parameters(), *self.head.parameters()], self.options.lr, momentum=0.9, weight_decay=2e-4)
        self.fit(task, optimizer, lambda images, labels: self.among(task, self.head(self.vit(images)), labels))

    def logits(self, images):
        return self.head(self.vit(images))[:, : self.seen]


class Slca(Method):
    def __init__(self, *given):
        super().__init__(*given)
        self.vit.norm = nn.LayerNorm(self.dim)  # with torch's eps, as released
        self.heads, self.gaussians = nn.ModuleList(), []

    def learn(self, task):
        self.heads.requires_grad_(False)
        self.heads.append(nn.Linear(self.dim, len(task)))
        nn.init.trunc_normal_(self.heads[-1].weight, std=0.02)
        nn.init.zeros_(self.heads[-1].bias)
        lr = self.options.lr
        groups = [{"params": self.vit.parameters(), "lr": lr * 0.01}, {"params": self.heads[-1].parameters(), "lr": lr}]
        optimizer = torch.optim.SGD(groups, momentum=0.9, weight_decay=5e-4)
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [18], 0.1)
        self.fit(task, optimizer, lambda images, labels: F.cross_entropy(self.heads[-1](self.vit(images)), labels - task[0]), schedule)
        features, labels = self.collect(task, self.vit)
        for label in task:
            rows = features[labels == label].double()
            covariance = torch.cov(rows.T) + 1e-4 * torch.eye(self.dim)
            self.gaussians.append((rows.mean(0).float(), covariance.float(), len(self.heads)))
        self.aligned = nn.ModuleList(nn.Linear(self.dim, head.out_features) for head in self.heads)
        self.aligned.load_state_dict(self.heads.state_dict())
        if len(self.heads) > 1:
            self.align()

    def align(self, epochs=5, each=256, temperature=0.1):
        optimizer = torch.optim.SGD(self.aligned.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
        schedule = CosineAnnealingLR(optimizer, epochs)
        for _ in range(epochs):
            drawn = [torch.distributions.MultivariateNormal(mean * (0.9 + 0.1 * task / len(self.heads)), covariance).sample((each,))
                     for mean, covariance, task in self.gaussians]
            rows, labels = torch.cat(drawn), torch.arange(len(drawn)).repeat_interleave(each)
            for batch in torch.randperm(len(rows)).split(each):
                parts = [head(rows[batch]) for head in self.aligned]
                norm = torch.stack([part.norm(dim=1, keepdim=True) + 1e-7 for part in parts]).mean(0)
                loss = F.cross_entropy(torch.cat(parts, 1) / norm / temperature, labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            schedule.step()

    def logits(self, images):
        features = self.vit(images)
        return torch.cat([head(features) for head in self.aligned], 1)


class Adapted(Method):
    """What EASE and APER share: adapters that learn a task with a cosine head, which is then thrown away."""

    def __init__(self, *given):
        super().__init__(*given)
        frozen(self.vit)
        self.adapters = []

    def in_space(self, images, adapters):
        return tokens(self.vit, images, adapters=adapters)[:, 0]

    def learn_adapters(self, task):
        adapters, head = adapters_for(self.vit), CosineHead(self.dim, len(task))
        optimizer = torch.optim.SGD([*adapters.parameters(), *head.parameters()], self.options.lr, momentum=0.9, weight_decay=5e-4)
        self.fit(task, optimizer, lambda images, labels: F.cross_entropy(head(self.in_space(images, adapters)), labels - task[0]),
                 CosineAnnealingLR(optimizer, self.options.epochs))
        self.adapters.append(frozen(adapters))


class Aper(Adapted):
    def __init__(self, *given):
        super().__init__(*given)
        self.means = torch.empty(0, 2 * self.dim)

    def learn(self, task):
        if not self.adapters:
            self.learn_adapters(task)
        self.means = torch.cat([self.means, class_means(*self.collect(task, self.both), task)])

    def both(self, images):
        return torch.cat([self.vit(images), self.in_space(images, self.adapters[0])], 1)

    def logits(self, images):
        return cosine(self.both(images), self.means)


class Ease(Adapted):
    def __init__(self, *given):
        super().__init__(*given)
        self.tasks, self.means = [], {}  # means[task, space] [classes, d]

    def learn(self, task):
        self.learn_adapters(task)
        self.tasks.append(task)
        newest = len(self.tasks) - 1
        for space, adapters in enumerate(self.adapters):
            features, labels = self.collect(task, lambda images: self.in_space(images, adapters))
            self.means[newest, space] = class_means(features, labels, task)
        for old in range(newest):
            for space in range(old + 1, newest + 1):
                self.complement(old, space)

    def complement(self, old, space):
        """Classes of an old task in a newer space, from those of later tasks that resemble them in the old one."""
        later = range(space, len(self.tasks))
        like = torch.softmax(cosine(self.means[old, old], torch.cat([self.means[task, old] for task in later])), 1)
        self.means[old, space] = like @ torch.cat([self.means[task, space] for task in later])

    def logits(self, images):
        features = [self.in_space(images, adapters) for adapters in self.adapters]
        others, parts = max(1, len(features) - 1), []
        for task in range(len(self.tasks)):
            parts.append(sum((1 if space == task else 0.1 / others) * cosine(rows, self.means[task, space])
                             for space, rows in enumerate(features)))
        return torch.cat(parts, 1)


METHODS = {"simplecil": SimpleCil, "ranpac": RanPac, "finetune": Finetune, "slca": Slca, "ease": Ease, "aper": Aper}
