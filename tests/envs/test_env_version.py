"""The package that provides an environment is found by its registration."""

from importlib import metadata

import gymnasium as gym
import pytest

from rlhp_ray.envs.env_version import env_version
from rlhp_ray.errors import EnvironmentNotSupportedError


@pytest.mark.parametrize(
    ("env_id", "package"),
    [("Pendulum-v1", "gymnasium"), ("rlhp/MovingDot-v0", "rlhp_ray"), ("ALE/Pong-v5", "ale_py")],
)
def test_the_providing_package_and_its_version(env_id, package):
    assert env_version(env_id) == f"{package} {metadata.version(package)}"


@pytest.mark.parametrize("entry_point", ["mine_alone.envs:Mine", gym.Env, lambda: None])
def test_an_environment_of_no_installed_package_has_none(entry_point):
    gym.register("rlhp_test/Mine-v0", entry_point)
    try:
        expected = f"gymnasium {metadata.version('gymnasium')}" if entry_point is gym.Env else None
        assert env_version("rlhp_test/Mine-v0") == expected
    finally:
        del gym.registry["rlhp_test/Mine-v0"]


def test_an_unknown_environment_is_a_typed_error():
    with pytest.raises(EnvironmentNotSupportedError, match="Unknown environment 'Mine-v9'"):
        env_version("Mine-v9")
