"""Your own `tune.run`: RLlib's PPO on Pendulum, turned into one that learns from preferences, with three seeds.

    .venv/bin/python examples/tune_run.py [--seeds 3] [--env-steps 50000] [--labels 200] [--output runs-of-mine]

Everything of Tune is yours here: schedulers, search, callbacks, storage. What `rlhp sweep` adds beyond it (an archive
of every run, a report, resuming) is in docs/sweeps.md.
"""

import argparse
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.rllib.algorithms.ppo import PPOConfig

from rlhp_ray import metric_keys as keys
from rlhp_ray.policy.algorithm_config import preference_driven


def experiment(seed: int, env_steps: int, labels: int, output: Path) -> tune.Experiment:
    """One seed. The settings after the environment are RLlib's, those of `preference_driven` are rlhp's."""
    mine = (
        PPOConfig()
        .environment("Pendulum-v1")
        .env_runners(num_env_runners=0, num_envs_per_env_runner=16)
        .training(
            gamma=0.95,
            lambda_=0.9,
            lr=0.001,
            train_batch_size_per_learner=1600,
            minibatch_size=200,
            num_epochs=10,
            use_kl_loss=False,
            vf_clip_param=float("inf"),
            grad_clip=0.5,
        )
    )
    driven = preference_driven(
        mine,
        seed=seed,
        mode="sync",
        training={"env_steps": env_steps, "checkpoint_interval_env_steps": max(env_steps, 10_000) // 2},
        preferences={"labels": labels},
        teacher={"preset": "oracle"},
    )
    return tune.Experiment(
        f"seed{seed}", driven.algo_class, config=driven.to_dict(), storage_path=str(output.absolute())
    )


class LastReturns(tune.Callback):
    """Keeps the newest mean true return of each trial; an iteration in which no episode ends has none."""

    def __init__(self) -> None:
        self.last: dict[str, float] = {}

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        value = result[keys.METRICS].get(keys.TRUE_RETURN)
        if value is not None:
            self.last[trial.trial_id] = value


def main() -> None:
    """Train the seeds, two beside each other on two cores, and print what each came to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--env-steps", type=int, default=50_000)
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--output", type=Path, default=Path("runs-of-mine"))
    options = parser.parse_args()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    seeds = [experiment(seed, options.env_steps, options.labels, options.output) for seed in range(options.seeds)]
    returns = LastReturns()
    analysis = tune.run(seeds, callbacks=[returns], verbose=0)
    for seed, trial in enumerate(analysis.trials):
        labels = trial.last_result[keys.METRICS][keys.LABELS]
        print(f"seed {seed}  labels {labels}  true return of the last episodes {returns.last[trial.trial_id]:.1f}")
    ray.shutdown()


if __name__ == "__main__":
    main()
