"""Reference optima of small seeded problems, by Newton's method with 40 decimal digits (mpmath); no code of the crate.

    python3 -m venv venv && venv/bin/pip install mpmath
    venv/bin/python tests/bank/reference.py > tests/bank/instances.json

A problem is a list of connections [head, tail, weight, p, alpha]; head and tail are lists of [variable, coefficient], empty for
the ground. The cost is the sum of alpha |w|^p exp(p (head(x) - tail(x))). Every instance has a minimum, and every
variable is determined. "cost" has 16 digits, "x" (log-scales at the minimum) 17.
"""
import json
import math
import random
import sys

from mpmath import mp, mpf

mp.dps = 40


def ends(unit, degree):
    """Head and tail form of a unit; None is visible."""
    if unit is None:
        return [], []
    return [[unit, 1.0]], [[unit, degree]]


def normal(rng):
    return rng.gauss(0.0, 1.0)


def layered(rng, widths, degree=lambda v: 1.0, p=2.0):
    """Dense layers, weights normal with a random scale of every unit put on top (as in the peers' instances)."""
    edges, previous, shift_before, count = [], [None] * widths[0], [0.0] * widths[0], 0
    for l, width in enumerate(widths[1:], 1):
        last = l == len(widths) - 1
        units = [None] * width if last else list(range(count, count + width))
        shift = [0.0] * width if last else [normal(rng) for _ in range(width)]
        count += 0 if last else width
        for i, head in enumerate(units):
            for j, tail in enumerate(previous):
                w = normal(rng) * math.sqrt(2 / len(previous)) * math.exp(shift[i] - shift_before[j])
                edges.append([ends(head, 0)[0], ends(tail, degree(tail))[1], w, p, 1.0])
        previous, shift_before = units, shift
    return count, edges


def graph(rng, hidden, extra, acyclic, degree=lambda v: 1.0, p=lambda e: 2.0, decades=1.0):
    """Every unit has an input and an output; further connections at random, self-connections among them if cyclic."""
    edges, seen = [], set()

    def add(head, tail):
        if (head, tail) in seen or (head is None and tail is None):
            return
        seen.add((head, tail))
        w = rng.choice([-1, 1]) * 10 ** rng.uniform(-decades, decades)
        edges.append([ends(head, 0)[0], ends(tail, degree(tail))[1], w, p(len(edges)), rng.choice([1.0, 0.5])])

    for v in range(hidden):
        add(v, rng.choice([None] + list(range(v))) if all(degree(u) == 1 for u in range(hidden)) else None)
        add(None, v)
    for _ in range(extra):
        a, b = rng.randrange(hidden), rng.randrange(hidden)
        if acyclic and a == b:
            continue
        add(max(a, b) if acyclic else a, min(a, b) if acyclic else b)
    return hidden, edges


def tie(problem, groups):
    """Variables of one group become one; variables are renumbered."""
    n, edges = problem
    root = list(range(n))
    for group in groups:
        for v in group:
            root[v] = group[0]
    names = {r: k for k, r in enumerate(sorted(set(root)))}
    rename = lambda form: [[names[root[v]], c] for v, c in form]
    return len(names), [[rename(h), rename(t), w, p, a] for h, t, w, p, a in edges]


