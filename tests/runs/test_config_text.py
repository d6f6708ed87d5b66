"""Values of an archived configuration, read without its schema."""

import pytest

from rlhp_ray.config.loading import dump_config
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.runs.config_text import ConfigText

QUESTION = "Does it learn?\n\nseed: 7 was stuck, # and 'quotes' were \"there\".\n" + "Long " * 60


def text(**data) -> ConfigText:
    return ConfigText(dump_config(RunConfig.model_validate({"env": {"id": "Pendulum-v1"}, **data})))


def test_it_reads_what_the_schema_would() -> None:
    data = {"seed": 3, "question": QUESTION, "training": {"rllib": {"lr": 1e-05, "model": {"fcnet": [8, 8]}}}}
    config = RunConfig.model_validate({"env": {"id": "1e3"}, **data})
    found = ConfigText(dump_config(config))
    assert found.value("env.id") == "1e3"
    assert found.value("question") == QUESTION
    assert found.value("training.rllib.lr") == 1e-05
    assert found.value("training.rllib.model.fcnet") == [8, 8]
    assert found.value("training.env_steps") == config.training.env_steps
    assert found.value("seed") == 3


def test_what_does_not_exist_is_none() -> None:
    found = text()
    assert found.value("nothing") is None
    assert found.value("env.nothing.deeper") is None
    assert found.value("seed.deeper") is None
    assert "env" in found and "nothing" not in found


def test_flat_has_every_leaf_once() -> None:
    flat = text(training={"rllib": {"lr": 0.1}}, question=QUESTION).flat()
    assert flat["training.rllib.lr"] == 0.1
    assert flat["reward.hidden_sizes"] == [64, 64]
    assert flat["preferences.source_weights"] == {}
    assert flat["question"] == QUESTION
    assert "training" not in flat and "training.rllib" not in flat


def test_damaged_yaml_is_a_value_error_and_only_where_it_is_asked_for() -> None:
    found = ConfigText("seed: 3\nenv:\n  id: [unclosed\nmode: sync\n")
    assert (found.value("seed"), found.value("mode")) == (3, "sync")
    with pytest.raises(ValueError, match="flow sequence"):
        found.value("env.id")
