"""What preferences cost: env steps/s of preference-driven training over the same agent on true reward.

    .venv/bin/python benchmarks/overhead.py [CONFIG] [--pairs 3] [k=v ...]

Runs both in turn on the same machine, pair by pair, so that a machine whose speed drifts does not spoil the ratio.
Aim: a median ratio of at least 0.85, and 0 s of waiting in async mode.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


def measure(config: str, overrides: list[str], output_dir: Path) -> dict:
    """One run of the command line; its summary."""
    command = [sys.executable, "-m", "rlhp_ray.cli", "train", config, f"output_dir={output_dir}", *overrides]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads((Path(done.stdout.strip().splitlines()[-1]) / "summary.json").read_text())


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", nargs="?", default="moving_dot")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--pairs", type=int, default=3)
    arguments = parser.parse_intermixed_args()
    print("pair  mode   preferences  true reward  ratio  waiting of the policy")
    for mode in ("sync", "async"):
        ratios = []
        for pair in range(arguments.pairs):
            with tempfile.TemporaryDirectory() as folder:
                overrides = [*arguments.overrides, f"mode={mode}", f"seed={pair}"]
                driven = measure(arguments.config, overrides, Path(folder))
                plain = measure(arguments.config, [*overrides, "reward_source=true_reward"], Path(folder))
            speeds = (driven["env_steps_per_second"], plain["env_steps_per_second"])
            ratios.append(speeds[0] / speeds[1])
            print(
                f"{pair:<6}{mode:<7}{speeds[0]:>11,.0f}{speeds[1]:>13,.0f}{ratios[-1]:>7.2f}"
                f"  {driven['waiting_seconds']:.2f} s of {driven['train_seconds']:.0f} s",
                flush=True,
            )
        print(f"median ratio, {mode}: {statistics.median(ratios):.2f}", flush=True)


if __name__ == "__main__":
    main()
