"""Small ensembles, and one thread: the tests are short, and other processes may be at work."""

from collections.abc import Callable, Iterator
from dataclasses import fields

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.reward.ensemble import EnsembleSpec
from rlhp_ray.reward.network_spec import NetworkSpec
from rlhp_ray.reward.observation_scaling import ObservationScaling

POINTS = gym.spaces.Box(-1.0, 1.0, (3,), np.float32)
BUTTONS = gym.spaces.Discrete(2)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Torch with one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make_spec() -> Callable[..., EnsembleSpec]:
    """Specifications that differ from a small ensemble of three of the paper's networks by what is given."""
    of_network = {field.name for field in fields(NetworkSpec)} - {"name"}

    def make(
        observation_space: gym.Space = POINTS,
        action_space: gym.Space = BUTTONS,
        network: str | None = None,
        **changes,
    ) -> EnsembleSpec:
        options = {"hidden_sizes": (16,), **{key: changes.pop(key) for key in of_network & changes.keys()}}
        settings = {"members": 3, "scale": 1.0, "seed": 0, **changes}
        scaling = settings.pop("scaling", ObservationScaling.from_space(observation_space))
        name = network or ("cnn" if scaling.kind == "bytes" else "mlp")
        return EnsembleSpec(
            observation_space, action_space, scaling=scaling, network=NetworkSpec(name, **options), **settings
        )

    return make
