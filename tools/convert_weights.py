#!/usr/bin/env python3
"""Writes a safetensors file that clbench reads from a checkpoint of PyTorch (.pth, .pt, .bin), of Google (.npz) or from another safetensors
file, and prints its entry for share/weights.

    python3 tools/convert_weights.py CHECKPOINT OUT.safetensors [--part PREFIX]

Needs PyTorch and the package safetensors, for .npz NumPy too. Checkpoints are loaded with weights_only, so that none can run code.

What names it knows is the list NAMINGS: timm's (also DeiT, DINO, iBOT, MoCo v3), Hugging Face's ViTModel, Google's .npz, CLIP's as OpenAI
and OpenCLIP write them (also OpenAI's TorchScript archives), Hugging Face's CLIPModel. Whatever stands before the names (module.,
backbone., teacher., ...) is left out; tables within tables (state_dict, model) are opened. Heads and tokens of pre-training are left out, and
said to be; any other tensor without a place is refused. Values keep their type.
"""
import argparse
import hashlib
import json
import os
import re
import sys
import zipfile
from pathlib import Path


class Mistake(Exception):
    """One sentence for the user."""


def import_or_say(module, package):
    try:
        return __import__(module, fromlist=["_"])
    except ImportError as error:
        raise Mistake(f"this needs {package} ({error}); pip install torch safetensors numpy") from error


def load_torch(path):
    """The checkpoint's object, and whether it was a TorchScript archive."""
    torch = import_or_say("torch", "PyTorch")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                return torch.jit.load(path, map_location="cpu").state_dict(), True
    try:
        return torch.load(path, map_location="cpu", weights_only=True), False
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise Mistake(f"{path}: PyTorch does not load it without running code that is in it ({reason}); save its state_dict alone "
                      "where it comes from") from error


def load_npz(path):
    numpy, torch = import_or_say("numpy", "NumPy"), import_or_say("torch", "PyTorch")
    with numpy.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name].copy()) for name in arrays.files}


def load(path):
    with open(path, "rb") as file:
        begin = file.read(64)
    if begin.startswith(b"version https://git-lfs."):
        raise Mistake(f"{path}: is a Git-LFS pointer, which only stands for the file; `git lfs pull` fetches the file itself")
    if path.suffix == ".npz":
        return load_npz(path), False
    if path.suffix == ".safetensors":
        return import_or_say("safetensors.torch", "the package safetensors").load_file(path), False
    return load_torch(path)


def flat(value, name=""):
    """Tensors of tables within tables, by their dotted names."""
    if hasattr(value, "items"):
        for key, one in value.items():
            yield from flat(one, f"{name}.{key}" if name else str(key))
    elif hasattr(value, "dtype") and hasattr(value, "shape") and hasattr(value, "contiguous"):
        yield name, value


BLOCK = ("norm1.weight norm1.bias attn.qkv.weight attn.qkv.bias attn.proj.weight attn.proj.bias norm2.weight norm2.bias mlp.fc1.weight "
         "mlp.fc1.bias mlp.fc2.weight mlp.fc2.bias").split()


def joined(tensors, names):
    """q, k and v one below the other."""
    torch = import_or_say("torch", "PyTorch")
    return torch.cat([tensors.pop(name) for name in names])


def depth(tensors, pattern):
    found = [int(m.group(1)) for m in (re.match(pattern, name) for name in tensors) if m]
    return max(found) + 1 if found else 0


def timm(tensors):
    out = {name: tensors.pop(name) for name in ("cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias", "norm.weight",
                                                "norm.bias") if name in tensors}
    for i in range(depth(tensors, r"blocks\.(\d+)\.")):
        for member in BLOCK:
            if (name := f"blocks.{i}.{member}") in tensors:
                out[name] = tensors.pop(name)
    return out


