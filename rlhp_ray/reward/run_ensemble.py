"""What a run's configuration says of its ensemble, and of the preferences that it is fitted to."""

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.env_version import env_version
from rlhp_ray.envs.registry import EnvDescription, recorded_choice
from rlhp_ray.preferences.preference_subject import PreferenceSubject
from rlhp_ray.reward.ensemble import EnsembleSpec
from rlhp_ray.reward.network_spec import NetworkSpec
from rlhp_ray.reward.observation_scaling import ObservationScaling
from rlhp_ray.reward.run_env import env_choice
from rlhp_ray.reward.space_json import space_to_dict
from rlhp_ray.seeding import derive_seed


def ensemble_spec(config: RunConfig, description: EnvDescription) -> EnsembleSpec:
    """The ensemble of this run, the same in every process."""
    scaling = ObservationScaling.from_space(description.observation_space)
    return EnsembleSpec(
        observation_space=description.observation_space,
        action_space=description.action_space,
        members=config.reward.members,
        network=NetworkSpec.from_config(config.reward, scaling.kind == "bytes"),
        scaling=scaling,
        scale=config.reward.scale,
        seed=derive_seed(config.seed, "ensemble"),
    )


def preference_subject(config: RunConfig, spec: EnsembleSpec) -> PreferenceSubject:
    """What the preferences of a run are about; others are refused."""
    seen = recorded_choice(env_choice(config))
    return PreferenceSubject(
        env_id=seen.env_id,
        clip_steps=config.preferences.clip_steps,
        observation_space=space_to_dict(spec.observation_space),
        action_space=space_to_dict(spec.action_space),
        env_version=env_version(seen.env_id),
        frame_skip=seen.frame_skip,
        hides_score=seen.hides_score,
    )
