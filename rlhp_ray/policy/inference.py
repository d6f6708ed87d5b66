"""A trained policy that acts, saved without pickle and loaded without Ray or optimiser."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import NoneType

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from rlhp_ray.envs.env_choice import EnvChoice
from rlhp_ray.errors import CheckpointError
from rlhp_ray.policy.actor_critic import ActorCriticNetwork
from rlhp_ray.reward.export_files import read_export, write_export
from rlhp_ray.reward.inference import find_export
from rlhp_ray.reward.observation_scaling import ObservationScaling
from rlhp_ray.reward.space_json import space_from_dict, space_to_dict

MAX_IMAGES_PER_BATCH = 256  # bounds the memory of an evaluation on pixels
_FIELDS: dict[str, tuple[type, ...]] = {
    "env_id": (str,),
    "frame_skip": (int, NoneType),
    "hides_score": (bool,),
    "hidden_sizes": (list,),
    "scaling": (dict,),
    "action_space": (dict,),
}


class TrainedPolicy:
    """Acts greedily, by the most probable action or the mean of a continuous one, or draws actions as in training.

    Args:
        network: actor and critic.
        scaling: owns observation scaling, as in training.
        action_space: of one environment.
        env: what it was trained in.
        sampling_seed: of the draws; None acts greedily.
    """

    def __init__(
        self,
        network: ActorCriticNetwork,
        scaling: ObservationScaling,
        action_space: gym.Space,
        env: EnvChoice,
        sampling_seed: int | None = None,
    ) -> None:
        self._network = network
        self._scaling = scaling
        self._action_space = action_space
        self._generator = None if sampling_seed is None else torch.Generator().manual_seed(sampling_seed)
        self.env = env

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Actions `[num_envs, *action]`, ready for the environment, for `[num_envs, *observation]`."""
        per_batch = MAX_IMAGES_PER_BATCH if self._network.is_image else max(1, len(observations))
        starts = range(0, len(observations), per_batch)
        return np.concatenate([self._act(observations[start : start + per_batch]) for start in starts])

    @torch.inference_mode()
    def _act(self, observations: np.ndarray) -> np.ndarray:
        scaled = torch.from_numpy(np.ascontiguousarray(self._scaling(observations)))
        features = self._network.features(scaled, exact=True)
        if self._generator is not None:
            inputs = self._network.action_distribution_inputs(features)
            return draw_actions(inputs, self._action_space, self._generator)
        outputs = self._network.actor_head(features)
        chosen = outputs.argmax(-1) if isinstance(self._action_space, gym.spaces.Discrete) else outputs
        return environment_actions(chosen.numpy(), self._action_space)


def draw_actions(inputs: Tensor, action_space: gym.Space, generator: torch.Generator) -> np.ndarray:
    """Actions as the environment takes them, drawn from the policy's distributions.

    Args:
        inputs: what `ActorCriticNetwork.action_distribution_inputs` gave.
        action_space: of one environment.
        generator: of the draws.
    """
    if isinstance(action_space, gym.spaces.Discrete):
        chosen = torch.multinomial(inputs.softmax(-1), 1, generator=generator).squeeze(-1)
    else:
        mean, log_std = inputs.chunk(2, dim=-1)
        chosen = mean + log_std.exp() * torch.randn(mean.shape, generator=generator)
    return environment_actions(chosen.numpy(), action_space)


def environment_actions(chosen: np.ndarray, action_space: gym.Space) -> np.ndarray:
    """Actions as the environment takes them.

    Args:
        chosen: `[n]`, numbers of Discrete actions from 0, or `[n, action_size]`, normalised ones.
        action_space: of one environment.
    """
    if isinstance(action_space, gym.spaces.Discrete):
        return chosen + action_space.start
    assert isinstance(action_space, gym.spaces.Box)
    low, high = action_space.low, action_space.high
    normalised = np.clip(chosen, -1.0, 1.0).reshape(-1, *action_space.shape)
    return (low + (normalised + 1.0) * (high - low) / 2.0).astype(action_space.dtype)