def hugging_face_vit(tensors):
    out = {"cls_token": tensors.pop("embeddings.cls_token"), "pos_embed": tensors.pop("embeddings.position_embeddings")}
    for kind in ("weight", "bias"):
        out[f"patch_embed.proj.{kind}"] = tensors.pop(f"embeddings.patch_embeddings.projection.{kind}")
        out[f"norm.{kind}"] = tensors.pop(f"layernorm.{kind}")
        for i in range(depth(tensors, r"encoder\.layer\.(\d+)\.")):
            there, here = f"encoder.layer.{i}.", f"blocks.{i}."
            out[f"{here}attn.qkv.{kind}"] = joined(tensors, [f"{there}attention.attention.{part}.{kind}" for part in ("query", "key", "value")])
            for ours, theirs in (("norm1", "layernorm_before"), ("attn.proj", "attention.output.dense"), ("norm2", "layernorm_after"),
                                 ("mlp.fc1", "intermediate.dense"), ("mlp.fc2", "output.dense")):
                out[f"{here}{ours}.{kind}"] = tensors.pop(f"{there}{theirs}.{kind}")
    return out


def google_npz(tensors):
    """Kernels are stored [in, out], those of convolutions [height, width, in, out], heads apart."""
    d = tensors["cls"].shape[-1]
    flat_in, flat_out = lambda t: t.reshape(d, d).T, lambda t: t.reshape(-1, d).T
    out = {"cls_token": tensors.pop("cls").reshape(1, 1, d),
           "pos_embed": tensors.pop("Transformer/posembed_input/pos_embedding"),
           "patch_embed.proj.weight": tensors.pop("embedding/kernel").permute(3, 2, 0, 1),
           "patch_embed.proj.bias": tensors.pop("embedding/bias"),
           "norm.weight": tensors.pop("Transformer/encoder_norm/scale"), "norm.bias": tensors.pop("Transformer/encoder_norm/bias")}
    for i in range(depth(tensors, r"Transformer/encoderblock_(\d+)/")):
        there, here, attention = f"Transformer/encoderblock_{i}/", f"blocks.{i}.", "MultiHeadDotProductAttention_1/"
        torch = import_or_say("torch", "PyTorch")
        parts = ("query", "key", "value")
        out[here + "attn.qkv.weight"] = torch.cat([flat_in(tensors.pop(f"{there}{attention}{p}/kernel")) for p in parts])
        out[here + "attn.qkv.bias"] = torch.cat([tensors.pop(f"{there}{attention}{p}/bias").reshape(d) for p in parts])
        out[here + "attn.proj.weight"] = flat_out(tensors.pop(f"{there}{attention}out/kernel"))
        out[here + "attn.proj.bias"] = tensors.pop(f"{there}{attention}out/bias")
        for ours, theirs in (("norm1", "LayerNorm_0"), ("norm2", "LayerNorm_2")):
            out[f"{here}{ours}.weight"] = tensors.pop(f"{there}{theirs}/scale")
            out[f"{here}{ours}.bias"] = tensors.pop(f"{there}{theirs}/bias")
        for ours, theirs in (("mlp.fc1", "MlpBlock_3/Dense_0"), ("mlp.fc2", "MlpBlock_3/Dense_1")):
            out[f"{here}{ours}.weight"] = tensors.pop(f"{there}{theirs}/kernel").T
            out[f"{here}{ours}.bias"] = tensors.pop(f"{there}{theirs}/bias")
    return out


RESBLOCK = ("attn.in_proj_weight attn.in_proj_bias attn.out_proj.weight attn.out_proj.bias ln_1.weight ln_1.bias ln_2.weight ln_2.bias "
            "mlp.c_fc.weight mlp.c_fc.bias mlp.c_proj.weight mlp.c_proj.bias").split()
CLIP = ("visual.class_embedding visual.positional_embedding visual.proj visual.conv1.weight visual.ln_pre.weight visual.ln_pre.bias "
        "visual.ln_post.weight visual.ln_post.bias token_embedding.weight positional_embedding ln_final.weight ln_final.bias "
        "text_projection logit_scale").split()


def clip(tensors):
    out = {name: tensors.pop(name) for name in CLIP if name in tensors}
    for tower in ("visual.", ""):
        for i in range(depth(tensors, re.escape(tower) + r"transformer\.resblocks\.(\d+)\.")):
            for member in RESBLOCK:
                if (name := f"{tower}transformer.resblocks.{i}.{member}") in tensors:
                    out[name] = tensors.pop(name)
    return out