def solve(n, edges):
    """Minimum of the cost: damped Newton steps (the cost is generalized self-concordant), 40 digits."""
    lines = []
    for h, t, w, p, a in edges:
        form = {}
        for v, c in h:
            form[v] = form.get(v, mpf(0)) + mpf(c)
        for v, c in t:
            form[v] = form.get(v, mpf(0)) - mpf(c)
        form = {v: c for v, c in form.items() if c != 0}
        if w != 0:
            lines.append((form, mpf(p), mpf(a) * abs(mpf(w)) ** mpf(p)))
    x = [mpf(0)] * n
    for step in range(2000):
        cost, g, h = mpf(0), mp.matrix(n, 1), mp.matrix(n, n)
        inflow, outflow = [mpf(0)] * n, [mpf(0)] * n
        for form, p, amplitude in lines:
            c = amplitude * mp.exp(p * sum((k * x[v] for v, k in form.items()), mpf(0)))
            cost += c
            for v, k in form.items():
                g[v] += p * k * c
                if k > 0:
                    inflow[v] += p * k * c
                else:
                    outflow[v] -= p * k * c
                for u, m in form.items():
                    h[v, u] += p * p * k * m * c
        residual = max(abs(i - o) / (i + o) for i, o in zip(inflow, outflow))
        if residual < mpf(10) ** -32:
            return cost, x
        if step < 60:  # exact sweeps of the diagonal first: far from the optimum they are safer than Newton
            k = [h[v, v] / (inflow[v] + outflow[v]) for v in range(n)]
            d = [mp.log(outflow[v] / inflow[v]) / (8 * k[v]) for v in range(n)]
        else:
            s = [mp.sqrt(h[v, v]) for v in range(n)]
            scaled = mp.matrix(n, n)
            for i in range(n):
                for j in range(n):
                    scaled[i, j] = h[i, j] / (s[i] * s[j])
            y = mp.lu_solve(scaled, mp.matrix([-g[v] / s[v] for v in range(n)]))
            d = [y[v] / s[v] for v in range(n)]
            most = max(abs(p * sum((k * d[v] for v, k in form.items()), mpf(0))) for form, p, _ in lines)
            if most > 1:
                d = [mp.log(1 + most) / most * e for e in d]
        x = [a + b for a, b in zip(x, d)]
    sys.exit("no convergence")


def main():
    instances = []

    def keep(name, problem):
        n, edges = problem
        cost, x = solve(n, edges)
        digits = lambda v, d: float(mp.nstr(v, d))
        instances.append({"name": name, "variables": n, "edges": edges,
                          "cost": mp.nstr(cost, 16), "x": [digits(v, 17) for v in x]})

    rng = random.Random(20)
    keep("layered 4-5-4-3", layered(rng, [4, 5, 4, 3]))
    keep("layered 3-4-4-4-2, p 1", layered(rng, [3, 4, 4, 4, 2], p=1.0))
    keep("layered 2 wide, 8 deep", layered(rng, [2] * 9 + [1]))
    keep("layered, degrees 3 and 1/2", layered(rng, [3, 3, 3, 2], lambda v: 1 if v is None else [3.0, 0.5][v % 2]))
    keep("layered, layers tied", tie(layered(rng, [3, 3, 3, 3, 3]), [[0, 1, 2], [3, 4, 5]]))
    for k, p in enumerate([0.5, 1.0, 1.5, 2.0, 3.0, 40.0]):
        keep(f"sparse dag {k}, p {p}", graph(rng, 8, 12, True, p=lambda e, p=p: p))
        keep(f"recurrent {k}, p {p}", graph(rng, 8, 16, False, p=lambda e, p=p: p))
    for k in range(6):
        c = [rng.choice([1.0, 3.0, 0.5, 2.0]) for _ in range(6)]
        c[0] = 3.0
        keep(f"bipu {k}", graph(rng, 6, 10, k % 2 == 0, degree=lambda v, c=c: 1.0 if v is None else c[v]))
    for k in range(4):
        keep(f"mixed p {k}", graph(rng, 6, 10, False, p=lambda e: rng.choice([0.5, 1.0, 2.0, 3.0])))
        keep(f"tied {k}", tie(graph(rng, 8, 12, False), [[0, 3], [1, 4, 6]]))
    for k in range(16):
        p = [1.0, 2.0][k % 2]
        keep(f"twelve decades {k}", graph(rng, 6, 8, False, p=lambda e: p, decades=6.0))
    json.dump(instances, sys.stdout, indent=None, separators=(",", ":"))
    print()


main()
