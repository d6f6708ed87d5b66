"""Clips to ask about, and databases of what was answered."""

import itertools
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.envs.clip_origin import ClipOrigin, GameStretch
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.preference_subject import PreferenceSubject


@pytest.fixture
def make_clips() -> Callable[..., list[Clip]]:
    """Clips that differ; the true return of clip i is its index i, so that the larger index is the better."""

    def make(count: int, steps: int = 2, seed: int = 0) -> list[Clip]:
        rng = np.random.default_rng(seed)
        return [
            Clip(
                observations=rng.normal(size=(steps, 3)).astype(np.float32),
                actions=rng.integers(0, 4, steps),
                teacher_rewards=np.full(steps, index / steps, np.float32),
                env_steps=0,
                next_observation=np.full(3, index, np.float32),
            )
            for index in range(count)
        ]

    return make


@pytest.fixture
def vector_subject() -> PreferenceSubject:
    """What the clips of `make_clips` are about."""
    box = {"type": "Box", "shape": [3], "dtype": "float32", "low": "-inf", "high": "inf"}
    return PreferenceSubject("rlhp/Vector-v0", 2, box, {"type": "Discrete", "n": 4, "start": 0}, "rlhp_ray 0.1.0")


@pytest.fixture
def pixel_subject() -> PreferenceSubject:
    """What the clips of `make_pixel_clips` are about: stacks of 4 frames, and continuous actions."""
    low, high = "0x0.0p+0", "0x1.fe00000000000p+7"
    frames = {"type": "Box", "shape": [8, 6, 4], "dtype": "uint8", "low": low, "high": high}
    actions = {"type": "Box", "shape": [2], "dtype": "float32", "low": "-0x1.0p+0", "high": ["0x1.0p+0", "0x1.8p+1"]}
    return PreferenceSubject("rlhp/Pixels-v0", 5, frames, actions)


@pytest.fixture
def make_pixel_clips() -> Callable[[int], list[Clip]]:
    """Clips of single frames with a lead-in of 3."""

    def make(count: int) -> list[Clip]:
        rng = np.random.default_rng(7)
        return [
            Clip(
                observations=rng.integers(0, 256, (3 + 5, 8, 6), dtype=np.uint8),
                actions=rng.normal(size=(5, 2)).astype(np.float32),
                teacher_rewards=rng.normal(size=5).astype(np.float32),
                env_steps=100 * index,
                frame_stack=4,
            )
            for index in range(count)
        ]

    return make


@pytest.fixture
def make_origin() -> Callable[[int], ClipOrigin]:
    """Where 2 steps of Pong come from, after `steps` others; the hidden reset of a second game is the last step."""

    def make(steps: int) -> ClipOrigin:
        first = GameStretch(3, 17, 0, (np.arange(steps + 1) % 6).astype(np.uint8))
        return ClipOrigin("pong", 4, steps, (first, GameStretch(4, 5, 1, np.zeros(0, np.uint8))))

    return make


@pytest.fixture
def chain() -> Callable[..., list[Preference]]:
    """Query i compares clip i with clip i + 1; answers take turns."""

    def make(clips: Sequence[Clip], source: str = "oracle", first: int = 0, answers=tuple(Answer)) -> list[Preference]:
        return [
            Preference(first + i, left.clip_id, right.clip_id, answers[i % len(answers)], source, 10 * i)
            for i, (left, right) in enumerate(itertools.pairwise(clips))
        ]

    return make


@pytest.fixture
def make_database(tmp_path) -> Callable[..., Path]:
    """A closed preference database in `tmp_path`; preference i was answered 1,000.25 + i seconds after 1970."""

    def make(name: str, subject: PreferenceSubject, clips: Sequence[Clip], preferences: Sequence[Preference]) -> Path:
        store = PreferenceStore(tmp_path / name, subject.to_metadata())
        store.record(preferences, clips, [1000.25 + i for i in range(len(preferences))])
        store.close()
        return tmp_path / name

    return make


@pytest.fixture
def rows_of() -> Callable[[Path], dict[str, list[tuple]]]:
    """All that a database holds, packed clips included, by table."""

    def read(path: Path) -> dict[str, list[tuple]]:
        with closing(sqlite3.connect(path)) as connection:
            tables = ("metadata", "clips", "preferences")
            return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}

    return read
