"""The class behind the actor, without Ray: which strategy is in force with which version of the reward."""

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.actors.preference_buffer import PreferenceBuffer
from rlhp_ray.clips.clip import Clip
from rlhp_ray.config.schema import TeacherConfig
from rlhp_ray.reward.ensemble import EnsembleSpec, RewardEnsemble
from rlhp_ray.reward.observation_scaling import ObservationScaling

SPACE, BUTTONS = gym.spaces.Box(-1.0, 1.0, (3,), np.float32), gym.spaces.Discrete(2)
SPEC = EnsembleSpec(SPACE, BUTTONS, 3, (16,), "cnn", ObservationScaling.from_space(SPACE), 1.0, 0)


@pytest.fixture
def asked(tmp_path):
    """The pairs that a fresh buffer asks about under a version of the reward."""

    def ask(selection: str, version: int) -> list[list[float]]:
        plain_class = PreferenceBuffer.__ray_metadata__.modified_class
        path = tmp_path / f"{selection}{version}.sqlite"
        buffer = plain_class(str(path), {"env_id": "x"}, TeacherConfig(), 100, 0, SPEC, selection)
        rng = np.random.default_rng(0)
        observations = rng.uniform(-1, 1, (30, 5, 3)).astype(np.float32)
        rewards = np.arange(30, dtype=np.float32)[:, None].repeat(5, axis=1)
        buffer.add_clips([Clip(seen, np.zeros(5, int), r, 0) for seen, r in zip(observations, rewards, strict=True)])
        ensemble = RewardEnsemble(SPEC)
        ensemble.version = version
        data, report = buffer.ask(6, 0, ensemble.published())
        assert report.queries == 6
        return [data.new_pairs.left.observations.tolist(), data.new_pairs.right.observations.tolist()]

    return ask


@pytest.mark.parametrize("selection", ["disagreement", "return_variance", "entropy", "mutual_information"])
def test_random_weights_are_not_asked_and_learnt_ones_are(asked, selection):
    uniform = asked("uniform", 0)
    assert asked(selection, 0) == uniform != asked(selection, 1)


@pytest.mark.parametrize("selection", ["k_centre_disagreement", "k_centre_entropy"])
def test_until_then_coverage_stands_in_where_it_is_part_of_the_strategy(asked, selection):
    cover = asked("k_centre", 0)
    assert asked("uniform", 0) != asked(selection, 0) == cover != asked(selection, 1)
