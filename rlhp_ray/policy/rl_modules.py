"""The RLModule that RLlib trains: a shell around `ActorCriticNetwork`."""

from typing import Any

import gymnasium as gym
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchCategorical, TorchDiagGaussian
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import Tensor

from rlhp_ray.policy.actor_critic import ActorCriticNetwork
from rlhp_ray.policy.precision import PRECISIONS
from rlhp_ray.reward.observation_statistics import InputObserver


class ActorCriticRLModule(TorchRLModule, ValueFunctionAPI):
    """Takes `model_config={"hidden_sizes": [...]}`, and "precision", a key of `PRECISIONS`, where it is not float32.

    `observer` keeps what it was shown to act on while exploring.
    """

    def setup(self) -> None:
        discrete = isinstance(self.action_space, gym.spaces.Discrete)
        self.action_dist_cls = TorchCategorical if discrete else TorchDiagGaussian
        assert self.observation_space is not None and self.action_space is not None
        assert isinstance(self.model_config, dict)
        self.network = ActorCriticNetwork(
            self.observation_space,
            self.action_space,
            self.model_config["hidden_sizes"],
            PRECISIONS[self.model_config.get("precision", "float32")],
        )
        assert self.observation_space.shape is not None
        self.observer = InputObserver(len(self.observation_space.shape))

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        features = self.network.features(batch[Columns.OBS])
        return {Columns.ACTION_DIST_INPUTS: self.network.action_distribution_inputs(features)}

    def _forward_exploration(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        self.observer.observe(batch[Columns.OBS])
        return self._forward(batch, **kwargs)

    def _forward_train(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        features = self.network.features(batch[Columns.OBS])
        return {
            Columns.ACTION_DIST_INPUTS: self.network.action_distribution_inputs(features),
            Columns.EMBEDDINGS: features,
        }

    def compute_values(self, batch: dict[str, Any], embeddings: Tensor | None = None) -> Tensor:
        return self.network.value(batch[Columns.OBS], embeddings)
