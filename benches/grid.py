#!/usr/bin/env python3
"""A square grid of units as Matrix Market: signals go down and to the right.

    benches/grid.py SIDE > grid.mtx

The first row are the inputs (1 to SIDE), the last one the outputs; weights are log-normal, from a fixed seed.
"""
import random
import sys

side = int(sys.argv[1])
random.seed(1)
unit = lambda row, column: row * side + column + 1
edges = []
for row in range(side):
    for column in range(side):
        if row + 1 < side:
            edges.append((unit(row + 1, column), unit(row, column)))
        if column + 1 < side and 0 < row < side - 1:
            edges.append((unit(row, column + 1), unit(row, column)))
print("%%MatrixMarket matrix coordinate real general")
print(side * side, side * side, len(edges))
for head, tail in edges:
    print(head, tail, f"{random.lognormvariate(0, 1):.17g}")
