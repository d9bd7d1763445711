"""Asks for a frame of a file that is there: says on one line what is missing."""

import sys

import clbench

try:
    clbench.load(sys.argv[1]).runs
except clbench.Error as error:
    sys.exit(str(error))
