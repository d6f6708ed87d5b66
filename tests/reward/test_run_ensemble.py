"""What a run's preferences are about says how the environment is seen, in one way only."""

import pytest

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs import describe_env
from rlhp_ray.reward.run_ensemble import ensemble_spec, preference_subject


@pytest.mark.parametrize(
    ("env", "frame_skip", "hides_score"),
    [
        ({"id": "ALE/Pong-v5"}, None, True),
        ({"id": "ALE/Pong-v5", "frame_skip": 4}, None, True),
        ({"id": "ALE/Pong-v5", "frame_skip": 8}, 8, True),
        ({"id": "ALE/Pong-v5", "score_mask": "required"}, None, True),
        ({"id": "ALE/Pong-v5", "score_mask": "off"}, None, False),
        ({"id": "ALE/Tennis-v5", "score_mask": "off"}, None, True),  # no mask of it is known: it is shown either way
        ({"id": "CartPole-v1", "frame_skip": 1, "score_mask": "off"}, None, True),
        ({"id": "CartPole-v1", "frame_skip": 4}, 4, True),
        ({"id": "rlhp/MovingDot-v0", "frame_skip": 4}, None, True),
        ({"id": "rlhp/MovingDot-v0", "frame_skip": 1}, 1, True),
    ],
    ids=str,
)
def test_equal_ways_of_seeing_are_recorded_alike(env, frame_skip, hides_score):
    config = RunConfig.model_validate({"env": env})
    subject = preference_subject(config, ensemble_spec(config, describe_env(config.env.id)))
    assert (subject.env_id, subject.frame_skip, subject.hides_score) == (env["id"], frame_skip, hides_score)
