"""What describes a network survives files, and `auto` is the paper's."""

import json

import pytest

from rlhp_ray.config.schema import RewardConfig
from rlhp_ray.reward.network_spec import NetworkSpec


@pytest.mark.parametrize(
    "spec",
    [NetworkSpec("mlp"), NetworkSpec("my.module:Own", (3,), "obs", 0.5, "separate", True, "tanh")],
)
def test_a_spec_survives_json(spec):
    assert NetworkSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    ("asked", "is_image", "name"),
    [("auto", False, "mlp"), ("auto", True, "cnn"), ("keypoint_cnn", True, "keypoint_cnn"), ("mlp", False, "mlp")],
)
def test_auto_is_the_papers_network_for_such_observations(asked, is_image, name):
    assert NetworkSpec.from_config(RewardConfig(network=asked), is_image).name == name
