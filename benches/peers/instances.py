"""Seeded networks: unit scales are log-normal, weights normal with the variance of He's initialization."""

import numpy as np

WIDTHS = {
    "i": (1, [784, 500, 300, 100, 10]),
    "ii": (2, [64] * 51 + [10]),
    "v": (5, [4096, 4096, 4096, 4096, 1000]),
    "deep": (2, [64] * 501 + [10]),
}
# seed, inputs, hidden units, outputs, connections, whether connections may lead backwards
GRAPHS = {"iii": (3, 100, 10000, 10, 100000, False), "iv": (4, 32, 2000, 10, 40000, True)}


def layers(name):
    """The weight matrices of a layered network, outputs x inputs."""
    seed, widths = WIDTHS[name]
    random = np.random.default_rng(seed)
    scales = [np.zeros(widths[0])] + [random.standard_normal(n) for n in widths[1:-1]] + [np.zeros(widths[-1])]
    matrices = []
    for before, after, s, t in zip(widths, widths[1:], scales, scales[1:]):
        weights = random.standard_normal((after, before)) * np.sqrt(2 / before)
        matrices.append(weights * np.exp(t)[:, None] * np.exp(-s)[None, :])
    return matrices


def graph(name):
    """Hidden units, and heads, tails and weights of the connections; unit 0 stands for all inputs and outputs."""
    seed, inputs, hidden, outputs, count, cyclic = GRAPHS[name]
    random = np.random.default_rng(seed)
    total, units = inputs + hidden + outputs, np.arange(inputs, inputs + hidden)
    # every hidden unit gets one connection in and one out, so that a minimum exists in a network without cycles
    if cyclic:
        sources, targets = random.integers(0, inputs + hidden, hidden), random.integers(inputs, total, hidden)
    else:
        sources = (random.random(hidden) * units).astype(int)
        targets = (units + 1 + random.random(hidden) * (total - units - 1)).astype(int)
    more_tails, more_heads = random.integers(0, inputs + hidden, 4 * count), random.integers(inputs, total, 4 * count)
    allowed = more_tails != more_heads if cyclic else more_tails < more_heads
    heads = np.concatenate([units, targets, more_heads[allowed]])
    tails = np.concatenate([sources, units, more_tails[allowed]])
    keep = heads != tails
    heads, tails = heads[keep], tails[keep]
    first = np.sort(np.unique(heads.astype(np.int64) * total + tails, return_index=True)[1])[:count]
    heads, tails = heads[first], tails[first]
    fan_in = np.bincount(heads, minlength=total)
    weights = random.standard_normal(len(heads)) * np.sqrt(2 / fan_in[heads])
    scales = np.zeros(total)
    scales[units] = random.standard_normal(hidden)
    weights *= np.exp(scales[heads] - scales[tails])
    number = lambda ends: np.where((ends >= inputs) & (ends < inputs + hidden), ends - inputs + 1, 0)
    return hidden, number(heads), number(tails), weights


def write(name, folder):
    """Writes an instance as synbal reads it, and returns its path and options."""
    if name in WIDTHS:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        single = name == "v"
        nodes, tensors, value = [], [], "x"
        matrices = layers(name)
        for k, matrix in enumerate(matrices):
            tensors.append(numpy_helper.from_array(matrix.astype(np.float32 if single else np.float64), f"w{k}"))
            out = "y" if k + 1 == len(matrices) else f"h{k}"
            nodes.append(helper.make_node("Gemm", [value, f"w{k}"], [out], transB=1))
            if out != "y":
                value = f"r{k}"
                nodes.append(helper.make_node("Relu", [out], [value]))
        kind = TensorProto.FLOAT if single else TensorProto.DOUBLE
        ends = [helper.make_tensor_value_info(n, kind, [None, m]) for n, m in (("x", matrices[0].shape[1]), ("y", matrices[-1].shape[0]))]
        body = helper.make_graph(nodes, name, ends[:1], ends[1:], tensors)
        path = folder / f"{name}.onnx"
        onnx.save(helper.make_model(body, opset_imports=[helper.make_opsetid("", 13)]), path)
        return path, []
    hidden, heads, tails, weights = graph(name)
    # all inputs and outputs are one visible unit each: the first and the last of the matrix
    head = np.where(heads == 0, hidden + 2, heads + 1)
    tail = np.where(tails == 0, 1, tails + 1)
    keys, place = np.unique(head.astype(np.int64) * (hidden + 3) + tail, return_inverse=True)
    # several weights between the same two units cost like one with the root of the sum of their squares
    merged = np.sqrt(np.bincount(place, weights**2))
    path = folder / f"{name}.mtx"
    with open(path, "w") as file:
        file.write(f"%%MatrixMarket matrix coordinate real general\n{hidden + 2} {hidden + 2} {len(keys)}\n")
        file.writelines(f"{k // (hidden + 3)} {k % (hidden + 3)} {w!r}\n" for k, w in zip(keys.tolist(), merged.tolist()))
    return path, ["--inputs", "1", "--outputs", str(hidden + 2)]
