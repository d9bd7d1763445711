"""Lies beside faulty_py.py, whose header does not name it."""
