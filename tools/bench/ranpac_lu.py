"""RanPAC's solves as LAMDA-PILOT makes them: after each task one LU solve for each of 17 ridges on four fifths of the task's images, and one
for the whole. Random features: what they hold takes no time. For comparison with `clbench run` of ranpac on cached features
(docs/performance.md); written from the paper and the mathematics in methods' documentation.

    python tools/bench/ranpac_lu.py [--dim 192] [--projection 10000] [--images 500] [--classes 10] [--tasks 1]
"""

import argparse
import resource
import time

import torch


def best_ridge(projected, targets):
    """The ridge of 10^-8 ... 10^8 with the least squared error on the last fifth of the images."""
    train = len(projected) * 4 // 5
    gram, cross = projected[:train].T @ projected[:train], projected[:train].T @ targets[:train]
    losses = {}
    for ridge in 10.0 ** torch.arange(-8, 9):
        weights = torch.linalg.solve(gram + ridge * torch.eye(len(gram)), cross)
        losses[float(ridge)] = torch.nn.functional.mse_loss(projected[train:] @ weights, targets[train:]).item()
    return min(losses, key=losses.get)


def main():
    parser = argparse.ArgumentParser()
    for name, value in {"dim": 192, "projection": 10000, "images": 500, "classes": 10, "tasks": 1}.items():
        parser.add_argument("--" + name, type=int, default=value)
    options = parser.parse_args()
    torch.manual_seed(0)
    drawn = torch.randn(options.dim, options.projection)
    classes = options.classes * options.tasks
    gram, cross = torch.zeros(options.projection, options.projection), torch.zeros(options.projection, classes)
    for task in range(options.tasks):
        start = time.perf_counter()
        projected = torch.relu(torch.randn(options.images, options.dim) @ drawn)
        labels = torch.arange(options.images) % options.classes + options.classes * task
        targets = torch.nn.functional.one_hot(labels, classes).float()
        gram += projected.T @ projected
        cross += projected.T @ targets
        ridge = best_ridge(projected, targets)
        torch.linalg.solve(gram + ridge * torch.eye(len(gram)), cross)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"task {task + 1}: {time.perf_counter() - start:.1f} s on {torch.get_num_threads()} threads, peak {peak:.1f} GB", flush=True)


main()
