# /// clbench
# id = "everything_py"
# version = "1.0.0"
# paper = "none: it asks the session for everything there is, for tests"
# capabilities = ["raw_replay", "text_tower", "bitwise"]
# roles = ["main", "clip"]
# assets = ["words", "others"]
# ///
"""Class means of several features, and a call of everything in clbench.Context and clbench.Stream whose answer is looked at."""

import torch

import clbench


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


class Everything(clbench.Method):
    inputs = ["images", "main:cls", "images:clip", "clip:cls", "mine"]
    saved = ["sums", "counts", "kept"]

    def create(self):
        ctx = self.ctx
        ctx.log("hello")
        ctx.warn("careful")
        expect(ctx.asset("words") == b"red\ngreen\nblue\n", "the asset is the file")
        expect(ctx.weights()["cls_token"].shape[-1] == ctx.feature_dim("main:cls"), "weights and features are of one width")
        expect(len(ctx.weights("clip")) > 0 and "nothing" not in ctx.weights("clip"), "a second role has weights")
        expect(ctx.image_size == (32, 32) and ctx.device.type == "cpu" and ctx.dtype == torch.float32, "the session is of 32 pixels")
        again = [torch.rand(1, generator=ctx.rng("head", k)).item() for k in (0, 0, 1)]
        expect(again[0] == again[1] != again[2], "rng depends on name and indices")
        self.part = torch.empty(3, 4).normal_(generator=ctx.rng("part"))
        ctx.register_part("mine", 4, {"part": self.part})
        self.sums, self.counts, self.kept = None, None, []

    def extract(self, kind, batch):
        expect(kind == "mine", kind)
        return batch.images.mean((2, 3)) @ self.part

    def features(self, batch):
        return torch.cat([batch["main:cls"], batch["clip:cls"], batch["mine"], batch["images:clip"].mean((2, 3))], 1).double()

    def look_at_streams(self, task, stream):
        for batch in stream.only_parts("images", "sample_ids").shuffled().drop_last().batches(7):
            expect(batch.images.shape[1:] == (3, 32, 32) and batch.n == 7, "a batch of 7")
            break  # the stream is closed all the same
        batches = stream.only_parts("sample_ids").epochs(2).batches(50)
        seen = [batch.sample_ids for batch in batches]
        expect(len(batches) == len(seen) and sum(map(len, seen)) == 2 * batches.samples, "every sample twice")
        first = seen[0][:5]
        expect([int(k) for batch in stream.only_parts("sample_ids").only(first) for k in batch.sample_ids] == first.tolist(), "only some")
        others = next(iter(self.ctx.aux("others").images().batches(8)))
        expect(others.images.shape[0] == 8 and "labels" not in others.parts, "auxiliary images have no labels")
        expect(len(self.kept) == sum(batch.n for batch in self.ctx.memory().only_parts()), "the memory is what was chosen")
        both = {int(k) for batch in self.ctx.train_and_memory().only_parts("sample_ids") for k in batch.sample_ids}
        expect(both == {*map(int, torch.cat(seen)), *self.kept}, "training samples and memory")
        self.kept += [int(k) for k in first]
        self.ctx.set_memory(self.kept)

    def look_at_texts(self, task):
        ctx = self.ctx
        names = [ctx.class_name(k) for k in task.labels]
        expect(all(names) and "{}" in ctx.templates()[0], "names and templates")
        rows = ctx.class_text_rows("a photo of a {}.", task.labels, "clip")
        same = ctx.text_rows(["a photo of a %s." % name for name in names], "clip")
        expect(rows.shape == same.shape and torch.allclose(rows, same, atol=1e-5), "a template is its sentences")
        expect(ctx.tokens(["a photo"], "clip").dtype == torch.int64, "tokens are numbers")

    def train_task(self, task, stream):
        self.look_at_streams(task, stream)
        self.look_at_texts(task)
        batches = stream.eval_view().batches(32)
        for batch in batches:
            self.ctx.progress("batch", batch.step, len(batches))
            x = self.features(batch)
            self.grow(task.classes_seen, x.shape[1])
            self.sums.index_add_(0, batch.labels, x)
            self.counts.index_add_(0, batch.labels, self.counts.new_ones(batch.n))
        self.ctx.metric("kept", task.index, len(self.kept))
        self.ctx.trace("sums", self.sums)

    def grow(self, classes, dim):
        old, counts = (torch.zeros(0, dim).double(), torch.zeros(0).double()) if self.sums is None else (self.sums, self.counts)
        self.sums = torch.cat([old, old.new_zeros(classes - len(old), dim)])
        self.counts = torch.cat([counts, counts.new_zeros(classes - len(counts))])

    def predict(self, batch):
        return -torch.cdist(self.features(batch), self.sums / self.counts[:, None]).float()
