# /// clbench
# id = "all"
# version = "1.0"
# paper = "none"
# capabilities = ["bitwise"]
# roles = ["main", "clip"]
# assets = ["captions"]
# sources = ["more.py"]
# state_version = 2
# [[param]]
# name = "kind"
# type = "choice"
# choices = ["a", "b"]
# default = "b"
# neutral = "a"
# group = "first"
# help = "which"
# implies = [{ when = "a", capabilities = ["stochastic"] }]
# [[param]]
# name = "rows"
# type = "int_list"
# range = [0, 9]
# default = [1, 2]
# help = "rows"
# [validation]
# rows = [3]
# [expected_failures]
# quiet = "a reason"
# ///
