"""Settings of RLlib's that a run ignores, or that RLlib refuses once Ray has started."""

import logging
from collections.abc import Iterator

from rlhp_ray.checks.check_context import CheckContext
from rlhp_ray.checks.finding import Finding

_ONE_SCALING = "leave it out: one scaling, fixed before the policy learns, serves policy and predictor alike."
_FILTER = "normalising for the policy alone is the bug that cost the essay's author months; here it does nothing."
_OVERWRITTEN = "a run overwrites it, so that it does nothing."
IGNORED = {
    "observation_filter": (_FILTER, _ONE_SCALING),
    "env_to_module_connector": (_FILTER, _ONE_SCALING),
    "env": (_OVERWRITTEN, "set env.id."),
    "env_config": (_OVERWRITTEN, "register the environment with what it needs, and set env.id."),
    "num_envs_per_env_runner": (_OVERWRITTEN, "set env.num_envs."),
    "num_env_runners": (_OVERWRITTEN, "set env.num_env_runners."),
    "seed": (_OVERWRITTEN, "set seed."),
    "model": ("the policy network is rlhp's own, so that it does nothing.", "set training.hidden_sizes."),
    "train_batch_size": (
        "train_batch_size_per_learner is set beside it and goes before it.",
        "set training.rllib.train_batch_size_per_learner.",
    ),
}
"""By the name of the setting: why it does nothing, and what does."""


def settings_are_ignored(context: CheckContext) -> Iterator[Finding]:
    """Settings that look as if they did something."""
    for name, (why, change) in IGNORED.items():
        if name in context.config.training.rllib:
            yield Finding(f"training.rllib.{name} is set, and has no effect.", why, change)


def rllib_refuses(context: CheckContext) -> Iterator[Finding]:
    """What RLlib says of the settings; its import takes seconds."""
    from rlhp_ray.policy.algorithm_config import build_algorithm_config

    logging.getLogger("ray.rllib").setLevel(logging.ERROR)  # its import has set a chattier one
    try:
        build_algorithm_config(context.config).validate()
    except Exception as error:  # RLlib's checks raise what they like
        yield Finding(
            f"RLlib refuses the settings: {' '.join(str(error).split())}",
            "the run fails once Ray has started.",
            "change what it names in training.rllib.",
        )
