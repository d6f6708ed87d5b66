"""Does every seed learn? Trains a configuration with several seeds and prints each result, an interval, a success rate.

    .venv/bin/python benchmarks/seeds.py moving_dot --seeds 0-9 --threshold 83 [k=v ...]

The interval of the mean is Student's t at 95 %, the success rate's is Wilson's at 95 %.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from rlhp_ray.statistics.mean_interval import mean_interval
from rlhp_ray.statistics.success_rate import success_rate


def train(config: str, seed: int, overrides: list[str], output_dir: Path) -> dict:
    """One run of the command line; its summary."""
    command = [sys.executable, "-m", "rlhp_ray.cli", "train", config, f"seed={seed}", f"output_dir={output_dir}"]
    done = subprocess.run([*command, *overrides], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads((Path(done.stdout.strip().splitlines()[-1]) / "summary.json").read_text())


def report(returns: list[float], threshold: float) -> str:
    """Mean with interval, and success rate with interval."""
    lines = []
    if len(returns) > 1:
        low, high = mean_interval(returns)
        lines.append(f"mean {np.mean(returns):.1f}, 95 % interval {low:.1f} to {high:.1f} over {len(returns)} seeds")
    successes, count, rate = success_rate(returns, threshold)
    lines.append(f"{successes} of {count} seeds reach {threshold:g} (95 % {rate.low:.2f} to {rate.high:.2f})")
    return "\n".join(lines)


def main() -> None:
    """Train, print a row a seed, then the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--seeds", default="0-9", help="first-last")
    parser.add_argument("--threshold", type=float, required=True)
    arguments = parser.parse_intermixed_args()
    first, _, last = arguments.seeds.partition("-")
    print("seed  true return  std    labels  accuracy  env steps/s  train s  wall s", flush=True)
    returns = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(int(first), int(last or first) + 1):
            result = train(arguments.config, seed, arguments.overrides, Path(folder))
            returns.append(result["true_return_mean"])
            print(
                f"{seed:<6}{returns[-1]:>11.1f}{result['true_return_std']:>7.1f}{result['labels']:>8}"
                f"{result['reward_validation_accuracy'] or float('nan'):>10.2f}{result['env_steps_per_second']:>13,.0f}"
                f"{result['train_seconds']:>9.0f}{result['wall_seconds']:>8.0f}",
                flush=True,
            )
    print(report(returns, arguments.threshold))


if __name__ == "__main__":
    main()
