"""The C ABI (harness/include/clb) as ctypes: structs with the members of the headers, in their order. A struct that the host hands over
is read as far as its struct_size reaches; zeros stand for the rest."""

import ctypes as c

Status = c.c_int32
OK, END = 0, 1
E_INVALID, E_UNSUPPORTED, E_NO_MEMORY, E_CANCELLED, E_NUMERIC, E_IO, E_STATE, E_INTERNAL = range(-1, -9, -1)

Self = c.c_void_p


def function(result, *arguments):
    return c.CFUNCTYPE(result, *arguments)  # gives up the GIL around a call, and takes it for a callback


class Part(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("name", c.c_char_p), ("tensor", c.c_void_p)]


class Batch(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("part_count", c.c_uint32), ("parts", c.c_void_p), ("part_stride", c.c_uint64),
        ("n", c.c_int64), ("epoch", c.c_int64), ("step", c.c_int64),
    ]


class Question(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("part_count", c.c_uint32), ("parts", c.c_void_p), ("part_stride", c.c_uint64),
        ("n", c.c_int64), ("columns", c.POINTER(c.c_int64)), ("column_count", c.c_int64), ("step", c.c_int64),
    ]


class StreamRequest(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("sources", c.c_uint32), ("view", c.c_uint32), ("part_count", c.c_uint32),
        ("parts", c.POINTER(c.c_char_p)), ("shuffle", c.c_uint32), ("drop_last", c.c_uint32), ("batch_size", c.c_int64),
        ("epochs", c.c_int64), ("sample_ids", c.POINTER(c.c_int64)), ("sample_id_count", c.c_int64), ("aux", c.c_char_p),
    ]


class StreamInfo(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("flags", c.c_uint32), ("samples", c.c_int64), ("batches_per_epoch", c.c_int64),
        ("batches", c.c_int64), ("dropped", c.c_int64),
    ]


class Host(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("self", Self),
        ("log", function(None, Self, c.c_int32, c.c_char_p)),
        ("set_error", function(None, Self, Status, c.c_char_p, c.c_char_p, c.c_int32)),
        ("progress", function(c.c_int32, Self, c.c_char_p, c.c_int64, c.c_int64)),
        ("get_extension", function(c.c_void_p, Self, c.c_char_p)),
        ("stream_open", function(Status, Self, c.POINTER(StreamRequest), c.POINTER(c.c_void_p))),
        ("stream_info", function(Status, Self, c.c_void_p, c.POINTER(StreamInfo))),
        ("stream_next", function(Status, Self, c.c_void_p, c.POINTER(Batch))),
        ("stream_close", function(None, Self, c.c_void_p)),
        ("metric", function(None, Self, c.c_char_p, c.c_int64, c.c_double)),
        ("derive_key", function(Status, Self, c.c_char_p, c.POINTER(c.c_int64), c.c_int64, c.POINTER(c.c_uint8))),
    ]


class Value(c.Structure):
    class As(c.Union):
        _fields_ = [
            ("i", c.c_int64), ("f", c.c_double), ("s", c.c_char_p), ("ints", c.POINTER(c.c_int64)),
            ("floats", c.POINTER(c.c_double)), ("strings", c.POINTER(c.c_char_p)),
        ]

    _fields_ = [("type", c.c_uint32), ("count", c.c_uint32), ("as_", As)]


class Setting(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("name", c.c_char_p), ("value", Value)]


class Session(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("precision", c.c_uint32), ("host", c.c_void_p), ("settings", c.c_void_p),
        ("setting_count", c.c_uint32), ("setting_stride", c.c_uint32), ("device_type", c.c_int32), ("device_index", c.c_int32),
        ("image_height", c.c_int64), ("image_width", c.c_int64),
    ]


class Task(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("index", c.c_int64), ("domain", c.c_int64),
        ("labels", c.POINTER(c.c_int64)), ("label_count", c.c_int64), ("classes_seen", c.c_int64), ("task_count", c.c_int64),
        ("class_count", c.c_int64),
    ]


class Inputs(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("part_count", c.c_uint32), ("parts", c.c_void_p)]


class Writer(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("self", Self),
                ("write", function(Status, Self, c.c_char_p, c.c_uint64))]


class Reader(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("self", Self),
                ("read", function(Status, Self, c.c_void_p, c.c_uint64, c.POINTER(c.c_uint64)))]


