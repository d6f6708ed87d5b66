"""Strategies at work on a pool: what is computed, what is chosen, and that nothing is chosen twice."""

import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.pair_candidates import uniform_pairs
from rlhp_ray.clips.pair_selection import STRATEGIES
from rlhp_ray.preferences.pair_chooser import ClipModels
from rlhp_ray.preferences.preference_collector import PreferenceCollector
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.teachers import SimulatedTeacher
from rlhp_ray.seeding import derive_rng


class CountingModels:
    """Members that read returns off the first observation, and features of the clip's first step; counts clips."""

    def __init__(self) -> None:
        self.returns_of = self.features_of = 0

    def member_returns(self, clips) -> np.ndarray:
        self.returns_of += len(clips)
        return clips.observations[:, 0].T.astype(np.float64)  # three members, as there are three entries

    def features(self, clips) -> tuple[np.ndarray, ...]:
        self.features_of += len(clips)
        return clips.observations[:, 0], clips.actions[:, :1].astype(np.float32)

    def now(self, has_reward: bool = True) -> ClipModels:
        return ClipModels(self.member_returns if has_reward else None, self.features)


@pytest.fixture
def collector(tmp_path, make_clips):
    def make(selection: str, *, path="a", seed=0, clips=20) -> PreferenceCollector:
        store = PreferenceStore(tmp_path / f"{path}.sqlite", {"env_id": "x"})
        made = PreferenceCollector(store, SimulatedTeacher(), 1000, seed, selection)
        made.pool.add(make_clips(clips))
        return made

    return make


def pairs_of(answered) -> list[tuple[str, str]]:
    return [(p.left_id, p.right_id) for p in answered.preferences]


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_pair_of_the_pool_is_asked_once_and_then_no_more(name, collector):
    made, models = collector(name, clips=8), CountingModels()
    sizes, seen = [], set()
    for round_number in range(7):
        pairs = pairs_of(made.ask(5 * (round_number + 1), 0, models.now(has_reward=round_number > 0)))
        sizes.append(len(pairs))
        seen |= {frozenset(pair) for pair in pairs}
    assert sizes == [5, 5, 5, 5, 5, 3, 0]
    assert len(seen) == 28


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_choice_follows_from_the_seed(name, collector):
    def asked(path: str, seed: int) -> list:
        made, models = collector(name, path=path, seed=seed), CountingModels()
        return pairs_of(made.ask(4, 0, models.now(False))) + pairs_of(made.ask(9, 50, models.now()))

    assert asked("a", 0) == asked("b", 0) != asked("c", 1)


def aged_clips(count: int, env_steps: int, seed: int) -> list[Clip]:
    rng = np.random.default_rng(seed)
    return [
        Clip(rng.normal(size=(2, 3)).astype(np.float32), rng.integers(0, 4, 2), np.zeros(2, np.float32), env_steps)
        for _ in range(count)
    ]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_resumed_run_chooses_as_the_undisturbed_one(name, collector):
    """Clips that were asked about have left the pool meanwhile; their features come from the store."""
    models, made = CountingModels(), collector(name, clips=12)
    made.pool._capacity = 12
    first = made.ask(5, 0, models.now(False)).preferences
    made.pool.add(aged_clips(9, 100, seed=1))
    made.ask(8, 100, models.now())
    dumped, asked_before = made.pool.dump(), made.queries
    undisturbed = pairs_of(made.ask(14, 200, models.now()))

    resumed = collector(name, clips=0)  # the same store
    assert resumed.replay(asked_before)[:5] == first
    resumed.pool.restore(dumped)
    assert pairs_of(resumed.ask(14, 200, CountingModels().now())) == undisturbed
    assert len(undisturbed) == 6


@pytest.mark.parametrize("name", STRATEGIES)
def test_only_what_is_needed_is_computed_and_of_candidates_only(name, collector):
    made, models, strategy = collector(name, clips=200), CountingModels(), STRATEGIES[name]
    made.ask(1, 0, models.now())  # ten candidates hold at most twenty clips
    assert (models.returns_of > 0) == strategy.needs_returns
    assert (models.features_of > 0) == strategy.needs_features
    assert max(models.returns_of, models.features_of) <= 20


