"""Writes digits.bin.gz beside itself: for every image its label, then 64 pixels from 0 to 16, a byte each.

    python3 -m venv venv
    venv/bin/pip install numpy==2.4.6 scikit-learn==1.9.1
    venv/bin/python src/learning/data/digits.py

Data: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
https://doi.org/10.24432/C50P49, CC BY 4.0; the copy in scikit-learn (BSD-3-Clause), 1797 images.
"""

import gzip
import pathlib

import numpy as np
from sklearn.datasets import load_digits

digits = load_digits()
# the copy runs through the classes in turn: mixed, every fifth image is a fair sample
order = np.random.default_rng(1).permutation(len(digits.target))
records = np.column_stack([digits.target, digits.data]).astype(np.uint8)[order]
path = pathlib.Path(__file__).with_name("digits.bin.gz")
path.write_bytes(gzip.compress(records.tobytes(), mtime=0))
print(path, len(records), "images,", path.stat().st_size, "bytes")
