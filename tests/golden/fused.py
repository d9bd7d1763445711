# Writes fused.safetensors: what PyTorch's own operations give in float64 for the operations of harness/nn/cpu/fused_training.hpp, results and
# gradients. Written with torch 2.11.0 and safetensors 0.8.0.
#
#   python3 fused.py
import json
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(0)
tensors = {}
HEADS = 3


def number(*sizes):
    return torch.randn(*sizes, dtype=torch.float64).float().double().requires_grad_()


def keep(name, inputs, result):
    """`result` of `inputs`, and their gradients of sum(result * pull)."""
    pull = torch.randn(result.shape, dtype=torch.float64).float().double()
    gradients = torch.autograd.grad((result * pull).sum(), list(inputs.values()))
    for key, value in {**inputs, "result": result, "pull": pull}.items():
        tensors[f"{name}.{key}"] = value.detach().float()
    for key, value in zip(inputs, gradients):
        tensors[f"{name}.gradient.{key}"] = value.float()


x = torch.cat([torch.linspace(-13, 13, 389), torch.tensor([0.0, -0.0, 1e-30, -1e-30, 80.0, -80.0])]).double().view(5, 79).requires_grad_()
keep("gelu", {"x": x}, F.gelu(x))

given = {"x": number(2, 5, 12), "weight": number(19, 12), "bias": number(19)}
keep("linear_gelu", given, F.gelu(F.linear(given["x"], given["weight"], given["bias"])))

given = {"x": number(2, 5, 12), "weight": number(8, 12), "bias": number(8), "other": number(2, 5, 8)}
keep("linear_add", given, given["other"] + F.linear(given["x"], given["weight"], given["bias"]))

given = {"q": number(2, 5, 24), "k": number(2, 9, 24), "v": number(2, 9, 24)}
heads = {key: value.unflatten(-1, (HEADS, -1)).transpose(1, 2) for key, value in given.items()}
keep("attention", given, F.scaled_dot_product_attention(heads["q"], heads["k"], heads["v"]).transpose(1, 2).flatten(2))

save_file(tensors, os.path.join(os.path.dirname(os.path.abspath(__file__)), "fused.safetensors"), metadata={"config": json.dumps({"heads": HEADS})})