def hugging_face_clip(tensors):
    vision, text = "vision_model.", "text_model."
    out = {"visual.class_embedding": tensors.pop(vision + "embeddings.class_embedding"),
           "visual.conv1.weight": tensors.pop(vision + "embeddings.patch_embedding.weight"),
           "visual.positional_embedding": tensors.pop(vision + "embeddings.position_embedding.weight"),
           "visual.proj": tensors.pop("visual_projection.weight").T,
           "token_embedding.weight": tensors.pop(text + "embeddings.token_embedding.weight"),
           "positional_embedding": tensors.pop(text + "embeddings.position_embedding.weight"),
           "text_projection": tensors.pop("text_projection.weight").T,
           "logit_scale": tensors.pop("logit_scale")}
    for kind in ("weight", "bias"):
        for ours, theirs in (("visual.ln_pre", vision + "pre_layrnorm"), ("visual.ln_post", vision + "post_layernorm"),
                             ("ln_final", text + "final_layer_norm")):
            out[f"{ours}.{kind}"] = tensors.pop(f"{theirs}.{kind}")
        for tower, model in (("visual.", vision), ("", text)):
            for i in range(depth(tensors, re.escape(model) + r"encoder\.layers\.(\d+)\.")):
                there, here = f"{model}encoder.layers.{i}.", f"{tower}transformer.resblocks.{i}."
                out[f"{here}attn.in_proj_{kind}"] = joined(tensors, [f"{there}self_attn.{p}_proj.{kind}" for p in "qkv"])
                for ours, theirs in (("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"),
                                     ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2")):
                    out[f"{here}{ours}.{kind}"] = tensors.pop(f"{there}{theirs}.{kind}")
    return out


# A naming: a tensor that only it has, what turns its names into ours, and what may be left out.
NAMINGS = (
    ("Google's .npz", "Transformer/posembed_input/pos_embedding", google_npz, r"head/|pre_logits/"),
    ("Hugging Face's CLIPModel", "vision_model.embeddings.patch_embedding.weight", hugging_face_clip, r".*position_ids$"),
    ("CLIP's", "visual.conv1.weight", clip, r"(input_resolution|context_length|vocab_size|attn_mask)$"),
    ("Hugging Face's ViTModel", "embeddings.patch_embeddings.projection.weight", hugging_face_vit, r"pooler\.|classifier\.|embeddings\.mask_token$"),
    ("timm's", "patch_embed.proj.weight", timm, r"head\.|head_dist\.|pre_logits\.|decoder_|(mask_token|masked_embed)$"),
)
PREFERRED = (("teacher", "student"), ("base_encoder", "momentum_encoder"))  # the first is what papers evaluate


def parts(tensors):
    """(prefix, naming) of every network in the checkpoint. The rarer anchors come first: a name ends with one of them only."""
    found = []
    for name in tensors:
        for naming in NAMINGS:
            if name == naming[1] or name.endswith((f".{naming[1]}", f"/{naming[1]}")):
                found.append((name[:-len(naming[1])], naming))
                break
    return found


def choose(found, part, path, tensors):
    if part is not None:
        found = [f for f in found if f[0].strip("./") == part.strip("./")]
    for wanted, other in PREFERRED:
        kept = [f for f in found if other not in re.split(r"[./]", f[0])]
        if part is None and kept and any(wanted in re.split(r"[./]", f[0]) for f in kept):
            found = kept
    if not found:
        names = ", ".join(list(tensors)[:3]) or "none"
        raise Mistake(f"{path}: no network with names that are known here (timm, Hugging Face, Google, CLIP); its first tensors are {names}")
    if len(found) > 1:
        raise Mistake(f"{path}: holds several networks; choose one with --part: {', '.join(repr(f[0]) for f in found)}")
    return found[0]


def convert(loaded, path, part=None):
    """-> tensors in our names, the naming, the names left out."""
    tensors = dict(flat(loaded))
    prefix, (naming, _, turn, left_out) = choose(parts(tensors), part, path, tensors)
    own = {name[len(prefix):]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    try:
        out = turn(own)
    except KeyError as error:
        raise Mistake(f"{path}: tensor {error.args[0]!r} of {naming} names is missing") from error
    dropped = sorted(name for name in own if re.match(left_out, name))
    unknown = sorted(set(own) - set(dropped))
    if unknown and prefix == "":
        raise Mistake(f"{path}: tensors without a place: {', '.join(unknown[:5])}{' ...' if len(unknown) > 5 else ''}; leaving them out would "
                      "compute another network")
    if unknown:
        raise Mistake(f"{path}: tensors of {prefix!r} without a place: {', '.join(unknown[:5])}{' ...' if len(unknown) > 5 else ''}; leaving "
                      "them out would compute another network")
    return {name: tensor.detach().contiguous().clone() for name, tensor in out.items()}, naming, dropped


def format_of(tensors, naming, dropped, scripted, source):
    """-> format, activation, whether that is a guess. Tensors do not tell CLIPs with QuickGELU (OpenAI's) from those without."""
    if "visual.conv1.weight" not in tensors:
        return "timm_vit", "gelu", False
    config = source.parent / "config.json"
    said = json.loads(config.read_text()) if naming.startswith("Hugging") and config.is_file() else {}
    activation = said.get("vision_config", {}).get("hidden_act", said.get("hidden_act", ""))
    if scripted or "input_resolution" in dropped:  # OpenAI's own file
        activation = "quick_gelu"
    guess = activation == "" and naming.startswith("Hugging")
    activation = activation or ("quick_gelu" if guess else "gelu")
    return ("openai_clip" if activation == "quick_gelu" else "openclip"), activation, guess


def entry(tensors, naming, form, activation, guess, source, out):
    """The text of share/weights/NAME.toml; what the file does not say is left to whoever knows."""
    clip_names = "visual.conv1.weight" in tensors
    patch = tensors["visual.conv1.weight" if clip_names else "patch_embed.proj.weight"]
    rows = tensors["visual.positional_embedding"].shape[0] if clip_names else tensors["pos_embed"].shape[1]
    side, width = round((rows - 1) ** 0.5) * patch.shape[-1], patch.shape[0]
    blocks = depth(tensors, r"visual\.transformer\.resblocks\.(\d+)\." if clip_names else r"blocks\.(\d+)\.")
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    doubt = "  # a guess: OpenAI trained with quick_gelu, OpenCLIP with gelu (format openclip)" if guess else ""
    lines = [f'sha256 = "{digest}"', f'file = "{out.name}"', f'format = "{form}"{doubt}', f'activation = "{activation}"', f"image = {side}",
             f"patch = {patch.shape[-1]}", f"dim = {width}", f"depth = {blocks}", f"heads = {max(1, width // 64)}  # if it is not width / 64, say so",
             'labels = []  # label sets of supervised pre-training: "IN1k", "IN21k"', 'pretraining = "SAY WHAT IT WAS TRAINED ON"',
             'licence = "SAY UNDER WHICH LICENCE"', f'source = "{source.name}, converted from {naming} names"', "", "[preprocess]",
             "mean = [0.5, 0.5, 0.5]  # say what it was trained with", "std = [0.5, 0.5, 0.5]"]
    if clip_names:
        lines[-2:] = ["mean = [0.48145466, 0.4578275, 0.40821073]", "std = [0.26862954, 0.26130258, 0.27577711]", 'transform = "clip-224"']
    return "\n".join(lines)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Checkpoints of PyTorch, Hugging Face and Google as safetensors for clbench.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--part", help="which network, where the checkpoint holds several: what stands before its names")
    args = parser.parse_args(arguments)
    try:
        if not args.checkpoint.is_file():
            raise Mistake(f"{args.checkpoint}: there is no such file")
        if args.out.suffix != ".safetensors" or args.out.exists():
            raise Mistake(f"{args.out}: must end with .safetensors and not be there yet")
        loaded, scripted = load(args.checkpoint)
        tensors, naming, dropped = convert(loaded, args.checkpoint, args.part)
        form, activation, guess = format_of(tensors, naming, dropped, scripted, args.checkpoint)
        # The file says its format itself: clbench reads it with that.
        import_or_say("safetensors.torch", "the package safetensors").save_file(tensors, args.out, metadata={"format": form})
        umask = os.umask(0)
        os.umask(umask)
        args.out.chmod(0o666 & ~umask)  # weights are for everybody whom the folder lets in
    except Mistake as mistake:
        print(f"convert_weights.py: {mistake}", file=sys.stderr)
        return 2
    print(f"{args.out}: {len(tensors)} tensors, converted from {naming} names", file=sys.stderr)
    if dropped:
        print(f"left out: {', '.join(dropped[:8])}{' ...' if len(dropped) > 8 else ''}", file=sys.stderr)
    print(f"# the entry for share/weights/{args.out.stem}.toml", file=sys.stderr)
    print(entry(tensors, naming, form, activation, guess, args.checkpoint, args.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
