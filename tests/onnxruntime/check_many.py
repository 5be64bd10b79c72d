#!/usr/bin/env python3
"""Compares many pairs of ONNX files in one go, as check.py does for one.

    python check_many.py FOLDER

For every FOLDER/NAME.a.onnx: the same outputs bit for bit as FOLDER/NAME.b.onnx, and as FOLDER/NAME.c.onnx up to
TOLERANCE. A line "NAME: ..." for each difference or failure.
"""

import pathlib
import sys

import numpy
from check import difference, random_input, session

TOLERANCE = 1e-3


def compare(folder, name):
    """What is wrong with the files of this name; None when nothing is."""
    a, *others = (session(str(folder / f"{name}.{part}.onnx")) for part in "abc")
    generator = numpy.random.default_rng(0)
    feed = {p.name: random_input(generator, p, 2, 4) for p in a.get_inputs()}
    wanted = a.run(None, feed)
    for other, tolerance in zip(others, (0.0, TOLERANCE)):
        worst = max(difference(x, y) for x, y in zip(wanted, other.run(None, feed)))
        if not worst <= tolerance:
            return f"differs by {worst:.3g}, tolerance {tolerance}"
    return None


def main():
    folder = pathlib.Path(sys.argv[1])
    names = sorted(path.name.removesuffix(".a.onnx") for path in folder.glob("*.a.onnx"))
    wrong = 0
    for name in names:
        try:
            problem = compare(folder, name)
        except Exception as error:  # the libraries raise many kinds
            problem = f"failed: {str(error)[:200]}"
        if problem:
            wrong += 1
            print(f"{name}: {problem}")
    print(f"{len(names)} compared")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
