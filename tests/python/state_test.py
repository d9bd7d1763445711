"""State and tensors of methods in Python, without a session."""

import ctypes
import gc
import os
import re
import threading

import pytest
import torch

from clbench import _abi, _state, _tensors
from clbench.errors import BadState


def there_and_back(value):
    return _state.decode(bytearray(b"".join(_state.encode(value))))


def test_tensors_of_every_type_and_plain_values_come_back_bit_for_bit():
    value = {
        "f": torch.tensor([0.1, float("nan"), -0.0]), "d": torch.rand(2, 3, dtype=torch.float64), "h": torch.rand(3).bfloat16(),
        "i": torch.tensor([[1 << 62]]), "b": torch.tensor([True, False]), "empty": torch.zeros(0, 5), "scalar": torch.tensor(2.5),
        "column": torch.arange(6.0).reshape(2, 3).t(), "plain": [None, True, 3, 0.1, "text", {"deep": [torch.ones(2)]}],
    }
    back = there_and_back(value)
    for name in ("f", "d", "h", "i", "b", "empty", "scalar", "column"):
        assert back[name].dtype == value[name].dtype and back[name].shape == value[name].shape
        assert torch.equal(back[name].contiguous().flatten().view(torch.uint8), value[name].contiguous().flatten().view(torch.uint8))
    assert back["plain"][:5] == value["plain"][:5]
    assert torch.equal(back["plain"][5]["deep"][0], torch.ones(2))


def test_a_module_comes_back_as_its_state_dict():
    module = torch.nn.Linear(3, 2)
    other = torch.nn.Linear(3, 2)
    other.load_state_dict(there_and_back({"module": module})["module"])
    assert torch.equal(other.weight, module.weight)


def test_names_that_look_alike_stay_apart():
    value = {"a.b": torch.ones(1), "a": {"b": torch.zeros(2)}, "a.b'": torch.ones(3)}
    back = there_and_back(value)
    assert torch.equal(back["a.b"], value["a.b"]) and torch.equal(back["a"]["b"], value["a"]["b"]) and len(back["a.b'"]) == 3


@pytest.mark.parametrize("value, part", [({"a": {1: 2}}, "key 1 in a"), ({"a": {"__tensor__": "x"}}, "stands for tensors"), ({"a": [object()]}, "object in a.0"), ({"a": {1, 2}}, "set in a")])
def test_what_a_state_cannot_hold_is_named(value, part):
    with pytest.raises(TypeError, match=part):
        there_and_back(value)


def test_every_cut_is_refused_and_no_changed_byte_does_worse():
    whole = b"".join(_state.encode({"a": torch.arange(5), "b": 1}))
    for length in range(len(whole)):
        with pytest.raises(BadState):
            _state.decode(bytearray(whole[:length]))
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 0x15
        try:
            _state.decode(changed)
        except BadState:
            pass


def test_a_tensor_crosses_and_is_released_once_by_a_thread_without_the_gil():
    tensor = torch.arange(12.0).reshape(3, 4).t()
    address = _tensors.handed_over(tensor)
    back = _tensors.received(address)
    assert back.data_ptr() == tensor.data_ptr() and torch.equal(back, tensor)
    del back, tensor
    gc.collect()
    for _ in range(200):
        address = _tensors.handed_over(torch.ones(100))
        deleter = _tensors._Deleter(ctypes.c_void_p.from_address(address + _tensors._DELETER_AT).value)  # gives up the GIL
        thread = threading.Thread(target=deleter, args=(address,))
        thread.start()
        thread.join()


def test_a_tensor_that_wants_a_gradient_is_handed_over_without_it():
    assert not _tensors.received(_tensors.handed_over(torch.ones(2, requires_grad=True))).requires_grad


def test_structs_have_the_layout_of_the_headers():
    """tests/abi/abi_layout.c states the offset of every member of every header."""
    text = open(os.path.join(os.path.dirname(__file__), "..", "abi", "abi_layout.c"), encoding="utf-8").read()
    stated = {}
    for struct, member, offset in re.findall(r"AT\(clb_(\w+), (\w+), (\d+)\)", text):
        stated.setdefault(struct, {})[member] = int(offset)
    sizes = {struct: int(size) for struct, size in re.findall(r"SIZE\(clb_(\w+), (\d+)\)", text)}
    ours = {name: kind for name, kind in vars(_abi).items() if isinstance(kind, type) and issubclass(kind, ctypes.Structure)}
    ours = {re.sub("(?<=.)([A-Z])", r"_\1", name).lower(): kind for name, kind in ours.items()}
    ours.update({"weights_source": _abi.EXTENSIONS[b"clb.weights/1"], "assets": _abi.EXTENSIONS[b"clb.assets/1"],
                 "memory": _abi.EXTENSIONS[b"clb.memory/1"], "features": _abi.EXTENSIONS[b"clb.features/1"],
                 "text": _abi.EXTENSIONS[b"clb.text/1"], "text_features": _abi.EXTENSIONS[b"clb.text_features/1"],
                 "trace": _abi.EXTENSIONS[b"clb.x-trace/1"]})
    compared = 0
    for struct, kind in ours.items():
        if struct in ("python", "python_file"):
            assert ctypes.sizeof(kind) == {"python": 72, "python_file": 24}[struct]  # tools/runner/runner.cpp says so too
            continue
        members = {member.rstrip("_"): getattr(kind, member).offset for member, *_ in kind._fields_}
        assert members == stated[struct], struct
        assert ctypes.sizeof(kind) == sizes[struct], struct
        compared += 1
    assert compared == 25
