"""A learnt reward as a plain function of observations and actions, saved without pickle."""

from pathlib import Path

import numpy as np

from rlhp_ray.errors import CheckpointError
from rlhp_ray.reward.ensemble import EnsembleSpec, PublishedReward, RewardEnsemble
from rlhp_ray.reward.export_files import read_export, write_export
from rlhp_ray.reward.network_spec import NetworkSpec
from rlhp_ray.reward.normalisation import RewardNormaliser
from rlhp_ray.reward.observation_scaling import ObservationScaling
from rlhp_ray.reward.space_json import space_from_dict, space_to_dict

_STATISTICS = ("normaliser.mean", "normaliser.std")
_FIELDS: dict[str, tuple[type, ...]] = {
    "version": (int,),
    "members": (int,),
    "network": (dict,),
    "scale": (int, float),
    "scaling": (dict,),
    "observation_space": (dict,),
    "action_space": (dict,),
    "env_id": (str,),
}


class RewardFunction:
    """Predicted rewards `[n]` of `(observations [n, *observation], actions [n, *action])`, as in training.

    A third argument, `next_observations [n, *observation]`, is what the actions led to. A reward that was learnt with
    `reward.inputs=obs_action_next_obs` needs it and raises RewardDataError without; others do not look at it. `env_id`
    names the environment it was learnt in.
    """

    def __init__(self, ensemble: RewardEnsemble, env_id: str) -> None:
        self.ensemble = ensemble
        self.env_id = env_id

    def __call__(
        self, observations: np.ndarray, actions: np.ndarray, next_observations: np.ndarray | None = None
    ) -> np.ndarray:
        following = None if next_observations is None else np.asarray(next_observations)
        return self.ensemble.rewards(np.asarray(observations), np.asarray(actions), following)


def save_reward(directory: Path, spec: EnsembleSpec, published: PublishedReward, env_id: str) -> None:
    """Write `reward.json` and `reward.safetensors` into the directory."""
    header = {
        "env_id": env_id,
        "version": published.version,
        "members": spec.members,
        "network": spec.network.to_dict(),
        "scale": spec.scale,
        "scaling": published.scaling.to_dict(),
        "observation_space": space_to_dict(spec.observation_space),
        "action_space": space_to_dict(spec.action_space),
    }
    normaliser = published.normaliser
    statistics = dict(zip(_STATISTICS, (normaliser.mean, normaliser.std), strict=True))
    write_export(directory, "reward", header, {**published.weights, **statistics})


def load_reward(directory: Path) -> RewardFunction:
    """A saved reward: the export's directory, a checkpoint or a run directory.

    Raises:
        CheckpointError: missing, truncated or foreign files.
    """
    header, tensors = read_export(find_export(directory), "reward", _FIELDS)
    try:
        spec = EnsembleSpec(
            observation_space=space_from_dict(header["observation_space"]),
            action_space=space_from_dict(header["action_space"]),
            members=header["members"],
            network=NetworkSpec.from_dict(header["network"]),
            scaling=ObservationScaling.from_dict(header["scaling"]),
            scale=header["scale"],
            seed=0,
        )
        mean, std = (tensors.pop(name) for name in _STATISTICS)
        ensemble = RewardEnsemble(spec)
        normaliser = RewardNormaliser(mean, std, header["scale"])
        ensemble.load(PublishedReward(header["version"], tensors, normaliser, spec.scaling))
        return RewardFunction(ensemble, header["env_id"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"the reward in {directory} does not fit this rlhp ({error!r})") from error


def load_fitting_reward(directory: Path, spec: EnsembleSpec) -> RewardFunction:
    """A saved reward that a run with this ensemble can go on from.

    Raises:
        CheckpointError: it cannot be read, or was learnt with other spaces or another architecture.
    """
    reward = load_reward(directory)
    for name in ("observation_space", "action_space", "members", "network"):
        got, expected = getattr(reward.ensemble.spec, name), getattr(spec, name)
        if got != expected:
            raise CheckpointError(
                f"the reward in {directory} (learnt in {reward.env_id}) has {name} {got}; this run expects {expected}. "
                "Load a reward that was learnt in the same environment with the same section `reward`."
            )
    return reward


def find_export(directory: Path) -> Path:
    """The inference export in a run directory (its last checkpoint), a checkpoint, or itself."""
    for candidate in (directory / "checkpoints" / "last" / "inference", directory / "inference"):
        if candidate.is_dir():
            return candidate
    return directory