class Method(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32), ("state_version", c.c_uint32), ("paper", c.c_char_p), ("params", c.c_void_p),
        ("param_count", c.c_uint32), ("param_stride", c.c_uint32),
        ("create", function(Status, c.c_void_p, c.POINTER(c.c_void_p))),
        ("destroy", function(None, Self)),
        ("begin_task", function(Status, Self, c.c_void_p)),
        ("train_task", function(Status, Self, c.c_void_p)),
        ("end_task", function(Status, Self, c.c_void_p)),
        ("inputs", function(Status, Self, c.c_void_p)),
        ("predict", function(Status, Self, c.c_void_p, c.POINTER(c.c_void_p))),
        ("save", function(Status, Self, c.c_void_p)),
        ("load", function(Status, Self, c.c_void_p)),
        ("get_extension", c.c_void_p), ("roles", c.c_void_p), ("role_count", c.c_uint32), ("reserved", c.c_uint32),
        ("capabilities", c.c_uint64), ("assets", c.c_void_p), ("sources", c.c_void_p), ("asset_count", c.c_uint32),
        ("source_count", c.c_uint32), ("describe", c.c_void_p),
    ]


class Extractor(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32),
                ("extract", function(Status, Self, c.c_char_p, c.c_void_p, c.POINTER(c.c_void_p)))]


class PythonFile(c.Structure):
    _fields_ = [("path", c.c_char_p), ("text", c.c_void_p), ("size", c.c_uint64)]


class Python(c.Structure):
    """clb_python of harness/session/include/clb/session/python.hpp."""

    _fields_ = [
        ("struct_size", c.c_uint32), ("command_count", c.c_uint32), ("command", c.POINTER(c.c_char_p)),
        ("folders", c.POINTER(c.c_char_p)), ("folder_count", c.c_uint32), ("reserved", c.c_uint32), ("versions", c.c_char_p),
        ("libtorch", c.c_char_p), ("load", function(Status, c.c_void_p, c.POINTER(PythonFile), c.c_uint32)),
        ("functions", c.POINTER(Method)), ("extractor", c.POINTER(Extractor)),
    ]


# Extensions of the host (clb/ext). Each begins with struct_size, reserved and self.
def _extension(*functions):
    class Extension(c.Structure):
        _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("self", Self)] + list(functions)

    return Extension


class Weights(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("bytes", c.c_void_p), ("size", c.c_uint64),
                ("sha256", c.c_char_p), ("options", c.c_char_p)]


class Asset(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("bytes", c.c_void_p), ("size", c.c_uint64),
                ("sha256", c.c_char_p)]


class Sentences(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("flags", c.c_uint32), ("texts", c.POINTER(c.c_char_p)), ("count", c.c_int64)]


_Rows = function(Status, Self, c.c_char_p, c.POINTER(Sentences), c.POINTER(c.c_void_p))

EXTENSIONS = {
    b"clb.weights/1": _extension(("open", function(Status, Self, c.c_char_p, c.POINTER(Weights)))),
    b"clb.assets/1": _extension(("open", function(Status, Self, c.c_char_p, c.POINTER(Asset)))),
    b"clb.memory/1": _extension(("set", function(Status, Self, c.POINTER(c.c_int64), c.c_int64))),
    b"clb.features/1": _extension(
        ("dim", function(Status, Self, c.c_char_p, c.POINTER(c.c_int64))),
        ("declare", function(Status, Self, c.c_char_p, c.c_int64, c.c_char_p)),
    ),
    b"clb.text/1": _extension(
        ("class_name", function(Status, Self, c.c_int64, c.POINTER(c.c_char_p))),
        ("templates", function(Status, Self, c.POINTER(c.POINTER(c.c_char_p)), c.POINTER(c.c_int64))),
    ),
    b"clb.text_features/1": _extension(
        ("tokens", _Rows),
        ("rows", _Rows),
        ("class_rows", function(Status, Self, c.c_char_p, c.c_char_p, c.POINTER(c.c_int64), c.c_int64, c.POINTER(c.c_void_p))),
    ),
    b"clb.x-trace/1": _extension(("emit", function(None, Self, c.c_char_p, c.c_void_p))),
}


def read(kind, address):
    """The struct at an address, as far as its allocator's reaches."""
    full = kind()
    c.memmove(c.byref(full), address, min(c.c_uint32.from_address(address).value, c.sizeof(kind)))
    return full


def texts(strings):
    """An array of char*; keep it as long as it is used."""
    return (c.c_char_p * max(1, len(strings)))(*[s.encode() for s in strings])
