"""Tensors across the ABI, by DLPack both ways; the receiver owns what it gets (clb/abi.h, rule 3)."""

import ctypes as c

import torch

from . import _abi

_NAME = b"dltensor_versioned"
_USED = b"used_dltensor_versioned"

_new = c.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = c.py_object, [c.c_void_p, c.c_char_p, c.c_void_p]
_pointer = c.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = c.c_void_p, [c.py_object, c.c_char_p]
_rename = c.pythonapi.PyCapsule_SetName
_rename.restype, _rename.argtypes = c.c_int, [c.py_object, c.c_char_p]

# DLManagedTensorVersioned: version (two uint32), manager_ctx, deleter, ...
_DELETER_AT = 16
_Deleter = _abi.function(None, c.c_void_p)


def received(address):
    """The tensor that the host hands over. It is released once, by whichever thread lets go of it last: the host's deleter needs no GIL."""
    capsule = _new(address, _NAME, None)
    try:
        return torch.from_dlpack(capsule)
    except BaseException:
        _Deleter(c.c_void_p.from_address(address + _DELETER_AT).value)(address)
        raise


def received_parts(address, count, stride):
    """Named tensors of a batch or a question. All are taken before one turns out to be bad."""
    parts, fault = {}, None
    for k in range(count):
        part = _abi.Part.from_address(address + k * stride)
        try:
            parts[part.name.decode()] = received(part.tensor)
        except Exception as error:
            fault = fault or error
    if fault is not None:
        raise fault
    return parts


def handed_over(tensor):
    """The address of a DLManagedTensorVersioned that its receiver owns. The host may release it without the GIL: torch takes the GIL itself
    where a Python object hangs on the tensor."""
    capsule = tensor.detach().__dlpack__(max_version=(1, 0))
    address = _pointer(capsule, _NAME)
    _rename(capsule, _USED)  # its destructor now does nothing
    return address
