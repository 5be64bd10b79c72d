"""Trains the small digit classifier of the demo and writes it as network files.

    python3 -m venv venv
    venv/bin/pip install numpy==2.4.6 scikit-learn==1.9.1
    venv/bin/python examples/train_digits.py

It writes src/demo/digits.json (the network 64-32-16-10, ReLU, with biases) and src/demo/digits_test.json (100 images
that it never saw, with their labels). Data: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits",
UCI Machine Learning Repository, 1998, CC BY 4.0; the copy in scikit-learn (BSD-3-Clause).
"""

import json
import pathlib

import numpy as np
from sklearn.datasets import load_digits

SOURCE = (
    "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998, "
    "https://doi.org/10.24432/C50P49, CC BY 4.0"
)
WIDTHS = [64, 32, 16, 10]
EPOCHS, BATCH, RATE = 150, 32, 0.05
TRAINING, SHOWN = 1297, 100

random = np.random.default_rng(1)
digits = load_digits()
order = random.permutation(len(digits.data))
images = (digits.data[order] / 16.0).astype(np.float64)
labels = digits.target[order]

weights = [random.normal(0, np.sqrt(2 / n), (m, n)) for n, m in zip(WIDTHS, WIDTHS[1:])]
biases = [np.zeros(m) for m in WIDTHS[1:]]


def forward(x, weights, biases):
    """The activities of all layers; the last layer is linear."""
    layers = [x]
    for l, (w, b) in enumerate(zip(weights, biases)):
        z = layers[-1] @ w.T + b
        layers.append(np.maximum(z, 0) if l + 1 < len(weights) else z)
    return layers


def accuracy(x, y, weights, biases):
    return float((forward(x, weights, biases)[-1].argmax(1) == y).mean())


for epoch in range(EPOCHS):
    shuffled = random.permutation(TRAINING)
    for start in range(0, TRAINING, BATCH):
        batch = shuffled[start : start + BATCH]
        layers = forward(images[batch], weights, biases)
        scores = np.exp(layers[-1] - layers[-1].max(1, keepdims=True))
        delta = scores / scores.sum(1, keepdims=True)
        delta[np.arange(len(batch)), labels[batch]] -= 1
        delta /= len(batch)
        for l in reversed(range(len(weights))):
            dw, db = delta.T @ layers[l], delta.sum(0)
            delta = (delta @ weights[l]) * (layers[l] > 0)
            weights[l] -= RATE * dw
            biases[l] -= RATE * db


def shortest(values):
    """Each number rounded to f32 and then to the fewest digits that give that f32 back."""
    return [float(str(np.float32(v))) for v in values]


rounded = [np.array([shortest(row) for row in w]) for w in weights]
rounded_biases = [np.array(shortest(b)) for b in biases]
test = slice(TRAINING, None)
reached = accuracy(images[test], labels[test], rounded, rounded_biases)
print(f"accuracy on {len(images[test])} images that were not trained on: {reached:.4f}")
assert reached > 0.95

names = ["hidden1", "hidden2", "output"]
network = {
    "format": "synbal-network",
    "version": 1,
    "description": f"Classifier of 8x8 digits, accuracy {reached:.4f}; trained by examples/train_digits.py on: {SOURCE}",
    "inputs": 64,
    "layers": [
        {
            "name": name,
            "activation": "linear" if name == "output" else "relu",
            "weights": [shortest(row) for row in w],
            "biases": shortest(b),
        }
        for name, w, b in zip(names, rounded, rounded_biases)
    ],
}
shown = slice(TRAINING, TRAINING + SHOWN)
examples = {
    "attribution": SOURCE,
    "scale": 16,
    "images": [[int(v) for v in image * 16] for image in images[shown]],
    "labels": [int(label) for label in labels[shown]],
}
folder = pathlib.Path(__file__).parent.parent / "src" / "demo"
for name, content in [("digits.json", network), ("digits_test.json", examples)]:
    (folder / name).write_text(json.dumps(content, separators=(",", ":")) + "\n")
    print(folder / name, (folder / name).stat().st_size, "bytes")
