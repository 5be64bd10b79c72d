#!/usr/bin/env python3
"""Do two ONNX files compute the same function, as far as onnxruntime and random inputs can tell?

    pip install numpy onnx onnxruntime
    python check.py A.onnx B.onnx [--tolerance 1e-5] [--seed 0] [--trials 3] [--batch 4] [--open 64]

Both files get the same standard normal inputs. Unknown first dimensions become --batch, other unknown ones --open. The
difference of an output is the largest |a - b| over all its elements, divided by the largest |a|.
Exit code 0: no difference above the tolerance; 1: a difference; 2: the files cannot be compared.
"""

import argparse
import sys

import numpy
import onnx
import onnxruntime

FLOATS = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}


def session(path):
    """The model at path, checked, without the optimizations that would reorder its arithmetic."""
    onnx.checker.check_model(path)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def random_input(generator, port, batch, other):
    """A standard normal tensor for an input of a model."""
    if port.type not in FLOATS:
        sys.exit(f"the input {port.name} takes {port.type}, not real numbers")
    fill = [batch] + [other] * max(0, len(port.shape) - 1)
    shape = [d if isinstance(d, int) and d > 0 else f for d, f in zip(port.shape, fill)]
    return generator.standard_normal(shape).astype(FLOATS[port.type])


def difference(a, b):
    """Largest difference relative to the largest element; infinite where shapes or non-finite elements differ."""
    a, b = numpy.asarray(a, dtype="float64"), numpy.asarray(b, dtype="float64")
    if a.shape != b.shape or not numpy.array_equal(numpy.isfinite(a), numpy.isfinite(b)):
        return numpy.inf
    finite = numpy.isfinite(a)
    if not numpy.array_equal(a[~finite], b[~finite], equal_nan=True):
        return numpy.inf
    largest = numpy.abs(a[finite]).max(initial=0.0)
    gap = numpy.abs(a[finite] - b[finite]).max(initial=0.0)
    return gap / largest if largest > 0 else gap


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--open", type=int, default=64)
    given = parser.parse_args()

    try:
        a, b = session(given.a), session(given.b)
    except Exception as error:  # the libraries raise many kinds
        print(f"cannot load: {error}", file=sys.stderr)
        return 2
    names = [[p.name for p in s.get_inputs()] + [p.name for p in s.get_outputs()] for s in (a, b)]
    if names[0] != names[1]:
        print(f"different inputs or outputs: {names[0]} and {names[1]}", file=sys.stderr)
        return 2
    generator = numpy.random.default_rng(given.seed)
    worst = {port.name: 0.0 for port in a.get_outputs()}
    for _ in range(given.trials):
        feed = {p.name: random_input(generator, p, given.batch, given.open) for p in a.get_inputs()}
        for name, x, y in zip(worst, a.run(None, feed), b.run(None, feed)):
            worst[name] = max(worst[name], difference(x, y))
    for name, value in worst.items():
        print(f"{name}: {value:.3g}")
    return 0 if all(value <= given.tolerance for value in worst.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
