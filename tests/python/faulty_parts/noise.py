"""A module that belongs to faulty_py.py."""


def throw():
    raise ValueError("thrown in a module of the method")
