"""The state of a method as one safetensors file: tensors as its entries, everything else as JSON in its metadata. No pickle."""

import ctypes as c
import json
import math

import torch

from . import _abi
from .errors import BadState, check

_DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}
_NAMES = {name: dtype for dtype, name in _DTYPES.items()}
_TENSOR = "__tensor__"  # {"__tensor__": NAME} stands for a tensor in the JSON
_LONGEST_HEADER = 100_000_000


def split(value, tensors, at):
    """Plain JSON, whose tensors have gone to `tensors`."""
    if isinstance(value, torch.nn.Module):
        value = value.state_dict()
    if isinstance(value, torch.Tensor):
        while at in tensors:  # {"a.b": x, "a": {"b": y}}
            at += "'"
        tensors[at] = value.detach()
        return {_TENSOR: at}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [split(element, tensors, "%s.%d" % (at, k)) for k, element in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError("the state has the key %r in %s; a dict of the state has texts as keys" % (key, at or "state()"))
            if key == _TENSOR:
                raise TypeError("the state has the key %r in %s, which stands for tensors; take another" % (key, at or "state()"))
        return {key: split(element, tensors, at + "." + key if at else key) for key, element in value.items()}
    raise TypeError("the state holds a %s in %s; it may hold tensors, modules, numbers, texts, None, and lists and dicts of them"
                    % (type(value).__name__, at))


def join(value, tensors):
    if isinstance(value, dict):
        if set(value) == {_TENSOR}:
            return tensors[value[_TENSOR]]
        return {key: join(element, tensors) for key, element in value.items()}
    return [join(element, tensors) for element in value] if isinstance(value, list) else value


def encode(value):
    """Pieces of bytes, one after the other."""
    tensors = {}
    plain = json.dumps(split(value, tensors, ""))
    header, pieces, at = {"__metadata__": {"state": plain}}, [], 0
    for name, tensor in tensors.items():
        if tensor.dtype not in _DTYPES:
            raise TypeError("the state holds a tensor of %s in %s, which safetensors does not have" % (tensor.dtype, name))
        whole = tensor.cpu().contiguous()
        size = whole.numel() * whole.element_size()
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        pieces.append(whole)
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for whole in pieces:
        if whole.numel():
            yield c.string_at(whole.data_ptr(), whole.numel() * whole.element_size())


def tensors_of(data):
    """Tensors and metadata of the bytes of a safetensors file, which may be anybody's: every length is checked before it is believed. The
    tensors share the memory of `data`."""
    view = memoryview(data)
    size = len(view)
    length = int.from_bytes(view[:8], "little") if size >= 8 else _LONGEST_HEADER
    if length > min(size - 8, _LONGEST_HEADER):
        raise BadState("the header is cut")
    try:
        header = json.loads(bytes(view[8:8 + length]))
        metadata = header.pop("__metadata__", {})
        entries = [(name, _NAMES[e["dtype"]], [int(n) for n in e["shape"]], *map(int, e["data_offsets"])) for name, e in header.items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadState("the header is no safetensors header (%s)" % type(error).__name__) from None
    tensors, end_of_all = {}, 0
    for name, dtype, shape, begin, end in entries:
        width = torch.empty(0, dtype=dtype).element_size()
        if any(n < 0 for n in shape) or not 0 <= begin <= end <= size - 8 - length or end - begin != width * math.prod(shape):
            raise BadState("the entry %r lies outside the file, or is not as long as its shape" % name)
        end_of_all = max(end_of_all, end)
        tensors[name] = (torch.frombuffer(view, dtype=dtype, count=math.prod(shape), offset=8 + length + begin) if end > begin
                         else torch.empty(0, dtype=dtype)).reshape(shape)
    if end_of_all != size - 8 - length:
        raise BadState("it is cut, or has more bytes than its entries")
    return tensors, metadata


def decode(data):
    tensors, metadata = tensors_of(data)
    try:
        return join(json.loads(metadata["state"]), tensors)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadState("its values are damaged (%s)" % type(error).__name__) from None


def write(address, value):
    writer = _abi.read(_abi.Writer, address)
    for piece in encode(value):
        check(writer.write(writer.self, piece, len(piece)))


def read(address):
    reader = _abi.read(_abi.Reader, address)
    data, got, buffer = bytearray(), c.c_uint64(), c.create_string_buffer(1 << 20)
    while True:
        check(reader.read(reader.self, buffer, len(buffer), c.byref(got)))
        if got.value == 0:
            return decode(data)
        data += buffer.raw[:got.value] if got.value < len(buffer) else buffer.raw