def test_clips_that_were_asked_about_are_read_once(collector, monkeypatch):
    made, models, read = collector("k_centre", clips=40), CountingModels(), []
    stored = made._store.clips
    monkeypatch.setattr(made._store, "clips", lambda ids: read.extend(ids) or stored(ids))
    pairs = [pair for due in (1, 2, 3) for pair in pairs_of(made.ask(due, 0, models.now()))]
    assert sorted(read) == sorted({clip_id for pair in pairs[:2] for clip_id in pair})


@pytest.mark.parametrize("name", STRATEGIES)
def test_without_a_reward_nothing_is_predicted_and_something_is_asked(name, collector):
    plain = "k_centre" if name.startswith("k_centre") else "near_policy" if name == "near_policy" else "uniform"
    models = CountingModels()
    chosen = pairs_of(collector(name).ask(6, 0, models.now(False)))
    assert chosen == pairs_of(collector(plain, path="plain").ask(6, 0, models.now(False)))
    assert models.returns_of == 0


def test_the_uniform_choice_draws_only_the_pairs_it_asks_from_the_stream_of_their_first_query(collector):
    """Not a number more, so that runs go on as they were published."""
    made = collector("uniform")
    ids = made.pool.clip_ids
    first = uniform_pairs(derive_rng(0, "pairs", 0), 20, 4)
    then = uniform_pairs(derive_rng(0, "pairs", 4), 20, 3, {(min(pair), max(pair)) for pair in first})
    pairs = pairs_of(made.ask(4, 0)) + pairs_of(made.ask(7, 10))
    assert [(ids.index(left), ids.index(right)) for left, right in pairs] == first + then


@pytest.mark.parametrize("seed", range(5))
def test_k_centre_keeps_away_from_what_was_asked_wherever_its_clips_are(collector, seed):
    """Two kinds of clips: after a question about two of one kind, all questions that are left of it are near."""
    made, models = collector("k_centre", clips=0, seed=seed), CountingModels()

    def of_kind(value: float, count: int, seed: int) -> list[Clip]:
        jitter = np.random.default_rng(seed).normal(scale=1e-3, size=(count, 2, 3))
        still = np.zeros(2, np.int64)
        return [Clip((value + noise).astype(np.float32), still, np.zeros(2, np.float32), 0) for noise in jitter]

    made.pool._capacity = 12
    made.pool.add(of_kind(0.0, 2, seed=0))
    assert len(made.ask(1, 0, models.now()).preferences) == 1
    made.pool.add([*of_kind(0.0, 10, seed=1), *of_kind(5.0, 2, seed=2)])  # the first two leave the pool
    strange = set(made.pool.clip_ids[-2:])
    (pair,) = pairs_of(made.ask(2, 0, models.now()))
    assert strange & set(pair)


def test_near_policy_asks_about_the_newest(collector):
    made, models = collector("near_policy"), CountingModels()
    newest = aged_clips(6, 300, seed=1)
    made.pool.add([*aged_clips(6, 200, seed=2), *newest])
    pairs = pairs_of(made.ask(3, 300, models.now()))
    asked = {clip_id for pair in pairs for clip_id in pair}
    assert asked == {clip.clip_id for clip in newest}  # three pairs, six clips, none of them twice


def test_one_disputed_clip_is_asked_about(collector):
    made, disputed = collector("disagreement", clips=12), []

    def member_returns(clips) -> np.ndarray:
        returns = np.zeros((2, len(clips)))
        returns[:, 0] = (5, -5)  # one clip is the best to one member and the worst to the other
        disputed.append(clips.observations[0])
        return returns

    (preference,) = made.ask(1, 0, ClipModels(member_returns)).preferences
    shown = [clip.observations for clip in made.pool.get([preference.left_id, preference.right_id])]
    assert any(np.array_equal(observations, disputed[0]) for observations in shown)
