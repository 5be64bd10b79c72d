"""Runs everything and writes the table and the plot."""

import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import threading

import instances

PEERS = ["Newton-CG", "trust-ncg", "L-BFGS-B", "matrix_balance", "clarabel", "torch L-BFGS", "Brevitas"]
# dense matrices of more than 10000 units, and exponential cones of a million connections, do not end within the limit
SKIP = {("matrix_balance", "iii"), ("matrix_balance", "v"), ("clarabel", "v"), ("clarabel", "iii")}
# it equalizes layers
SKIP |= {("Brevitas", "iii"), ("Brevitas", "iv")}
LIMIT = 300
# what the others do: iterations until the residual is small
BARE = "synbal, iterations alone"
ROOT = pathlib.Path(__file__).resolve().parents[2]
REPEAT = 5
# the same solve again and again in one process
AGAIN = ["cargo", "bench", "--quiet", "--locked", "--bench", "reads", "--"]


def timed(command):
    """Output and peak memory in MB of a command; none when it takes too long or fails."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        timer = threading.Timer(LIMIT, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        timer.cancel()
        out.seek(0)
        return (json.load(out), usage.ru_maxrss / 1000) if status == 0 else (None, None)


def again(path, options):
    """What `benches/reads.rs` measures of a file."""
    command = [*AGAIN, path, *(option for option in options if not str(option).startswith("--"))]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=LIMIT)
    return json.loads(run.stdout)["again"]["reads"] if run.returncode == 0 else float("nan")


def synbal(binary, path, options):
    runs = [timed([binary, "balance", path, *options, "--no-check", "--json"]) for _ in range(REPEAT)]
    report = runs[0][0]
    whole = {
        "seconds": statistics.median(r["seconds"]["solve"] for r, _ in runs),
        "residual": report["residual_after"],
        "passes": report["passes"],
        "cost": report["cost_after"],
        # a short-lived process is charged with the memory of the one that started it: it measures itself
        "memory": max(r["memory"]["balance"] for r, _ in runs) / 1e6,
    }
    bare = {
        "seconds": statistics.median(r["seconds"]["to_tolerance"] or LIMIT for r, _ in runs),
        "passes": report["passes_to_tolerance"] or 0,
        "reads": statistics.median((r["seconds"]["to_tolerance"] or LIMIT) / r["seconds"]["pass"] for r, _ in runs),
        "again": again(path, options),
    }
    return whole, {**whole, **bare}


def number(value):
    return f"{value:.3g}"


def plot(rows, path):
    """Seconds over residual, one panel for every instance, as SVG."""
    import math

    width, height, margin = 270, 200, 62
    names = list(dict.fromkeys(r["instance"] for r in rows))
    colors = dict(zip(["synbal", BARE, *PEERS], ["#000000", "#56B4E9", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#F0E442", "#999999"]))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * len(names)}" height="{height + 60}" font-family="sans-serif" font-size="11">']
    out.append('<rect width="100%" height="100%" fill="white"/>')
    for k, name in enumerate(names):
        left = k * width
        x = lambda s: left + margin + (math.log10(s) + 3) / 6 * (width - margin - 10)
        y = lambda r: 24 + (-math.log10(max(r, 1e-16))) / 16 * (height - 60)
        out.append(f'<text x="{left + margin}" y="16" font-weight="bold">instance {name}</text>')
        out.append(f'<rect x="{left + margin}" y="24" width="{width - margin - 10}" height="{height - 60}" fill="none" stroke="#999"/>')
        for e in (-3, -1, 1, 3):
            out.append(f'<text x="{x(10.0**e):.0f}" y="{height - 20}" text-anchor="middle">1e{e}</text>')
        for e in (0, -4, -8, -12, -16):
            out.append(f'<text x="{left + margin - 4}" y="{y(10.0**e) + 4:.0f}" text-anchor="end">1e{e}</text>')
        out.append(f'<text x="{left + width / 2 + 10:.0f}" y="{height - 4}" text-anchor="middle">seconds of the solve</text>')
        out.append(f'<text x="{left + 10}" y="{height / 2:.0f}" transform="rotate(-90 {left + 10} {height / 2:.0f})" text-anchor="middle">largest relative residual</text>')
        for row in (r for r in rows if r["instance"] == name):
            out.append(f'<circle cx="{x(row["seconds"]):.1f}" cy="{y(row["residual"]):.1f}" r="5" fill="{colors[row["tool"]]}"/>')
    for k, (tool, color) in enumerate(colors.items()):
        out.append(f'<circle cx="{20 + 145 * k}" cy="{height + 30}" r="5" fill="{color}"/><text x="{30 + 145 * k}" y="{height + 34}">{tool}</text>')
    path.write_text("\n".join([*out, "</svg>"]) + "\n")


def main(binary, names):
    work = ROOT / "target/peers"
    rows, python = [], sys.executable
    for name in names:
        path, options = instances.write(name, work)
        whole, bare = synbal(binary, path, options)
        rows.append({"instance": name, "tool": "synbal", **whole})
        rows.append({"instance": name, "tool": BARE, **bare})
        for peer in PEERS:
            if (peer, name) in SKIP:
                continue
            result, memory = timed([python, ROOT / "benches/peers/peer.py", peer, name])
            print(name, peer, result, memory, flush=True)
            if result:
                rows.append({"instance": name, "tool": peer, "memory": memory, **result})
    folder = ROOT / "docs/benchmarks"
    folder.mkdir(exist_ok=True)
    plot(rows, folder / "peers.svg")
    lines = [
        "# Side by side with other tools",
        "",
        f"Written by `benches/peers/run {' '.join(names)}` on {datetime.date.today()}: {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}, limit {LIMIT} s. Seconds are those of the solve alone (synbal: median of {REPEAT}, "
        "its decision about existence, its error bound, refinement and the proof of its enclosures included); its second row has the iterations alone, to a residual "
        "of 1e-12, which is what the others do. Memory is the peak of the whole process. The ratio is the time over that of these iterations; "
        "in reads, it is the time over that of one complete read of the weights (`seconds.pass` of `synbal balance --json`); again, the same in a "
        "process that has solved before, where memory and code are not touched for the first time (`cargo bench --bench reads -- FILE`).",
        "",
        "Layered networks: i 784-500-300-100-10, ii 50 hidden layers of 64, v 4096-4096-4096-4096-1000 (single precision). "
        "Graphs: iii without cycles, 10 000 hidden units and 100 000 connections; iv recurrent, 2000 and 40 000. Peers are "
        "scipy's minimizers on the cost with exact derivatives (matrix products by BLAS or sparse), LAPACK's gebal "
        "(`scipy.linalg.matrix_balance`), Clarabel through cvxpy, L-BFGS of PyTorch with gradients of its own, and the equalization of "
        "Brevitas, which makes largest weights equal and not sums of squares. Missing rows failed or exceeded the limit, or were not tried "
        "(gebal on iii and v, Clarabel on iii and v, Brevitas on graphs).",
        "",
        "| instance | tool | seconds | ratio | largest relative residual | cost | MB | passes | in reads | again |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        base = next(r for r in rows if r["instance"] == row["instance"] and r["tool"] == BARE)
        cells = [
            row["instance"],
            row["tool"],
            number(row["seconds"]),
            number(row["seconds"] / base["seconds"]),
            f"{row['residual']:.1e}",
            f"{row['cost']:.12g}",
            f"{row['memory']:.0f}",
            f"{row['passes']:.0f}" if "passes" in row else "",
            f"{row['reads']:.0f}" if "reads" in row else "",
            f"{row['again']:.0f}" if "again" in row else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "![Seconds over residual](peers.svg)", ""]
    (folder / "peers.md").write_text("\n".join(lines))


main(sys.argv[1], sys.argv[2:] or ["i", "ii", "iii", "iv", "v"])
