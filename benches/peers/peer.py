"""Runs one peer on one instance and prints one line of JSON: seconds of the solve, cost and largest relative residual."""

import json
import sys
import time

import instances
import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.sparse


class Layered:
    """The cost of a layered network in the log-scales of its hidden units, by matrix products."""

    def __init__(self, name):
        self.squares = [matrix.astype(np.float64) ** 2 for matrix in instances.layers(name)]
        self.sizes = [a.shape[0] for a in self.squares[:-1]]
        self.ends = np.cumsum([0] + self.sizes)
        self.size = int(self.ends[-1])

    def split(self, x):
        parts = [x[a:b] for a, b in zip(self.ends, self.ends[1:])]
        return [np.zeros(self.squares[0].shape[1])] + parts + [np.zeros(self.squares[-1].shape[0])]

    def flows(self, x):
        scales = [np.exp(2 * part) for part in self.split(x)]
        rows, columns = [], []
        for a, before, after in zip(self.squares, scales, scales[1:]):
            rows.append(after * (a @ (1 / before)))
            columns.append((after @ a) / before)
        return np.concatenate(rows[:-1]), np.concatenate(columns[1:]), sum(r.sum() for r in rows)

    def product(self, x, d):
        inflow, outflow, _ = self.flows(x)
        scales, changes = [np.exp(2 * part) for part in self.split(x)], self.split(d)
        cross = [np.zeros(n) for n in [len(s) for s in scales]]
        for k, a in enumerate(self.squares):
            before, after = scales[k], scales[k + 1]
            cross[k + 1] += after * (a @ (changes[k] / before))
            cross[k] += ((after * changes[k + 1]) @ a) / before
        return 4 * ((inflow + outflow) * d - np.concatenate(cross[1:-1]))


class Graph:
    """The same for a list of connections, by sparse matrix products."""

    def __init__(self, name):
        self.size, heads, tails, weights = instances.graph(name)
        n = self.size + 1
        self.a = scipy.sparse.csr_matrix((weights**2, (heads, tails)), shape=(n, n))
        self.t = self.a.T.tocsr()

    def full(self, x):
        return np.concatenate([[0.0], x])

    def flows(self, x):
        s = np.exp(2 * self.full(x))
        rows, columns = s * (self.a @ (1 / s)), (self.t @ s) / s
        return rows[1:], columns[1:], rows.sum()

    def product(self, x, d):
        s, d = np.exp(2 * self.full(x)), self.full(d)
        cross = s * (self.a @ (d / s)) + (self.t @ (s * d)) / s
        inflow, outflow, _ = self.flows(x)
        return 4 * ((inflow + outflow) * d[1:] - cross[1:])


def minimize(problem, method):
    """scipy.optimize on the cost itself, with its gradient and, where the method takes it, products with its Hessian."""
    value = lambda x: (lambda i, o, cost: (cost, 2 * (i - o)))(*problem.flows(x))
    options = {
        "Newton-CG": {"xtol": 1e-14, "maxiter": 1000},
        "trust-ncg": {"gtol": 1e-11, "maxiter": 1000},
        "L-BFGS-B": {"ftol": 1e-16, "gtol": 1e-12, "maxiter": 20000, "maxfun": 40000},
    }[method]
    more = {} if method == "L-BFGS-B" else {"hessp": problem.product}
    return scipy.optimize.minimize(value, np.zeros(problem.size), jac=True, method=method, options=options, **more).x


def matrix_balance(name):
    """LAPACK's gebal on the matrix of magnitudes; inputs and outputs are one unit."""
    if name in instances.WIDTHS:
        layered = Layered(name)
        n = layered.size + 1
        matrix, starts = np.zeros((n, n)), [None] + [1 + e for e in layered.ends[:-1]] + [None]
        for k, a in enumerate(layered.squares):
            weights = np.sqrt(a)
            if starts[k] is None:
                weights = np.sqrt((weights**2).sum(1, keepdims=True))
            if starts[k + 1] is None:
                weights = np.sqrt((weights**2).sum(0, keepdims=True))
            row = slice(0, 1) if starts[k + 1] is None else slice(starts[k + 1], starts[k + 1] + weights.shape[0])
            column = slice(0, 1) if starts[k] is None else slice(starts[k], starts[k] + weights.shape[1])
            matrix[row, column] += weights
    else:
        matrix = np.sqrt(Graph(name).a.toarray())
    begin = time.perf_counter()
    _, (scale, _) = scipy.linalg.matrix_balance(matrix, permute=False, separate=True)
    x = -np.log(scale)
    return x[1:] - x[0], time.perf_counter() - begin


