# /// clbench
# id = "pilot_learner"
# version = "1.0.0"
# paper = "Zhou et al., IJCV 2024, arXiv:2303.07338"
# capabilities = ["bitwise"]
# param = [
#   { name = "batch_size", type = "int", default = 48, range = [1, 65536], help = "images per update" },
#   { name = "tuned_epoch", type = "int", default = 2, range = [0, 1000], help = "epochs of the first task" },
#   { name = "init_lr", type = "float", default = 0.01, range = [0, 10], help = "learning rate" },
# ]
# ///
import logging

import numpy as np
import torch
from torch import optim
from torch.nn import functional as F

from clbench.pilot import DataLoader, IncrementalNet
from clbench.pilot import Learner as BaseLearner


class Learner(BaseLearner):
    """Adapts the network to the first task, then classifies by the mean feature of each class (the idea of APER)."""

    def create(self):
        self._network = IncrementalNet(self.ctx)
        self.batch_size = self.args["batch_size"]

    def incremental_train(self, data_manager):
        self._cur_task += 1
        self._total_classes = self._known_classes + data_manager.get_task_size(self._cur_task)
        self._network.update_fc(self._total_classes)
        classes = np.arange(self._known_classes, self._total_classes)
        train_set = data_manager.get_dataset(classes, source="train", mode="train")
        self.train_loader = DataLoader(train_set, batch_size=self.batch_size, shuffle=True, num_workers=8)
        means_set = data_manager.get_dataset(classes, source="train", mode="test")
        self.means_loader = DataLoader(means_set, batch_size=self.batch_size, shuffle=False, num_workers=8)
        test_set = data_manager.get_dataset(np.arange(0, self._total_classes), source="test", mode="test")
        self.test_loader = DataLoader(test_set, batch_size=self.batch_size, shuffle=False, num_workers=8)
        self._network.to(self._device)
        if self._cur_task == 0:
            self._adapt(self.train_loader, self.test_loader)
        self._replace_fc(self.means_loader)

    def _adapt(self, train_loader, test_loader):
        optimizer = optim.SGD(self._network.parameters(), lr=self.args["init_lr"], momentum=0.9, weight_decay=5e-4)
        scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(1, self.args["tuned_epoch"]))
        for epoch in range(self.args["tuned_epoch"]):
            self._network.train()
            losses = 0.0
            for _, inputs, targets in train_loader:
                inputs, targets = inputs.to(self._device), targets.to(self._device)
                loss = F.cross_entropy(self._network(inputs)["logits"], targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses += loss.item()
            scheduler.step()
            accuracy = self._compute_accuracy(self._network, test_loader)
            logging.info("epoch %d: loss %.4f, test accuracy %.2f", epoch, losses / len(train_loader), accuracy)

    def _replace_fc(self, loader):
        self._network.eval()
        features, labels = [], []
        with torch.no_grad():
            for _, inputs, targets in loader:
                features.append(self._network.extract_vector(inputs.to(self._device)))
                labels.append(targets.to(self._device))
        features, labels = torch.cat(features), torch.cat(labels)
        for class_index in np.unique(labels.cpu().numpy()):
            self._network.fc.weight.data[class_index] = features[labels == class_index].mean(0)
