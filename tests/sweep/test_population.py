"""What a trial of a population takes over from another one, and what stays its own."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlhp_ray.errors import ArchiveError
from rlhp_ray.sweep.axes import Axis
from rlhp_ray.sweep.population import PERTURBATIONS_FILE, Perturbation, PopulationScheduler

LR = Axis("training.rllib.lr", "loguniform", (0.001, 0.0011))
EPOCHS = Axis("training.rllib.num_epochs", "randint", (3, 5))
CLIP = Axis("training.rllib.clip_param", "choice", (0.1, 0.2, 0.3))


class Trial(SimpleNamespace):
    def __hash__(self) -> int:
        return id(self)

    def __str__(self) -> str:
        return self.name


def taken_over(told: list[tuple[str, Perturbation]]) -> dict[str, Any]:
    """The configuration of a trial that takes over another one's policy at 700 env steps."""
    scheduler = PopulationScheduler((LR, EPOCHS, CLIP), 1000, lambda name, what: told.append((name, what)))
    own = {"lr": 0.001, "num_epochs": 3, "clip_param": 0.3, "env_config": {"rlhp_store": "own"}, "seed": 1}
    other = {"lr": 0.0011, "num_epochs": 4, "clip_param": 0.1, "env_config": {"rlhp_store": "other"}, "seed": 2}
    trial, donor = Trial(name="s0-seed1", config=own), Trial(name="s1-seed2", config=other)
    scheduler._trial_state[donor] = SimpleNamespace(last_train_time=700)
    config, _ = scheduler._get_new_config(trial, donor)
    return config


def test_it_keeps_its_directory_and_seed_and_takes_perturbed_values_within_their_ends() -> None:
    told: list[tuple[str, Perturbation]] = []
    configs = [taken_over(told) for _ in range(40)]
    for config, (name, what) in zip(configs, told, strict=True):
        assert (config["env_config"], config["seed"], name) == ({"rlhp_store": "own"}, 1, "s0-seed1")
        assert (what.donor, what.env_steps) == ("s1-seed2", 700)
        values = {key.removeprefix("training.rllib."): value for key, value in what.values.items()}
        assert values == {key: config[key] for key in ("lr", "num_epochs", "clip_param")}
        assert 0.001 <= config["lr"] <= 0.0011 and config["num_epochs"] in (3, 4)
    assert {config["clip_param"] for config in configs} >= {0.1, 0.2}, "a choice goes to its neighbour, or stays"
    assert len({config["lr"] for config in configs}) > 2


def test_the_newest_of_a_run_is_found_again(tmp_path: Path) -> None:
    assert Perturbation.last_of(tmp_path) is None
    for steps in (100, 200):
        Perturbation(steps, "other", {"training.rllib.lr": steps / 1e5}).append_to(tmp_path)
    assert Perturbation.last_of(tmp_path) == Perturbation(200, "other", {"training.rllib.lr": 0.002})
    assert [json.loads(line)["env_steps"] for line in (tmp_path / PERTURBATIONS_FILE).read_text().splitlines()] == [
        100,
        200,
    ]
    (tmp_path / PERTURBATIONS_FILE).write_text('{"env_steps": 1')
    with pytest.raises(ArchiveError, match="is damaged"):
        Perturbation.last_of(tmp_path)
