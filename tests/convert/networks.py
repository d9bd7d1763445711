"""Small random networks whose state_dict carries the names of those that publish weights, each with a forward pass of its own."""
import torch
from torch import nn

DIM, DEPTH, HEADS, PATCH, IMAGE, MLP = 16, 2, 2, 4, 8, 24


def attention(q, k, v):
    return torch.softmax(q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5, -1) @ v


def split(x):
    return x.reshape(*x.shape[:2], HEADS, -1).transpose(1, 2)


class Module(nn.Module):
    """Members by dotted names, so that a class reads like the list of its tensors."""

    def put(self, name, module):
        at = self
        *outer, last = name.split(".")
        for part in outer:
            if not hasattr(at, part):
                at.add_module(part, nn.Module())
            at = getattr(at, part)
        at.add_module(last, module)

    def at(self, name):
        return self.get_submodule(name)


class Timm(Module):
    def __init__(self, head=True):
        super().__init__()
        self.cls_token = nn.Parameter(torch.randn(1, 1, DIM))
        self.pos_embed = nn.Parameter(torch.randn(1, 1 + (IMAGE // PATCH) ** 2, DIM))
        self.put("patch_embed.proj", nn.Conv2d(3, DIM, PATCH, PATCH))
        for i in range(DEPTH):
            for name, module in (("norm1", nn.LayerNorm(DIM, eps=1e-6)), ("attn.qkv", nn.Linear(DIM, 3 * DIM)),
                                 ("attn.proj", nn.Linear(DIM, DIM)), ("norm2", nn.LayerNorm(DIM, eps=1e-6)),
                                 ("mlp.fc1", nn.Linear(DIM, MLP)), ("mlp.fc2", nn.Linear(MLP, DIM))):
                self.put(f"blocks.{i}.{name}", module)
        self.norm = nn.LayerNorm(DIM, eps=1e-6)
        if head:
            self.head = nn.Linear(DIM, 5)

    def forward(self, images):
        x = self.at("patch_embed.proj")(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for i in range(DEPTH):
            block = lambda name: self.at(f"blocks.{i}.{name}")
            q, k, v = block("attn.qkv")(block("norm1")(x)).chunk(3, -1)
            x = x + block("attn.proj")(attention(split(q), split(k), split(v)).transpose(1, 2).flatten(2))
            x = x + block("mlp.fc2")(nn.functional.gelu(block("mlp.fc1")(block("norm2")(x))))
        return self.norm(x)[:, 0]


class HuggingFaceVit(Module):
    def __init__(self):
        super().__init__()
        self.embeddings = nn.Module()
        self.embeddings.cls_token = nn.Parameter(torch.randn(1, 1, DIM))
        self.embeddings.position_embeddings = nn.Parameter(torch.randn(1, 1 + (IMAGE // PATCH) ** 2, DIM))
        self.put("embeddings.patch_embeddings.projection", nn.Conv2d(3, DIM, PATCH, PATCH))
        for i in range(DEPTH):
            for name, module in (("layernorm_before", nn.LayerNorm(DIM, eps=1e-6)), ("attention.attention.query", nn.Linear(DIM, DIM)),
                                 ("attention.attention.key", nn.Linear(DIM, DIM)), ("attention.attention.value", nn.Linear(DIM, DIM)),
                                 ("attention.output.dense", nn.Linear(DIM, DIM)), ("layernorm_after", nn.LayerNorm(DIM, eps=1e-6)),
                                 ("intermediate.dense", nn.Linear(DIM, MLP)), ("output.dense", nn.Linear(MLP, DIM))):
                self.put(f"encoder.layer.{i}.{name}", module)
        self.layernorm = nn.LayerNorm(DIM, eps=1e-6)
        self.put("pooler.dense", nn.Linear(DIM, DIM))

    def forward(self, images):
        x = self.at("embeddings.patch_embeddings.projection")(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.embeddings.cls_token.expand(len(x), -1, -1), x], 1) + self.embeddings.position_embeddings
        for i in range(DEPTH):
            layer = lambda name: self.at(f"encoder.layer.{i}.{name}")
            y = layer("layernorm_before")(x)
            parts = [split(layer(f"attention.attention.{part}")(y)) for part in ("query", "key", "value")]
            x = x + layer("attention.output.dense")(attention(*parts).transpose(1, 2).flatten(2))
            x = x + layer("output.dense")(nn.functional.gelu(layer("intermediate.dense")(layer("layernorm_after")(x))))
        return self.layernorm(x)[:, 0]


def google(seed):
    """Arrays of Google's .npz and a function that computes with them as its JAX code does: kernels [in, out], heads apart."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *sizes: torch.randn(*sizes, generator=generator) * 0.3
    head = DIM // HEADS
    a = {"cls": draw(1, 1, DIM), "embedding/kernel": draw(PATCH, PATCH, 3, DIM), "embedding/bias": draw(DIM),
         "Transformer/posembed_input/pos_embedding": draw(1, 1 + (IMAGE // PATCH) ** 2, DIM), "Transformer/encoder_norm/scale": draw(DIM),
         "Transformer/encoder_norm/bias": draw(DIM), "head/kernel": draw(DIM, 7), "head/bias": draw(7), "pre_logits/kernel": draw(DIM, DIM),
         "pre_logits/bias": draw(DIM)}
    for i in range(DEPTH):
        at, mha = f"Transformer/encoderblock_{i}/", f"Transformer/encoderblock_{i}/MultiHeadDotProductAttention_1/"
        for part in ("query", "key", "value"):
            a[f"{mha}{part}/kernel"], a[f"{mha}{part}/bias"] = draw(DIM, HEADS, head), draw(HEADS, head)
        a[f"{mha}out/kernel"], a[f"{mha}out/bias"] = draw(HEADS, head, DIM), draw(DIM)
        for norm in ("LayerNorm_0", "LayerNorm_2"):
            a[f"{at}{norm}/scale"], a[f"{at}{norm}/bias"] = draw(DIM), draw(DIM)
        a[f"{at}MlpBlock_3/Dense_0/kernel"], a[f"{at}MlpBlock_3/Dense_0/bias"] = draw(DIM, MLP), draw(MLP)
        a[f"{at}MlpBlock_3/Dense_1/kernel"], a[f"{at}MlpBlock_3/Dense_1/bias"] = draw(MLP, DIM), draw(DIM)

    def norm(x, at):
        return nn.functional.layer_norm(x, (DIM,), a[f"{at}/scale"], a[f"{at}/bias"], 1e-6)

    def forward(images):  # [n, 3, h, w]
        n, side = len(images), IMAGE // PATCH
        patches = images.permute(0, 2, 3, 1).reshape(n, side, PATCH, side, PATCH, 3).permute(0, 1, 3, 2, 4, 5).reshape(n, side * side, -1)
        x = patches @ a["embedding/kernel"].reshape(-1, DIM) + a["embedding/bias"]
        x = torch.cat([a["cls"].expand(n, -1, -1), x], 1) + a["Transformer/posembed_input/pos_embedding"]
        for i in range(DEPTH):
            at, mha = f"Transformer/encoderblock_{i}/", f"Transformer/encoderblock_{i}/MultiHeadDotProductAttention_1/"
            y = norm(x, at + "LayerNorm_0")
            q, k, v = (torch.einsum("ntd,dhe->nhte", y, a[f"{mha}{p}/kernel"]) + a[f"{mha}{p}/bias"][None, :, None] for p in
                       ("query", "key", "value"))
            x = x + torch.einsum("nhte,hed->ntd", attention(q, k, v), a[mha + "out/kernel"]) + a[mha + "out/bias"]
            y = norm(x, at + "LayerNorm_2")
            y = nn.functional.gelu(y @ a[at + "MlpBlock_3/Dense_0/kernel"] + a[at + "MlpBlock_3/Dense_0/bias"])
            x = x + y @ a[at + "MlpBlock_3/Dense_1/kernel"] + a[at + "MlpBlock_3/Dense_1/bias"]
        return norm(x, "Transformer/encoder_norm")[:, 0]

    return a, forward


CONTEXT, VOCABULARY, JOINT = 6, 11, 12


class Clip(Module):
    """Names of OpenAI and OpenCLIP; attention is torch's own module, as theirs."""

    def __init__(self):
        super().__init__()
        self.visual = Module()
        self.visual.class_embedding = nn.Parameter(torch.randn(DIM))
        self.visual.positional_embedding = nn.Parameter(torch.randn(1 + (IMAGE // PATCH) ** 2, DIM))
        self.visual.proj = nn.Parameter(torch.randn(DIM, JOINT))
        self.visual.conv1 = nn.Conv2d(3, DIM, PATCH, PATCH, bias=False)
        self.visual.ln_pre, self.visual.ln_post = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
        self.token_embedding = nn.Embedding(VOCABULARY, DIM)
        self.positional_embedding = nn.Parameter(torch.randn(CONTEXT, DIM))
        self.ln_final = nn.LayerNorm(DIM)
        self.text_projection = nn.Parameter(torch.randn(DIM, JOINT))
        self.logit_scale = nn.Parameter(torch.tensor(2.6593))
        for tower in ("visual.", ""):
            for i in range(DEPTH):
                at = f"{tower}transformer.resblocks.{i}."
                self.put(at + "attn", nn.MultiheadAttention(DIM, HEADS, batch_first=True))
                self.put(at + "ln_1", nn.LayerNorm(DIM))
                self.put(at + "ln_2", nn.LayerNorm(DIM))
                self.put(at + "mlp.c_fc", nn.Linear(DIM, 4 * DIM))
                self.put(at + "mlp.c_proj", nn.Linear(4 * DIM, DIM))

    def blocks(self, tower, x, mask=None):
        for i in range(DEPTH):
            at = f"{tower}transformer.resblocks.{i}."
            y = self.at(at + "ln_1")(x)
            x = x + self.at(at + "attn")(y, y, y, need_weights=False, attn_mask=mask)[0]
            y = self.at(at + "mlp.c_fc")(self.at(at + "ln_2")(x))
            x = x + self.at(at + "mlp.c_proj")(y * torch.sigmoid(1.702 * y))
        return x

    def image(self, images):
        x = self.visual.conv1(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.visual.class_embedding.expand(len(x), 1, -1), x], 1) + self.visual.positional_embedding
        return self.visual.ln_post(self.blocks("visual.", self.visual.ln_pre(x))[:, 0]) @ self.visual.proj

    def text(self, tokens):
        mask = torch.full((CONTEXT, CONTEXT), float("-inf")).triu(1)
        x = self.ln_final(self.blocks("", self.token_embedding(tokens) + self.positional_embedding, mask))
        return x[torch.arange(len(x)), tokens.argmax(-1)] @ self.text_projection


class HuggingFaceClip(Module):
    def __init__(self):
        super().__init__()
        for name, module in (("vision_model.embeddings.patch_embedding", nn.Conv2d(3, DIM, PATCH, PATCH, bias=False)),
                             ("vision_model.embeddings.position_embedding", nn.Embedding(1 + (IMAGE // PATCH) ** 2, DIM)),
                             ("vision_model.pre_layrnorm", nn.LayerNorm(DIM)), ("vision_model.post_layernorm", nn.LayerNorm(DIM)),
                             ("text_model.embeddings.token_embedding", nn.Embedding(VOCABULARY, DIM)),
                             ("text_model.embeddings.position_embedding", nn.Embedding(CONTEXT, DIM)),
                             ("text_model.final_layer_norm", nn.LayerNorm(DIM)), ("visual_projection", nn.Linear(DIM, JOINT, bias=False)),
                             ("text_projection", nn.Linear(DIM, JOINT, bias=False))):
            self.put(name, module)
        self.at("vision_model.embeddings").class_embedding = nn.Parameter(torch.randn(DIM))
        self.at("vision_model.embeddings").register_buffer("position_ids", torch.arange(1 + (IMAGE // PATCH) ** 2)[None])
        self.logit_scale = nn.Parameter(torch.tensor(2.6593))
        for model in ("vision_model", "text_model"):
            for i in range(DEPTH):
                for name, module in ([(f"self_attn.{p}_proj", nn.Linear(DIM, DIM)) for p in ("q", "k", "v", "out")] +
                                     [("layer_norm1", nn.LayerNorm(DIM)), ("layer_norm2", nn.LayerNorm(DIM)),
                                      ("mlp.fc1", nn.Linear(DIM, 4 * DIM)), ("mlp.fc2", nn.Linear(4 * DIM, DIM))]):
                    self.put(f"{model}.encoder.layers.{i}.{name}", module)

    def layers(self, model, x, mask=None):
        for i in range(DEPTH):
            layer = lambda name: self.at(f"{model}.encoder.layers.{i}.{name}")
            y = layer("layer_norm1")(x)
            q, k, v = (split(layer(f"self_attn.{p}_proj")(y)) for p in "qkv")
            scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
            scores = scores if mask is None else scores + mask
            x = x + layer("self_attn.out_proj")((torch.softmax(scores, -1) @ v).transpose(1, 2).flatten(2))
            y = layer("mlp.fc1")(layer("layer_norm2")(x))
            x = x + layer("mlp.fc2")(y * torch.sigmoid(1.702 * y))
        return x

    def image(self, images):
        embeddings = self.at("vision_model.embeddings")
        x = embeddings.patch_embedding(images).flatten(2).transpose(1, 2)
        x = torch.cat([embeddings.class_embedding.expand(len(x), 1, -1), x], 1) + embeddings.position_embedding.weight
        return self.visual_projection(self.at("vision_model.post_layernorm")(self.layers("vision_model", self.at("vision_model.pre_layrnorm")(x))[:, 0]))

    def text(self, tokens):
        mask = torch.full((CONTEXT, CONTEXT), float("-inf")).triu(1)
        x = self.at("text_model.embeddings.token_embedding")(tokens) + self.at("text_model.embeddings.position_embedding").weight
        x = self.at("text_model.final_layer_norm")(self.layers("text_model", x, mask))
        return self.text_projection(x[torch.arange(len(x)), tokens.argmax(-1)])