def clarabel(problem):
    """The sum of exponentials as exponential cones, by cvxpy."""
    import cvxpy

    if isinstance(problem, Layered):
        heads, tails, amplitudes = [], [], []
        starts = [None] + [1 + e for e in problem.ends[:-1]] + [None]
        for k, a in enumerate(problem.squares):
            index = lambda start, count: np.zeros(count, int) if start is None else start + np.arange(count)
            heads.append(np.repeat(index(starts[k + 1], a.shape[0]), a.shape[1]))
            tails.append(np.tile(index(starts[k], a.shape[1]), a.shape[0]))
            amplitudes.append(a.ravel())
        heads, tails, amplitudes = map(np.concatenate, (heads, tails, amplitudes))
    else:
        a = problem.a.tocoo()
        heads, tails, amplitudes = a.row, a.col, a.data
    m, n = len(heads), problem.size + 1
    rows = np.arange(m)
    difference = scipy.sparse.csr_matrix((np.ones(m), (rows, heads)), (m, n)) - scipy.sparse.csr_matrix((np.ones(m), (rows, tails)), (m, n))
    x = cvxpy.Variable(n)
    model = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum(cvxpy.exp(np.log(amplitudes) + 2 * (difference @ x)))), [x[0] == 0])
    model.solve(solver="CLARABEL")
    return np.asarray(x.value)[1:]


def torch_lbfgs(problem):
    """L-BFGS of PyTorch on the cost, with the gradient that PyTorch derives."""
    import torch

    torch.set_default_dtype(torch.float64)
    x = torch.zeros(problem.size, requires_grad=True)
    if isinstance(problem, Layered):
        squares, sizes = [torch.from_numpy(a) for a in problem.squares], problem.sizes

        def cost():
            ends = [torch.zeros(squares[0].shape[1]), *torch.split(x, sizes), torch.zeros(squares[-1].shape[0])]
            scales = [torch.exp(2 * part) for part in ends]
            return sum(after @ (a @ (1 / before)) for a, before, after in zip(squares, scales, scales[1:]))

    else:
        a = problem.a.tocoo()
        heads, tails, amplitudes = (torch.from_numpy(of.astype(kind)) for of, kind in ((a.row, np.int64), (a.col, np.int64), (a.data, float)))

        def cost():
            full = torch.cat([torch.zeros(1), x])
            return (amplitudes * torch.exp(2 * (full[heads] - full[tails]))).sum()

    options = {"max_iter": 20000, "max_eval": 40000, "tolerance_grad": 1e-10, "tolerance_change": 0, "history_size": 20}
    optimizer = torch.optim.LBFGS([x], line_search_fn="strong_wolfe", **options)

    def evaluate():
        optimizer.zero_grad()
        value = cost()
        value.backward()
        return value

    evaluate()
    begin = time.perf_counter()
    optimizer.step(evaluate)
    return x.detach().numpy(), time.perf_counter() - begin


def brevitas(name):
    """Cross-layer equalization of Brevitas, which makes the largest weights of both sides equal; the squares of the new weights."""
    import torch
    from brevitas.fx import symbolic_trace
    from brevitas.graph.equalize import EqualizeGraph

    modules = []
    for matrix in instances.layers(name):
        linear = torch.nn.Linear(matrix.shape[1], matrix.shape[0], bias=False)
        linear.weight.data = torch.tensor(matrix, dtype=torch.float32)
        modules += [linear, torch.nn.ReLU()]
    network = symbolic_trace(torch.nn.Sequential(*modules[:-1]).eval())
    begin = time.perf_counter()
    network = EqualizeGraph().apply(network)
    seconds = time.perf_counter() - begin
    weights = [m.weight.detach().numpy().astype(float) for m in network.modules() if isinstance(m, torch.nn.Linear)]
    return [w**2 for w in weights], seconds


def main(peer, name):
    problem = Layered(name) if name in instances.WIDTHS else Graph(name)
    problem.flows(np.zeros(problem.size))
    begin = time.perf_counter()
    if peer == "matrix_balance":
        x, seconds = matrix_balance(name)
    elif peer == "torch L-BFGS":
        x, seconds = torch_lbfgs(problem)
    elif peer == "Brevitas":
        problem.squares, seconds = brevitas(name)
        x = np.zeros(problem.size)
    else:
        x = clarabel(problem) if peer == "clarabel" else minimize(problem, peer)
        seconds = time.perf_counter() - begin
    inflow, outflow, cost = problem.flows(x)
    residual = float(np.max(np.abs(inflow - outflow) / (inflow + outflow)))
    print(json.dumps({"seconds": seconds, "cost": float(cost), "residual": residual}))


main(*sys.argv[1:3])
