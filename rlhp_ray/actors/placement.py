"""Where the actors live: the buffer on the head node without a CPU of its own, the learner in its trial's group."""

from pathlib import Path
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from rlhp_ray.actors.preference_buffer import PreferenceBuffer
from rlhp_ray.actors.reward_learner import FitSettings, RewardLearner
from rlhp_ray.actors.trial_actors import MAX_LOSSES
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.preferences.preference_database import STORE_FILE
from rlhp_ray.reward.ensemble import EnsembleSpec
from rlhp_ray.reward.fit_recipe import FitRecipe
from rlhp_ray.reward.run_ensemble import preference_subject

HEAD_NODE_RESOURCE = "node:__internal_head__"
# Of a buffer that several trials share. Ray starts it again over the same database, and calls that were under way are
# made again: they reach all trials by the same handle, and none of them needs to know of another.
_OF_MANY = {"max_restarts": MAX_LOSSES, "max_task_retries": -1}


def _on_head_node() -> NodeAffinitySchedulingStrategy:
    """Pins an actor to the head node; a trial that makes its own is then not caught in its placement group."""
    head = next(node["NodeID"] for node in ray.nodes() if HEAD_NODE_RESOURCE in node["Resources"])
    return NodeAffinitySchedulingStrategy(head, soft=False)


def create_preference_buffer(config: RunConfig, spec: EnsembleSpec, directory: Path, name: str) -> ActorHandle:
    """Start the buffer, with its database in `directory`; it lives as long as its creator keeps the handle.

    Raises:
        RayActorError: from a TeacherError, where a function of the user's cannot be imported, or from what is wrong
            with preferences to start with: shown now, and not when the first query is asked.
    """
    buffer = start_preference_buffer(config, spec, directory, name, goes_on=config.mode == "async")
    needs = (config.teacher.reward_function, config.teacher.callable, config.preferences.load)
    if config.shares_preferences or any(needs):
        ray.get(buffer.__ray_ready__.remote())
    return buffer


def start_preference_buffer(
    config: RunConfig, spec: EnsembleSpec, directory: Path, name: str, goes_on: bool = True
) -> ActorHandle:
    """The same without a look at whether it came up.

    Args:
        config: of the run, or what all trials share.
        spec: of the ensemble.
        directory: of the database.
        name: of the actor.
        goes_on: whether queries are numbered on from those in the database.
    """
    actor: Any = PreferenceBuffer  # ray.remote is typed as if it left the class alone
    restarts = _OF_MANY if config.shares_preferences else {}
    return actor.options(name=name, scheduling_strategy=_on_head_node(), **restarts).remote(
        store_path=str(directory / STORE_FILE),
        metadata=preference_subject(config, spec).to_metadata(),
        teacher=config.teacher,
        pool_clips=config.preferences.pool_clips,
        seed=config.seed,
        spec=spec,
        selection=config.preferences.selection,
        window=config.preferences.window,
        source_weights=config.preferences.source_weights,
        total_env_steps=config.training.env_steps,
        load=config.preferences.load,
        goes_on=goes_on,
    )


def create_reward_learner(
    config: RunConfig, spec: EnsembleSpec, name: str, num_cpus: float, num_gpus: float
) -> ActorHandle:
    """Start the learner inside the placement group of the calling trial, which has processors, and a GPU, for it."""
    reward = config.reward
    settings = FitSettings(
        learning_rate=reward.learning_rate,
        batch_pairs=reward.batch_pairs,
        pretraining_epochs=reward.pretraining_epochs,
        epochs_per_round=reward.epochs_per_round,
        pairs_per_round=reward.pairs_per_round,
        recipe=FitRecipe.from_config(reward),
    )
    actor: Any = RewardLearner
    device = "cuda" if num_gpus else "cpu"
    options = actor.options(name=name, num_cpus=num_cpus, num_gpus=num_gpus)
    return options.remote(spec, settings, config.seed, config.preferences.window, device)
