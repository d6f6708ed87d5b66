"""The settings of RLlib's PPO that a run begins with; `training.rllib` lays its own over them."""

from typing import Any

from rlhp_ray.config.memory_checks import DEFAULT_BATCH_STEPS

PPO_DEFAULTS: dict[str, Any] = {
    # RLlib's defaults that do not suit (lambda 1, value clip 10, KL loss) replaced by the field's usual ones
    # (Schulman et al. 2017; Andrychowicz et al. 2021).
    "lr": 1e-3,
    "gamma": 0.99,
    "lambda_": 0.95,
    "clip_param": 0.2,
    "vf_clip_param": float("inf"),
    "vf_loss_coeff": 0.5,
    "entropy_coeff": 0.01,
    "use_kl_loss": False,
    "grad_clip": 0.5,
    "num_epochs": 10,
    "train_batch_size_per_learner": DEFAULT_BATCH_STEPS,
    "minibatch_size": 500,
    # An env runner that fails by an error is started again after so long; RLlib's 60 s are for clusters in trouble.
    "delay_between_env_runner_restarts_s": 1.0,
}
