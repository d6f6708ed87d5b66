"""Half of the steps in short stints, the rest in one go; none is lost."""

import pytest

from rlhp_ray.clips.initial_rollouts import rollout_env_steps


@pytest.mark.parametrize(
    ("env_steps", "stint", "expected"),
    [
        (8000, 800, [800] * 5 + [4000]),
        (8000, 900, [900] * 4 + [4400]),
        (1599, 800, [1599]),
        (1600, 800, [800, 800]),
        (400, 800, [400]),
    ],
)
def test_half_is_short_stints_and_the_rest_one_rollout(env_steps, stint, expected):
    assert rollout_env_steps(env_steps, stint) == expected
