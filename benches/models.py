"""Passes and time of the iterations on model files, beside one read of the weights: medians of several runs.

    cargo build --release
    python3 benches/models.py target/release/synbal model.onnx...
"""

import json
import pathlib
import statistics
import subprocess
import sys

REPEAT = 9
ROOT = pathlib.Path(__file__).resolve().parents[1]
# the same solve again and again in one process
AGAIN = ["cargo", "bench", "--quiet", "--locked", "--bench", "reads", "--"]


def main(binary, models):
    print("| model | log-scales | weights | passes | ms | in reads | again | with bound and proof: passes | ms |\n|---|---|---|---|---|---|---|---|---|")
    for model in map(pathlib.Path, models):
        command = [binary, "balance", model, "--no-check", "--json"]
        runs = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(REPEAT)]
        first, seconds = runs[0], [run["seconds"] for run in runs]
        again = subprocess.run([*AGAIN, model.absolute()], cwd=ROOT, capture_output=True, check=True).stdout
        again = json.loads(again)["again"]
        median = lambda of: statistics.median(map(of, seconds))
        print(
            f"| {model.stem} | {first['variables']} | {first['weights']} | {first['passes_to_tolerance']:.0f} "
            f"| {1e3 * median(lambda s: s['to_tolerance']):.1f} | {median(lambda s: s['to_tolerance'] / s['pass']):.0f} "
            f"| {again['reads']:.0f} "
            f"| {first['passes']:.0f} | {1e3 * median(lambda s: s['solve']):.1f} |"
        )


main(sys.argv[1], sys.argv[2:])
