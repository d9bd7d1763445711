#!/usr/bin/env bash
# state_test.py with the Python of CLB_PYTHON, else python3. Exit code 77: it lacks what the tests need.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=${CLB_PYTHON:-python3}
if ! why=$("$python" -c 'import numpy, pytest, torch' 2>&1); then
  echo "SKIPPED: state and tensors of methods in Python need numpy, pytest and torch in $python (${why##*$'\n'}); CLB_PYTHON names another Python"
  exit 77
fi
PYTHONPATH=$root/tools/python exec "$python" -B -m pytest -q -p no:cacheprovider "$root/tests/python/state_test.py"
