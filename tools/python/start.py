"""The program that makes a runner of a Python: clbench starts it as `PYTHON start.py run FILE.json` in place of `clb-runner run FILE.json`.

    start.py versions     the interpreter, the versions that belong to a plugin's hash and torch's folder, as JSON; torch is not imported
    start.py ARGUMENTS    what clb-runner does with these arguments, with methods in Python
"""

import sys

if sys.version_info < (3, 10):
    sys.exit("Python %d.%d is too old for torch 2.11, which needs 3.10 or newer" % sys.version_info[:2])

from clbench import _process  # the folder of this file is the first of sys.path

if __name__ == "__main__":
    _process.main(sys.argv)
