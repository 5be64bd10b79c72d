#!/usr/bin/env python3
"""A line of units as Matrix Market: each feeds the next.

    benches/line.py UNITS > line.mtx

The first unit is the input, the last one the output; weights are log-normal, from a fixed seed.
"""
import random
import sys

units = int(sys.argv[1])
random.seed(1)
print("%%MatrixMarket matrix coordinate real general")
print(units, units, units - 1)
for head in range(2, units + 1):
    print(head, head - 1, f"{random.lognormvariate(0, 1):.17g}")
