"""The newest whole episode: where it begins and ends, and what is kept of a long one."""

import numpy as np
import pytest

from rlhp_ray.clips import episode_recorder
from rlhp_ray.clips.episode_recorder import EpisodeRecorder


def play(recorder: EpisodeRecorder, first: int, steps: int, *, ends: bool) -> None:
    for step in range(first, first + steps):
        is_last = ends and step == first + steps - 1
        recorder.record(np.array([step], np.float32), np.int64(step), 0.5, float(step), ended=is_last)


def test_what_began_before_the_first_end_is_no_whole_episode():
    recorder = EpisodeRecorder()
    play(recorder, 0, 3, ends=True)
    assert recorder.take() is None
    play(recorder, 10, 4, ends=True)
    play(recorder, 20, 2, ends=False)
    episode = recorder.take()
    assert episode.clip.observations.ravel().tolist() == episode.clip.actions.tolist() == [10, 11, 12, 13]
    assert (episode.env_steps, episode.true_return) == (4, 46)
    assert episode.clip.teacher_rewards.tolist() == [0.5] * 4
    assert recorder.take() is None
    recorder.discard_partial(is_start=True)
    play(recorder, 30, 1, ends=True)
    assert recorder.take().clip.actions.tolist() == [30]


def test_of_a_long_one_the_beginning_is_kept_and_all_of_it_is_counted(monkeypatch):
    monkeypatch.setattr(episode_recorder, "MAX_EPISODE_STEPS", 3)
    recorder = EpisodeRecorder()
    recorder.discard_partial(is_start=True)
    play(recorder, 0, 5, ends=True)
    episode = recorder.take()
    assert (len(episode.clip), episode.env_steps, episode.true_return) == (3, 5, 10)


def test_of_stacks_single_frames_are_kept_with_the_lead_in_of_the_first():
    recorder = EpisodeRecorder(frame_stack=3)
    recorder.discard_partial(is_start=True)
    for step in range(4):
        stack = np.stack([np.full((2, 2), step + place, np.uint8) for place in range(3)], axis=-1)
        recorder.record(stack, np.int64(0), 0.0, 0.0, ended=step == 3)
    clip = recorder.take().clip
    assert clip.observations[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5] and (len(clip), clip.frame_stack) == (4, 3)
    part = clip.part(1, 3)
    assert part.observations[:, 0, 0].tolist() == [1, 2, 3, 4] and len(part) == 2


def test_parts_make_the_whole():
    recorder = EpisodeRecorder()
    recorder.discard_partial(is_start=True)
    play(recorder, 0, 7, ends=True)
    clip = recorder.take().clip
    parts = [clip.part(start, start + 3) for start in (0, 3, 6)]
    assert [len(part) for part in parts] == [3, 3, 1]
    assert np.concatenate([part.observations for part in parts]) == pytest.approx(clip.observations)
