"""Pictures drawn from observations are those that the environment showed when the clip was recorded."""

import gymnasium
import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.observation_drawing import ObservationDrawing, frames_per_second
from rlhp_ray.envs.env_lookup import find_env_spec
from rlhp_ray.envs.observed_state import MOVING_DOTS, STATES, can_draw


@pytest.mark.parametrize("env_id", [*STATES, *MOVING_DOTS])
def test_a_clip_is_drawn_as_it_was_seen(env_id):
    find_env_spec(env_id)
    env = gymnasium.make(env_id, render_mode="rgb_array")
    env.action_space.seed(0)
    observation, _ = env.reset(seed=3)
    observations, actions, shown = [], [], []
    for _ in range(12):
        action = env.action_space.sample()
        observations.append(observation)
        shown.append(env.render())
        actions.append(action)
        observation, *_ = env.step(action)
    env.close()
    clip = Clip(np.array(observations), np.array(actions), np.zeros(12, np.float32), env_steps=0)
    drawing = ObservationDrawing(env_id)
    drawn = drawing.frames(clip)
    drawing.close()
    different = (drawn != np.array(shown)).any(axis=-1).mean(axis=(1, 2))
    assert different.max() < 0.001  # float32 moves an edge by a pixel here and there
    assert (drawn[1:] != drawn[:-1]).any()


def test_clips_are_shown_at_the_environments_speed():
    assert frames_per_second("CartPole-v1", 1) == 50
    assert frames_per_second("rlhp/MovingDot-v0", 4) == 15
    assert not can_draw("Reacher-v5")
