"""A vision transformer (Dosovitskiy et al., ICLR 2021) whose parameters have timm's names, to train or to hang things into:

    from clbench.vit import Vit

    vit = Vit.of(self.ctx.weights(), self.ctx.image_size)
    features = vit(batch.images)      # [n, d]: the class token after the final norm

Pre-norm, LayerNorm with eps 1e-6, exact GELU, fused qkv; no classification head. It computes what clb::nn::Vit computes, up to rounding.
Who has timm may as well load ctx.weights().state_dict() into a model of it."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        n, tokens, dim = x.shape
        q, k, v = self.qkv(x).view(n, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(dim, eps=1e-6), Attention(dim, heads)
        self.norm2, self.mlp = nn.LayerNorm(dim, eps=1e-6), Mlp(dim, hidden)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, channels, patch, dim):
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, patch, patch)

    def forward(self, images):
        # A convolution whose stride is its kernel is one matrix product over the patches, which is faster.
        n, c, h, w = images.shape
        p = self.proj.kernel_size[0]
        rows = images.reshape(n, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(n, -1, c * p * p)
        return F.linear(rows, self.proj.weight.flatten(1), self.proj.bias)


class Vit(nn.Module):
    def __init__(self, grid, channels, patch, dim, depth, heads, hidden):
        super().__init__()
        self.dim = dim
        self.patch_embed = PatchEmbed(channels, patch, dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + grid[0] * grid[1], dim))
        self.blocks = nn.ModuleList(Block(dim, heads, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    @staticmethod
    def of(weights, image_size):
        """The network of a weight file (ctx.weights()) for images of this size, to which its positions are interpolated; not frozen."""
        tensors = {name: tensor for name, tensor in weights.state_dict().items() if not name.startswith("head.")}
        dim, channels, patch, _ = tensors["patch_embed.proj.weight"].shape
        grid = image_size[0] // patch, image_size[1] // patch
        tensors["pos_embed"] = _resized(tensors["pos_embed"], grid, weights.options.get("pos_antialias", True))
        depth = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks."))
        heads = weights.options.get("heads") or max(1, dim // 64)
        vit = Vit(grid, channels, patch, dim, depth, heads, tensors["blocks.0.mlp.fc1.weight"].shape[0])
        vit.load_state_dict(tensors)
        return vit

    def forward(self, images):
        x = self.patch_embed(images)
        x = torch.cat([self.cls_token.expand(len(x), 1, -1), x], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, 0])


def _resized(positions, grid, antialias):
    rows = positions.shape[1] - 1
    side = math.isqrt(rows)
    if (side, side) == tuple(grid) or rows == grid[0] * grid[1]:
        return positions
    square = positions[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    square = F.interpolate(square, grid, mode="bicubic", align_corners=False, antialias=antialias)
    return torch.cat([positions[:, :1], square.permute(0, 2, 3, 1).flatten(1, 2)], 1)
