"""Reading and writing a model beside a plain copy of its file: medians of several runs.

    cargo build --release
    python3 benches/copy.py target/release/synbal model.onnx...
"""

import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

REPEAT = 9


def once(binary, model, folder):
    new = folder / "new.onnx"
    new.unlink(missing_ok=True)
    command = [binary, "balance", model, "-o", new, "--no-check", "--json"]
    report = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    new.unlink()
    start = time.perf_counter()
    subprocess.run(["cp", model, new], check=True)
    copy = time.perf_counter() - start
    seconds = report["seconds"]
    return {"read": seconds["read"], "write": seconds["write"], "solve": seconds["solve"], "copy": copy,
            "memory": report["memory"]["balance"]}


def main(binary, models):
    print("| model | MB | read | write | copy | ratio | memory/file | solve |\n|---|---|---|---|---|---|---|---|")
    for model in map(pathlib.Path, models):
        folder = pathlib.Path(tempfile.mkdtemp(dir=model.parent))
        once(binary, model, folder)  # the first run also loads files into memory
        runs = [once(binary, model, folder) for _ in range(REPEAT)]
        shutil.rmtree(folder)
        size = model.stat().st_size
        m = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        ratio = statistics.median((run["read"] + run["write"]) / run["copy"] for run in runs)
        print(f"| {model.name} | {size / 1e6:.0f} | {m['read']:.3f} | {m['write']:.3f} | {m['copy']:.3f} | {ratio:.1f} "
              f"| {m['memory'] / size:.2f} | {m['solve']:.2f} |")


main(sys.argv[1], sys.argv[2:])
