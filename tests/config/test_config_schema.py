"""The schema: frozen, strict, and every key explained."""

import pytest
from pydantic import ValidationError

from rlhp_ray.config import field_guide
from rlhp_ray.config.schema import EnvConfig, RewardConfig, RunConfig, TrainingConfig


def test_every_key_is_described_and_its_expectation_can_be_told():
    for key, schema in field_guide.key_schemas().items():
        assert schema.get("description", "").endswith("."), key
        assert field_guide.expected_text(key), key


def test_configurations_are_frozen_and_share_no_settings():
    first, second = (RunConfig(env=EnvConfig(id="a")) for _ in range(2))
    with pytest.raises(ValidationError, match="frozen"):
        first.env.num_envs = 3
    first.training.rllib["lr"] = 1
    assert second.training.rllib == {}


@pytest.mark.parametrize("value", [True, "5", 5.0, None])
def test_only_an_integer_is_an_integer(value):
    with pytest.raises(ValidationError):
        TrainingConfig(env_steps=value)


def test_an_integer_stands_for_a_float_but_a_boolean_or_text_does_not():
    assert isinstance(RewardConfig(scale=2).scale, float)
    for value in (True, "2"):
        with pytest.raises(ValidationError):
            RewardConfig(scale=value)