@dataclass(frozen=True, eq=False)
class SavedPolicy:
    """What `save_policy` wrote.

    Args:
        network: actor and critic.
        scaling: of observations, as in training.
        action_space: of one environment.
        env: what it was trained in.
        hidden_sizes: of the network; one that reads images has its own.
        samples_actions: whether it is to be judged and shown as it draws its actions, and not as it acts greedily.
    """

    network: ActorCriticNetwork
    scaling: ObservationScaling
    action_space: gym.Space
    env: EnvChoice
    hidden_sizes: tuple[int, ...]
    samples_actions: bool


def save_policy(
    directory: Path,
    network: ActorCriticNetwork,
    scaling: ObservationScaling,
    action_space: gym.Space,
    env: EnvChoice,
    hidden_sizes: tuple[int, ...],
    samples_actions: bool = False,
) -> None:
    """Write `policy.json` and `policy.safetensors` into the directory."""
    header = {
        **asdict(env),
        "hidden_sizes": list(hidden_sizes),
        "samples_actions": samples_actions,
        "scaling": scaling.to_dict(),
        "action_space": space_to_dict(action_space),
    }
    weights = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    write_export(directory, "policy", header, weights)


def read_policy(directory: Path) -> SavedPolicy:
    """A saved policy: a run, a checkpoint or its export. Raises CheckpointError on missing or damaged files."""
    header, tensors = read_export(find_export(directory), "policy", _FIELDS)
    try:
        scaling = ObservationScaling.from_dict(header["scaling"])
        action_space = space_from_dict(header["action_space"])
        hidden_sizes, frame_skip = tuple(header["hidden_sizes"]), header["frame_skip"]
        counts = hidden_sizes if frame_skip is None else (*hidden_sizes, frame_skip)
        if any(type(count) is not int or count < 1 for count in counts):
            raise ValueError(f"hidden_sizes {header['hidden_sizes']!r}, frame_skip {frame_skip!r}")
        network = ActorCriticNetwork(scaling.scaled_space, action_space, hidden_sizes)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
        env = EnvChoice(**{field.name: header[field.name] for field in fields(EnvChoice)})
        samples = header.get("samples_actions", False) is True  # the field came later than the file
        return SavedPolicy(network, scaling, action_space, env, hidden_sizes, samples)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"the policy in {directory} does not fit this rlhp ({error!r})") from error


def load_policy(directory: Path, samples_actions: bool | None = None) -> TrainedPolicy:
    """A saved policy, to act.

    Args:
        directory: a run, a checkpoint or its export.
        samples_actions: whether it draws its actions, from seed 0; None as in the evaluation of its run.

    Raises:
        CheckpointError: files are missing, truncated or foreign.
    """
    saved = read_policy(directory)
    samples = saved.samples_actions if samples_actions is None else samples_actions
    return TrainedPolicy(saved.network.eval(), saved.scaling, saved.action_space, saved.env, 0 if samples else None)


def load_fitting_policy(
    directory: Path, scaling: ObservationScaling, action_space: gym.Space, hidden_sizes: tuple[int, ...]
) -> SavedPolicy:
    """A saved policy that a run can go on from.

    Args:
        directory: a run, a checkpoint or its export.
        scaling: of the run. Entries that wait for data take the policy's own.
        action_space: of the run.
        hidden_sizes: of the run's policy network.

    Raises:
        CheckpointError: it cannot be read, or has other spaces or another network than the run.
    """
    saved = read_policy(directory)
    differences: list[tuple[str, object, object]] = []
    if not scaling.becomes(saved.scaling):
        differences.append(("observations", _scaling_text(saved.scaling), _scaling_text(scaling)))
    if action_space != saved.action_space:
        differences.append(("the action space", saved.action_space, action_space))
    if not saved.network.is_image and hidden_sizes != saved.hidden_sizes:
        differences.append(("training.hidden_sizes", list(saved.hidden_sizes), list(hidden_sizes)))
    for name, got, expected in differences:
        raise CheckpointError(
            f"the policy in {directory} (trained in {saved.env.env_id}) has {name} {got}; this run expects {expected}. "
            "Load a policy that was trained in the same environment with the same training.hidden_sizes."
        )
    return saved


def _scaling_text(scaling: ObservationScaling) -> str:
    bounds = "" if scaling.offset is None else f", offset {scaling.offset} and scale {scaling.scale}"
    return f"{scaling.kind} of shape {scaling.shape}{bounds}"
