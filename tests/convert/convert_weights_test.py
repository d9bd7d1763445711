"""tools/convert_weights.py, a round trip for every naming that it knows: a small random network is saved in that naming, converted, read
into a network with our names, and both compute the same. `--freeze DIR` writes what tests/nn/converted_test.cpp computes with.

Needs PyTorch, safetensors and NumPy. Without them the test is skipped by name (exit code 77), and the frozen files stand for it.
"""
import contextlib
import hashlib
import importlib.util
import io
import sys
import tempfile
import tomllib
import types
import unittest
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).resolve().parent))

try:
    import numpy
    import safetensors.torch
    import torch
except ImportError as error:
    print(f"SKIPPED: converting weights needs PyTorch, safetensors and NumPy in {sys.executable} ({error}); CLB_PYTHON names another Python")
    sys.exit(77)

import networks

spec = importlib.util.spec_from_file_location("convert_weights", ROOT / "tools/convert_weights.py")
convert_weights = importlib.util.module_from_spec(spec)
spec.loader.exec_module(convert_weights)

IMAGES = torch.randn(3, 3, networks.IMAGE, networks.IMAGE, generator=torch.Generator().manual_seed(1))
TOKENS = torch.tensor([[9, 3, 4, 10, 0, 0], [9, 10, 0, 0, 0, 0], [9, 1, 2, 3, 4, 10]])


def prefixed(state, prefix):
    return {prefix + name: tensor for name, tensor in state.items()}


