#!/usr/bin/env python3
"""One method of continual learning on CIFAR-100, written as the field's Python toolboxes write it: the other side of
tools/bench/against_pytorch.sh. Prints one line of JSON. Needs torch, torchvision and timm.

    python3 tools/bench/pytorch/run.py l2p --data FOLDER --weights deit_tiny_patch16_224.safetensors --recipe share/recipes/augmented-112.toml
"""

import argparse
import json
import resource
import time

STARTED = time.time()  # loading torch counts

import torch

import methods
import network
import prompts
from data import Cifar100

METHODS = methods.METHODS | prompts.METHODS


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("--data", required=True, help="folder of train.bin and test.bin")
    parser.add_argument("--weights", required=True, help="DeiT-Tiny as a safetensors file")
    parser.add_argument("--recipe", required=True, help="transforms, a file of share/recipes")
    for name, default, what in (("classes", 10, "classes of a task"), ("tasks", 2, "tasks"), ("train-per-class", 20, "training images"),
                                ("test-per-class", 10, "test images"), ("batch-size", 16, "images of an update"),
                                ("epochs", 3, "epochs of a task"), ("projection", 2000, "columns of RanPAC's projection"),
                                ("seed", 0, "seed")):
        parser.add_argument("--" + name, type=int, default=default, help=f"{what} (default {default})")
    parser.add_argument("--lr", type=float, default=0.01, help="learning rate (default 0.01)")
    return parser.parse_args()


def main():
    given = options()
    torch.manual_seed(given.seed)
    data = Cifar100(given.data, given.recipe, given.train_per_class, given.test_per_class, given.classes * given.tasks)
    method = METHODS[given.method](network.load(given.weights, data.side), data, given)
    accuracies = []
    for task in range(given.tasks):
        first = method.seen
        method.seen += given.classes
        method.learn(range(first, method.seen))
        accuracies.append(method.accuracy())
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"method": given.method, "seconds": round(time.time() - STARTED, 2), "processor": round(used.ru_utime + used.ru_stime, 2),
                      "peak_mb": round(used.ru_maxrss / 1024), "updates": method.updates, "loss": method.loss,
                      "accuracy": accuracies[-1], "accuracies": accuracies}))


if __name__ == "__main__":
    main()
