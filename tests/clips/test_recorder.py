"""The recorder on real vector environments, driven as the reward swap drives it, and on numbered steps."""

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.recorder import MAX_PENDING_CLIPS, ClipRecorder
from rlhp_ray.envs.registry import describe_env, make_vector_env

COUNTER = gym.spaces.Box(0, 1e6, (1,), np.float32)
BUTTONS = gym.spaces.Discrete(3)


def record_numbered(recorder: ClipRecorder, steps: range, num_envs: int = 1, ended=(), resets=()) -> None:
    """Record steps whose observation is 100 * env + step, whose action is step % 3, and whose reward is -step."""
    for step in steps:
        rows = np.arange(num_envs)
        recorder.record(
            observations=(100.0 * rows + step)[:, None].astype(np.float32),
            actions=np.full(num_envs, step % 3),
            true_rewards=np.full(num_envs, -float(step)),
            stepped=np.full(num_envs, step not in resets),
            ended=np.full(num_envs, step in ended),
            next_observations=(100.0 * rows + step + 1)[:, None].astype(np.float32),
        )


def shown_numbers(clips: list[Clip]) -> list[list[int]]:
    return [clip.observations[:, 0].astype(int).tolist() for clip in clips]


def record_env(env, recorder: ClipRecorder, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Record `actions [steps, num_envs]`; what was shown, what was paid, and which steps ended an episode."""
    shown, paid, ends = [], [], []
    observations, _ = env.reset(seed=0)
    autoreset = np.zeros(env.num_envs, bool)
    for action in actions:
        following, rewards, terminations, truncations, _ = env.step(action)
        ended = terminations | truncations
        recorder.record(observations, action, rewards, ~autoreset, ended, following)
        shown.append(observations.copy())
        paid.append(rewards.copy())
        ends.append(ended.copy())
        observations, autoreset = following, ended
    env.close()
    return np.array(shown), np.array(paid), np.array(ends)


def recorder_for(env, clip_steps: int, frame_stack: int | None = None) -> ClipRecorder:
    return ClipRecorder(env.num_envs, clip_steps, env.single_observation_space, env.single_action_space, frame_stack)


def stacked(clip: Clip) -> np.ndarray:
    """What the policy saw, from the single frames of a clip: `[clip_steps, height, width, stack]`."""
    return np.lib.stride_tricks.sliding_window_view(clip.observations, clip.frame_stack, axis=0)


def test_clips_have_one_length_and_do_not_overlap():
    recorder = ClipRecorder(2, 4, COUNTER, BUTTONS)
    record_numbered(recorder, range(10), num_envs=2)
    clips = recorder.drain(env_steps=77)
    assert shown_numbers(clips) == [[0, 1, 2, 3], [100, 101, 102, 103], [4, 5, 6, 7], [104, 105, 106, 107]]
    assert clips[2].actions.tolist() == [1, 2, 0, 1]
    assert clips[2].teacher_rewards.tolist() == [-4, -5, -6, -7]
    assert {clip.env_steps for clip in clips} == {77}


def test_a_clip_under_way_is_finished_after_a_drain():
    recorder = ClipRecorder(1, 4, COUNTER, BUTTONS)
    record_numbered(recorder, range(6))
    recorder.drain(0)
    assert recorder.drain(0) == []
    record_numbered(recorder, range(6, 8))
    assert shown_numbers(recorder.drain(0)) == [[4, 5, 6, 7]]


def test_drained_clips_are_not_written_to_again():
    recorder = ClipRecorder(1, 2, COUNTER, BUTTONS)
    record_numbered(recorder, range(2))
    (clip,) = recorder.drain(0)
    record_numbered(recorder, range(2, 4))
    assert shown_numbers([clip]) == [[0, 1]] and clip.teacher_rewards.tolist() == [0, -1]


def test_a_visible_end_discards_the_partial_clip_and_the_autoreset_step_is_not_recorded():
    recorder = ClipRecorder(1, 4, COUNTER, BUTTONS)
    record_numbered(recorder, range(13), ended={5}, resets={6})
    assert shown_numbers(recorder.drain(0)) == [[0, 1, 2, 3], [7, 8, 9, 10]]


def test_a_clip_that_is_complete_at_the_end_is_kept():
    recorder = ClipRecorder(1, 4, COUNTER, BUTTONS)
    record_numbered(recorder, range(4), ended={3})
    assert shown_numbers(recorder.drain(0)) == [[0, 1, 2, 3]]


def test_what_the_last_action_led_to_is_kept_and_belongs_to_the_clip():
    recorder = ClipRecorder(2, 3, COUNTER, BUTTONS)
    record_numbered(recorder, range(7), num_envs=2)
    following = [clip.next_observation for clip in recorder.drain(0)]
    assert [one.tolist() for one in following] == [[3], [103], [6], [106]]
    assert {one.dtype for one in following} == {np.dtype(np.float32)}


@pytest.mark.parametrize("env_id", ["CartPole-v1", "rlhp/MovingDot-v0", "Pendulum-v1", "FrozenLake-v1"])
def test_at_an_end_it_is_what_was_there_before_the_reset(env_id):
    """A clip of as many steps as the first episode has: its last step is the end."""
    env = make_vector_env(env_id, 1)
    env.action_space.seed(1)
    actions = np.array([env.action_space.sample() for _ in range(500)])
    shown, _, ends = record_env(env, recorder_for(env, 500), actions)
    length = int(np.argmax(ends[:, 0])) + 1
    env = make_vector_env(env_id, 1)
    recorder = recorder_for(env, length)
    record_env(env, recorder, actions[:length])
    (clip,) = recorder.drain(0)
    np.testing.assert_array_equal(clip.next_observation, shown[length, 0])  # the autoreset step still shows the end
    assert clip.next_observation.shape == env.single_observation_space.shape


def test_after_a_hidden_reset_it_is_the_start_of_the_new_game():
    env = make_vector_env("CartPole-v1", 1, horizon=50)
    recorder = recorder_for(env, 1)
    shown, _, _ = record_env(env, recorder, np.ones((40, 1), int))  # it falls again and again
    clips = recorder.drain(0)
    assert max(abs(clip.next_observation[2]) for clip in clips) < 0.21, "no fallen pole is ever shown"
    for clip, following in zip(clips[:-1], shown[1:], strict=True):
        np.testing.assert_array_equal(clip.next_observation, following[0])


def test_stacks_have_none():
    env = make_vector_env("rlhp/MovingDotPixels-v0", 1)
    recorder = recorder_for(env, 2, frame_stack=4)
    record_env(env, recorder, np.zeros((2, 1), int))
    assert recorder.drain(0)[0].next_observation is None


def test_an_end_concerns_its_own_environment_only():
    recorder = ClipRecorder(2, 3, COUNTER, BUTTONS)
    for step in range(4):
        observations = np.array([[step], [100 + step]], np.float32)
        stepped, ended = np.array([step != 2, True]), np.array([step == 1, False])
        recorder.record(observations, np.zeros(2, int), np.zeros(2), stepped, ended, observations)
    assert shown_numbers(recorder.drain(0)) == [[100, 101, 102]]


def test_a_reset_of_all_environments_discards_partial_clips():
    recorder = ClipRecorder(1, 4, COUNTER, BUTTONS)
    record_numbered(recorder, range(3))
    recorder.discard_partial()
    record_numbered(recorder, range(3, 7))
    assert shown_numbers(recorder.drain(0)) == [[3, 4, 5, 6]]


def test_clips_that_nobody_fetches_are_bounded_and_the_oldest_are_dropped():
    recorder = ClipRecorder(1000, 1, COUNTER, BUTTONS)
    steps = MAX_PENDING_CLIPS // 1000 + 2
    for step in range(steps):
        observations = (1000.0 * step + np.arange(1000))[:, None].astype(np.float32)
        whole = observations, np.zeros(1000, int), np.zeros(1000), np.ones(1000, bool), np.zeros(1000, bool)
        recorder.record(*whole, observations)
    clips = recorder.drain(0)
    surplus = 1000 * steps - MAX_PENDING_CLIPS
    assert recorder.dropped == surplus > 0
    assert [numbers[0] for numbers in shown_numbers(clips)] == list(range(surplus, 1000 * steps))


def test_stacks_are_rebuilt_as_the_environment_showed_them():
    env = make_vector_env("rlhp/MovingDotPixels-v0", 2, horizon=13)
    stack = describe_env("rlhp/MovingDotPixels-v0").frame_stack
    recorder = recorder_for(env, 5, stack)
    shown, paid, ends = record_env(env, recorder, np.random.default_rng(0).integers(0, 5, (14 + 13, 2)))
    clips = recorder.drain(0)
    starts = [0, 5, 14, 19]  # 12 is the end, 13 the autoreset; three steps of either episode fill no clip
    assert np.flatnonzero(ends[:, 0]).tolist() == [12, 26] and len(clips) == 2 * len(starts)
    for index, clip in enumerate(clips):
        start, row = starts[index // 2], index % 2
        np.testing.assert_array_equal(stacked(clip), shown[start : start + 5, row])
        np.testing.assert_array_equal(clip.teacher_rewards, paid[start : start + 5, row])
        assert clip.observations.shape == (stack - 1 + 5, 84, 84)
    assert len(np.unique(shown[:5, 0], axis=0)) == 5  # the dot moved, so that an off-by-one would show


@pytest.mark.xfail(strict=True, reason="a hidden reset clears the stack, which windows over single frames cannot show")
def test_stacks_are_rebuilt_as_shown_across_a_hidden_reset():
    env = make_vector_env("rlhp/MovingDotPixels-v0", 1, horizon=300)  # the game ends after 250 agent steps
    recorder = recorder_for(env, 20, 4)
    shown, _, ends = record_env(env, recorder, np.full((260, 1), 2))
    assert not ends.any()
    rebuilt = np.concatenate([stacked(clip) for clip in recorder.drain(0)])
    np.testing.assert_array_equal(rebuilt, shown[:, 0])


def test_hidden_resets_lie_inside_a_clip_and_the_penalty_is_in_the_teachers_rewards():
    env = make_vector_env("CartPole-v1", 2, horizon=60, termination_penalty=7.0)
    recorder = recorder_for(env, 30)
    shown, paid, ends = record_env(env, recorder, np.ones((60, 2), np.int64))  # always to the right: soon it falls
    clips = recorder.drain(0)
    assert not ends[:-1].any() and ends[-1].all()
    assert len(clips) == 4
    for index, clip in enumerate(clips):
        start, row = 30 * (index // 2), index % 2
        np.testing.assert_array_equal(clip.observations, shown[start : start + 30, row])
        np.testing.assert_array_equal(clip.teacher_rewards, paid[start : start + 30, row])
        falls = np.flatnonzero(clip.teacher_rewards == 1 - 7)
        assert len(falls) >= 2 and set(clip.teacher_rewards) == {1, 1 - 7}
        after = clip.observations[falls[falls < 29] + 1]
        assert (np.abs(after) <= 0.05).all()  # CartPole starts within 0.05 of the origin: the reset is in the clip