def wrapped():
    """What is published of a ViT in timm's names, as DeiT, DINO, iBOT and MoCo v3 wrap it: name -> (object, the network)."""
    torch.manual_seed(2)
    vit, other = networks.Timm(), networks.Timm(head=False)
    plain, others = vit.state_dict(), other.state_dict()
    bare = {name: tensor for name, tensor in plain.items() if not name.startswith("head.")}
    dino_head = {"head.mlp.0.weight": torch.randn(4, 16), "head.last_layer.weight_g": torch.randn(4, 1)}
    moco_head = {"head.0.weight": torch.randn(4, 16), "head.1.num_batches_tracked": torch.tensor(3)}
    return {
        "timm": (plain, vit),
        "deit": ({"model": plain}, vit),
        "data_parallel": (prefixed(plain, "module."), vit),
        "compiled": (prefixed(plain, "_orig_mod."), vit),
        "backbone_of_a_whole": ({**prefixed(bare, "net.backbone."), "net.fc.weight": torch.randn(2, 16)}, vit),
        "dino_teacher": (bare, vit),
        "dino_checkpoint": ({"student": prefixed({**others, **dino_head}, "module.backbone."), "teacher": prefixed(bare, "backbone."),
                             "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}, "epoch": 99}, vit),
        "ibot": ({"state_dict": prefixed({**bare, "masked_embed": torch.randn(1, 16)}, "backbone.")}, vit),
        "moco_v3": ({"epoch": 300, "arch": "vit_base", "state_dict": {**prefixed({**bare, **moco_head}, "module.base_encoder."),
                                                                     **prefixed(others, "module.momentum_encoder."),
                                                                     "module.predictor.0.weight": torch.randn(2, 2)}}, vit),
    }


def hugging_face():
    torch.manual_seed(3)
    vit = networks.HuggingFaceVit()
    whole = {**prefixed(vit.state_dict(), "vit."), "classifier.weight": torch.randn(5, 16), "classifier.bias": torch.randn(5)}
    return {"hugging_face_vit": (vit.state_dict(), vit), "hugging_face_classifier": (whole, vit)}


def clips():
    torch.manual_seed(4)
    openai, hugging = networks.Clip(), networks.HuggingFaceClip()
    numbers = {"input_resolution": torch.tensor(8), "context_length": torch.tensor(6), "vocab_size": torch.tensor(11)}
    return {"openclip": ({"state_dict": prefixed(openai.state_dict(), "module.")}, openai),
            "openai_clip": ({**openai.state_dict(), **numbers}, openai), "hugging_face_clip": (hugging.state_dict(), hugging)}


class RoundTrip(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name)

    def converted(self, file):
        loaded, _ = convert_weights.load(file)
        return convert_weights.convert(loaded, file)[0]

    def save(self, name, content):
        file = self.path / f"{name}.pth"
        torch.save(content, file)
        return file

    def expect_same_vit(self, tensors, forward):
        ours = networks.Timm(head=False)
        ours.load_state_dict(tensors)
        with torch.no_grad():
            torch.testing.assert_close(ours(IMAGES), forward(IMAGES), rtol=1e-5, atol=1e-5)

    def test_vit_in_timms_names_however_wrapped(self):
        for name, (content, vit) in wrapped().items():
            with self.subTest(name):
                tensors = self.converted(self.save(name, content))
                for tensor, value in vit.state_dict().items():
                    if not tensor.startswith("head."):
                        self.assertTrue(torch.equal(tensors[tensor], value), tensor)
                self.expect_same_vit(tensors, vit)

    def test_hugging_faces_vit(self):
        for name, (content, vit) in hugging_face().items():
            with self.subTest(name):
                self.expect_same_vit(self.converted(self.save(name, content)), vit)

    def test_hugging_faces_safetensors(self):
        content, vit = hugging_face()["hugging_face_vit"]
        safetensors.torch.save_file(content, self.path / "model.safetensors")
        self.expect_same_vit(self.converted(self.path / "model.safetensors"), vit)

    def test_googles_npz(self):
        arrays, forward = networks.google(5)
        numpy.savez(self.path / "ViT.npz", **{name: tensor.numpy() for name, tensor in arrays.items()})
        self.expect_same_vit(self.converted(self.path / "ViT.npz"), forward)

    def test_clip(self):
        for name, (content, clip) in clips().items():
            with self.subTest(name):
                ours = networks.Clip()
                ours.load_state_dict(self.converted(self.save(name, content)))
                with torch.no_grad():
                    torch.testing.assert_close(ours.image(IMAGES), clip.image(IMAGES), rtol=1e-5, atol=1e-5)
                    torch.testing.assert_close(ours.text(TOKENS), clip.text(TOKENS), rtol=1e-5, atol=1e-5)

    def test_torchscript_archive(self):
        class Scripted(torch.nn.Module):
            def __init__(self, clip):
                super().__init__()
                for name, child in clip.named_children():
                    setattr(self, name, child)
                for name, parameter in clip.named_parameters(recurse=False):
                    setattr(self, name, parameter)

            def forward(self, x):
                return x

        torch.manual_seed(6)
        clip = networks.Clip()
        file = self.path / "ViT-B-16.pt"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.jit.save(torch.jit.trace(Scripted(clip), torch.zeros(1), check_trace=False), file)
            tensors = self.converted(file)
        self.assertEqual(sorted(tensors), sorted(clip.state_dict()))
        for name, value in clip.state_dict().items():
            self.assertTrue(torch.equal(tensors[name], value), name)

    def test_values_keep_their_type(self):
        content, _ = wrapped()["timm"]
        half = {name: tensor.half() for name, tensor in content.items()}
        self.assertEqual(self.converted(self.save("half", half))["norm.weight"].dtype, torch.float16)


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name)

    def run_on(self, content, *more):
        torch.save(content, self.path / "in.pth")
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = convert_weights.main([str(self.path / "in.pth"), str(self.path / "out.safetensors"), *more])
        return types.SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())

    def test_prints_the_entry(self):
        ended = self.run_on(wrapped()["deit"][0])
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("left out: head.bias, head.weight", ended.stderr)
        entry = tomllib.loads(ended.stdout)
        self.assertEqual(entry["sha256"], hashlib.sha256((self.path / "out.safetensors").read_bytes()).hexdigest())
        self.assertEqual([entry[key] for key in ("format", "activation", "image", "patch", "dim", "depth")], ["timm_vit", "gelu", 8, 4, 16, 2])

    def test_entry_of_openais_clip(self):
        entry = self.run_on(clips()["openai_clip"][0]).stdout
        with safetensors.safe_open(self.path / "out.safetensors", "pt") as file:
            self.assertEqual(file.metadata(), {"format": "openai_clip"}, "the file says what it is itself")
        self.assertIn('format = "openai_clip"\nactivation = "quick_gelu"', entry)
        self.assertIn('transform = "clip-224"', entry)

    def expect_refused(self, content, sentence, *more):
        ended = self.run_on(content, *more)
        self.assertEqual(ended.returncode, 2, ended.stderr)
        self.assertIn(sentence, ended.stderr)
        self.assertFalse((self.path / "out.safetensors").exists())

    def test_refuses_what_would_be_another_network(self):
        plain = wrapped()["timm"][0]
        self.expect_refused({**plain, "dist_token": torch.zeros(1, 1, 16)}, "dist_token")
        self.expect_refused({**plain, "reg_token": torch.zeros(1, 4, 16)}, "reg_token")
        self.expect_refused({"fc.weight": torch.zeros(2, 2)}, "no network with names that are known here")
        self.expect_refused({"a": plain, "b": plain}, "choose one with --part: 'a.', 'b.'")

    def test_a_part_can_be_chosen(self):
        plain = wrapped()["timm"][0]
        self.assertEqual(self.run_on({"a": plain, "b": plain}, "--part", "b").returncode, 0)

    def test_runs_no_code(self):
        class Evil:
            def __reduce__(self):
                return (print, ("code of the checkpoint ran",))

        ended = self.run_on({"model": wrapped()["timm"][0], "extra": Evil()})
        self.assertEqual(ended.returncode, 2)
        self.assertNotIn("code of the checkpoint ran", ended.stdout)
        self.assertIn("without running code", ended.stderr)


def freeze(folder):
    """For each naming what the tool writes, beside images and what the network computed before it was converted."""
    test = RoundTrip()
    test.setUp()
    cases = {name: case for cases in (wrapped(), hugging_face()) for name, case in cases.items()
             if name in ("moco_v3", "dino_checkpoint", "hugging_face_classifier")}
    files = {name: (test.converted(test.save(name, content)), vit) for name, (content, vit) in cases.items()}
    arrays, forward = networks.google(5)
    numpy.savez(test.path / "ViT.npz", **{name: tensor.numpy() for name, tensor in arrays.items()})
    files["google_npz"] = (test.converted(test.path / "ViT.npz"), forward)
    for name, (tensors, network) in files.items():
        with torch.no_grad():
            features = network(IMAGES)
        safetensors.torch.save_file(tensors, folder / f"{name}.safetensors")
        safetensors.torch.save_file({"images": IMAGES, "cls": features.contiguous()}, folder / f"{name}_computed.safetensors")
    test.doCleanups()


if __name__ == "__main__":
    if "--freeze" in sys.argv:
        freeze(Path(sys.argv[sys.argv.index("--freeze") + 1]))
    else:
        unittest.main(verbosity=2)
