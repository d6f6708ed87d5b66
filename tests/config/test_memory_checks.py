"""More environments than fit into memory are refused before the first is made, by figures that add up."""

from types import SimpleNamespace

import pytest

from rlhp_ray.config.loading import load_config
from rlhp_ray.config.validation import validate_run
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.errors import ConfigError

STACK = 84 * 84 * 4
COPY = 1_600_000 + 28 * 84 * 84 + 2 * STACK  # the game, a clip of 25 steps and 3 before it, two observations
BATCH = 2 * 4000 * STACK


@pytest.fixture
def check(tmp_path, monkeypatch):
    def check(free: int, *overrides: str) -> None:
        monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=free))
        monkeypatch.setattr("rlhp_ray.config.free_memory.CGROUP_FILE", tmp_path / "none")
        path = tmp_path / "atari.yaml"
        path.write_text(f"output_dir: {tmp_path / 'runs'}\nenv: {{id: ALE/Pong-v5}}\n")
        validate_run(load_config(str(path), ["training.env_steps=10000000", *overrides]))

    return check


def test_what_just_fits_is_taken_and_one_more_is_not(check):
    free = BATCH + 100 * COPY
    check(free, "env.num_envs=100")
    with pytest.raises(
        ConfigError, match=r"env\.num_envs: got 101, for which 413 MB .*expected at most 100; lower env\.num_envs$"
    ):
        check(free, "env.num_envs=101")


def test_the_copies_of_all_runners_count(check):
    free = BATCH + 100 * COPY
    with pytest.raises(ConfigError, match=r"got 51 in each of 2 env runners.*at most 50; lower env\.num_envs or"):
        check(free, "env.num_envs=51", "env.num_env_runners=2")


def test_a_batch_that_does_not_fit_is_what_to_lower(check):
    with pytest.raises(ConfigError, match=r"not even one fits; lower training\.rllib\.train_batch_size_per_learner"):
        check(BATCH)
    check(BATCH, "training.rllib.train_batch_size_per_learner=2000")


def test_the_limit_of_a_container_counts_too(check, tmp_path, monkeypatch):
    for name, content in (("memory.max", BATCH + 100 * COPY + 7), ("memory.current", 7), ("memory.stat", "")):
        (tmp_path / name).write_text(str(content))
    (tmp_path / "cgroup").write_text("0::/")
    machine = 10 * (BATCH + 100 * COPY)
    check(machine, "env.num_envs=101")
    monkeypatch.setattr("rlhp_ray.config.free_memory.CGROUP_MOUNT", tmp_path)
    (tmp_path / "cgroup").rename(tmp_path / "none")
    check(machine, "env.num_envs=100")
    with pytest.raises(ConfigError, match=r"413 MB .* are free below the limit in .*/memory\.max; .*most 100"):
        check(machine, "env.num_envs=101")


def test_more_games_than_any_machine_holds_are_refused_at_once():
    with pytest.raises(ConfigError, match=r"env\.num_envs: got 100000000.*MB a copy"):
        validate_run(load_config("pong", ["env.num_envs=100000000", "training.env_steps=100000000000"]))


@pytest.mark.parametrize(("env_id", "size"), [("ALE/Pong-v5", STACK), ("Pendulum-v1", 12), ("FrozenLake-v1", 8)])
def test_an_observation_is_as_large_as_its_array(env_id, size):
    assert describe_env(env_id).observation_bytes == size
