"""timm's ViT and what the methods hang into it: prompt tokens, prefixes of keys and values, adapters beside the MLP."""

import math

import timm
import torch
import torch.nn.functional as F
from torch import nn


def load(file, side):
    where = {"file": file, "hf_hub_id": None, "url": ""}
    return timm.create_model("deit_tiny_patch16_224", img_size=side, num_classes=0, pretrained=True, pretrained_cfg_overlay=where).eval()


def frozen(module):
    return module.requires_grad_(False).eval()


def attention(attn, x, prefix):
    """timm's attention with rows put in front of keys and values. prefix: two [n, rows, d], or none."""
    n, tokens, d = x.shape
    q, k, v = attn.qkv(x).reshape(n, tokens, 3, attn.num_heads, attn.head_dim).permute(2, 0, 3, 1, 4).unbind(0)
    if prefix is not None:
        heads = [part.reshape(n, -1, attn.num_heads, attn.head_dim).transpose(1, 2) for part in prefix]
        k, v = torch.cat([heads[0], k], 2), torch.cat([heads[1], v], 2)
    return attn.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, tokens, d))


def tokens(vit, images, prompts=None, prefixes={}, adapters=None):
    """[n, tokens, d] after the final norm. prompts [n, rows, d] stand behind the class token, without a position."""
    x = vit._pos_embed(vit.patch_embed(images))
    if prompts is not None:
        x = torch.cat([x[:, :1], prompts, x[:, 1:]], 1)
    for k, block in enumerate(vit.blocks):
        if k in prefixes:
            x = x + attention(block.attn, block.norm1(x), prefixes[k])
        else:
            x = x + block.attn(block.norm1(x))
        mlp = block.mlp(block.norm2(x))
        x = x + mlp + adapters[k](x) if adapters is not None else x + mlp
    return vit.norm(x)


class Adapter(nn.Module):
    """AdaptFormer's, which changes nothing at first."""

    def __init__(self, dim, bottleneck=64, scale=0.1, dropout=0.1):
        super().__init__()
        self.down, self.up = nn.Linear(dim, bottleneck), nn.Linear(bottleneck, dim)
        self.dropout, self.scale = nn.Dropout(dropout), scale
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        for zero in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(zero)

    def forward(self, x):
        return self.scale * self.up(self.dropout(F.relu(self.down(x))))


def adapters_for(vit):
    return nn.ModuleList(Adapter(vit.embed_dim) for _ in vit.blocks)


class CosineHead(nn.Module):
    def __init__(self, dim, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dim).uniform_(-1 / math.sqrt(dim), 1 / math.sqrt(dim)))
        self.sigma = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.sigma * F.normalize(x) @ F.normalize(self.weight).T
