# /// clbench
# id = "faulty_py"
# version = "1.0.0"
# paper = "none: it misbehaves on request, for tests"
# capabilities = ["bitwise"]
# sources = ["faulty_parts/noise.py"]
#
# [[param]]
# name = "fault"
# type = "choice"
# choices = ["none", "throw", "throw_in_source", "nan", "shape", "no_tensor", "dtype", "threads", "seed", "print", "leak_batch", "forget",
#   "hide", "file", "thread", "environment", "exit", "setting", "chdir", "signal", "random", "pickle", "deaf", "kill", "unnamed"]
# default = "none"
# help = "what goes wrong"
#
# [[param]]
# name = "once"
# type = "string"
# default = ""
# help = "of fault kill: only while this file is there, which it takes away"
# ///
