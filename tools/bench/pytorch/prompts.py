"""L2P, DualPrompt and CODA-Prompt, from their papers: prompts found by the frozen network's feature of an image, its query."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from network import frozen, tokens
from training import Method


def uniform(*size):
    return nn.Parameter(torch.empty(size).uniform_(-1, 1))


class Prompting(Method):
    def __init__(self, *given):
        super().__init__(*given)
        frozen(self.vit)
        self.head = nn.Linear(self.dim, self.classes)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    @torch.no_grad()
    def query(self, images):
        return self.vit(images)

    def learn_prompts(self, task, prompts, loss, schedule=None):
        optimizer = torch.optim.Adam([*prompts, *self.head.parameters()], self.options.lr)
        self.fit(task, optimizer, loss, schedule and torch.optim.lr_scheduler.LambdaLR(optimizer, schedule))


class L2p(Prompting):
    """As in the paper: prompts have no position, and every image chooses its own."""

    def __init__(self, *given, size=10, length=5, top=5):
        super().__init__(*given)
        self.pool, self.keys, self.top = uniform(size, length, self.dim), uniform(size, self.dim), top

    def choose(self, images):
        cosines = F.normalize(self.query(images)) @ F.normalize(self.keys).T
        chosen = cosines.topk(self.top)
        return chosen.indices, chosen.values.sum(1).mean()

    def prompted(self, images, ids):
        prompts = self.pool[ids].flatten(1, 2)
        return self.head(tokens(self.vit, images, prompts)[:, 1 : 1 + prompts.shape[1]].mean(1))

    def learn(self, task):
        def loss(images, labels):
            ids, similarity = self.choose(images)
            return self.among(task, self.prompted(images, ids), labels) - 0.1 * similarity

        self.learn_prompts(task, [self.pool, self.keys], loss)

    def logits(self, images):
        return self.prompted(images, self.choose(images)[0])[:, : self.seen]


class DualPrompt(Prompting):
    def __init__(self, *given, size=10, length=5):
        super().__init__(*given)
        self.general, self.experts = uniform(2, 2, length, self.dim), uniform(3, size, 2, length, self.dim)
        self.keys, self.task = uniform(size, self.dim), -1

    def prompted(self, images, ids):
        prefixes = {block: self.general[block].unsqueeze(1).expand(2, len(images), -1, -1) for block in (0, 1)}
        for k, block in enumerate((2, 3, 4)):
            prefixes[block] = self.experts[k][ids].unbind(1)
        return self.head(tokens(self.vit, images, prefixes=prefixes)[:, 0])

    def cosines(self, images):
        return F.normalize(self.query(images)) @ F.normalize(self.keys).T

    def learn(self, task):
        self.task += 1
        if self.task > 0:
            with torch.no_grad():
                self.experts[:, self.task] = self.experts[:, self.task - 1]

        def loss(images, labels):
            pull = self.cosines(images)[:, self.task].mean()
            ids = torch.full((len(images),), self.task)
            return self.among(task, self.prompted(images, ids), labels) - 0.1 * pull

        self.learn_prompts(task, [self.general, self.experts, self.keys], loss)

    def logits(self, images):
        return self.prompted(images, self.cosines(images).argmax(1))[:, : self.seen]


def orthogonal(old, count, shape):
    """New rows behind the old ones, each orthogonal to all before it and of length 1."""
    rows = list(old.detach().flatten(1))
    for _ in range(count):
        drawn = torch.randn(math.prod(shape))
        row = drawn - sum((drawn @ kept / (kept @ kept) * kept for kept in rows), torch.zeros_like(drawn))
        rows.append(row / row.norm())
    return torch.stack(rows[len(old) :]).unflatten(1, shape)


class CodaPrompt(Prompting):
    BLOCKS, SHARE, LENGTH = range(5), 10, 8

    def __init__(self, *given):
        super().__init__(*given)
        self.head.reset_parameters()
        shapes = [(self.LENGTH, self.dim), (self.dim,), (self.dim,)]  # prompts, keys, attention
        self.old = [[torch.empty(0, *shape) for shape in shapes] for _ in self.BLOCKS]
        self.own = [[torch.empty(0, *shape) for shape in shapes] for _ in self.BLOCKS]

    def learn(self, task):
        self.old = [[torch.cat(both).detach() for both in zip(*parts)] for parts in zip(self.old, self.own)]
        self.own = [[nn.Parameter(orthogonal(part, self.SHARE, part.shape[1:])) for part in parts] for parts in self.old]
        last = max(1, self.options.epochs - 1)
        self.learn_prompts(task, [part for parts in self.own for part in parts],
                           lambda images, labels: self.among(task, self.prompted(images), labels),
                           lambda epoch: math.cos(99 * math.pi * max(0, epoch - 1) / (200 * last)))

    def prompted(self, images):
        query, prefixes = self.query(images), {}
        for block in self.BLOCKS:
            prompts, keys, attention = (torch.cat(both) for both in zip(self.old[block], self.own[block]))
            weights = torch.einsum("bkd,kd->bk", F.normalize(query[:, None] * attention, dim=2), F.normalize(keys))
            prefixes[block] = torch.einsum("bk,kld->bld", weights, prompts).split(self.LENGTH // 2, 1)
        return self.head(tokens(self.vit, images, prefixes=prefixes)[:, 0])

    def logits(self, images):
        return self.prompted(images)[:, : self.seen]


METHODS = {"l2p": L2p, "dualprompt": DualPrompt, "coda_prompt": CodaPrompt}
