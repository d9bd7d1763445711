"""CIFAR-100 from its binary files as PIL images, and torchvision transforms as a recipe of share/recipes says."""

import tomllib
from pathlib import Path

import numpy
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as t

RECORD = 2 + 3 * 32 * 32  # coarse label, fine label, three planes


def transform(recipe, view):
    """view: "train" or "eval". Steps that no recipe of this comparison has are left out."""
    with open(recipe, "rb") as file:
        values = tomllib.load(file)
    steps = values[view]
    interpolation = t.InterpolationMode(steps["interpolation"])
    made = []
    if "resize" in steps:
        made.append(t.Resize(steps["resize"], interpolation))
    if "center_crop" in steps:
        made.append(t.CenterCrop(steps["center_crop"]))
    if "random_resized_crop" in steps:
        made.append(t.RandomResizedCrop(steps["random_resized_crop"], steps["scale"], interpolation=interpolation))
    if "flip" in steps:
        made.append(t.RandomHorizontalFlip(steps["flip"]))
    made.append(t.ToTensor())
    if "mean" in values:
        made.append(t.Normalize(values["mean"], values["std"]))
    return t.Compose(made)


class Images(Dataset):
    def __init__(self, pixels, labels, view):
        self.pixels, self.labels, self.view = pixels, labels, view

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.view(Image.fromarray(self.pixels[index])), int(self.labels[index])


class Cifar100:
    """The first images of each of the first classes, in order of label."""

    def __init__(self, folder, recipe, train_per_class, test_per_class, classes):
        self.views = {name: transform(recipe, name) for name in ("train", "eval")}
        self.side = self.views["eval"](Image.new("RGB", (32, 32))).shape[1]
        self.train = self._read(Path(folder) / "train.bin", train_per_class, classes)
        self.test = self._read(Path(folder) / "test.bin", test_per_class, classes)

    @staticmethod
    def _read(file, per_class, classes):
        records = numpy.fromfile(file, numpy.uint8).reshape(-1, RECORD)
        labels = records[:, 1].astype(numpy.int64)
        chosen = numpy.concatenate([numpy.flatnonzero(labels == label)[:per_class] for label in range(classes)])
        return records[chosen, 2:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), labels[chosen]

    def loader(self, split, view, classes, batch_size, shuffle=False, drop_last=False):
        pixels, labels = self.train if split == "train" else self.test
        among = numpy.isin(labels, classes)
        images = Images(pixels[among], labels[among], self.views[view])
        return DataLoader(images, batch_size, shuffle=shuffle, drop_last=drop_last, num_workers=0)
