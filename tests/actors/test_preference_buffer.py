"""The class behind the actor, without Ray: which strategy is in force, and which labels reach the learner."""

import math
from dataclasses import fields, replace

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.actors import preference_buffer
from rlhp_ray.actors.preference_buffer import PreferenceBuffer, RoundData
from rlhp_ray.actors.trial_actors import UnknownTrial
from rlhp_ray.clips.clip import Clip
from rlhp_ray.config.schema import TeacherConfig
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.source_weights import weigh_source
from rlhp_ray.reward.ensemble import EnsembleSpec, PublishedReward, RewardEnsemble
from rlhp_ray.reward.labelled_pairs import LabelledPairBuffer, LabelledPairs, bootstrap_weights
from rlhp_ray.reward.network_spec import NetworkSpec
from rlhp_ray.reward.observation_scaling import ObservationScaling

SPACE, BUTTONS = gym.spaces.Box(-1.0, 1.0, (3,), np.float32), gym.spaces.Discrete(2)
SPEC = EnsembleSpec(SPACE, BUTTONS, 3, NetworkSpec("mlp", (16,)), ObservationScaling.from_space(SPACE), 1.0, 0)


class OfOneTrial(PreferenceBuffer.__ray_metadata__.modified_class):
    """The class behind the actor as one trial sees it, which takes up whatever it is given."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.join("trial", [])
        self.taken = 0

    def add_clips(self, clips):
        super().add_clips("trial", clips)

    def ask(self, due, env_steps, published):
        data, report = super().ask("trial", self.taken, due, env_steps, published)
        self.taken = report.queries
        return data, report

    def replay(self, before_query):
        report, portions = super().replay(before_query)
        self.taken = report.queries
        return report, portions


@pytest.fixture
def asked(tmp_path):
    """The pairs that a fresh buffer asks about under a version of the reward."""

    def ask(selection: str, version: int) -> list[list[float]]:
        path = tmp_path / f"{selection}{version}.sqlite"
        buffer = OfOneTrial(str(path), {"env_id": "x"}, TeacherConfig(), 100, 0, SPEC, selection, None, {}, 1000)
        rng = np.random.default_rng(0)
        observations = rng.uniform(-1, 1, (30, 5, 3)).astype(np.float32)
        rewards = np.arange(30, dtype=np.float32)[:, None].repeat(5, axis=1)
        buffer.add_clips([Clip(seen, np.zeros(5, int), r, 0) for seen, r in zip(observations, rewards, strict=True)])
        ensemble = RewardEnsemble(SPEC)
        ensemble.version = version
        data, report = buffer.ask(6, 0, ensemble.published())
        assert report.queries == 6
        return [data.new_pairs.left.observations.tolist(), data.new_pairs.right.observations.tolist()]

    return ask


@pytest.mark.parametrize("selection", ["disagreement", "return_variance", "entropy", "mutual_information"])
def test_random_weights_are_not_asked_and_learnt_ones_are(asked, selection):
    uniform = asked("uniform", 0)
    assert asked(selection, 0) == uniform != asked(selection, 1)


@pytest.mark.parametrize("selection", ["k_centre_disagreement", "k_centre_entropy"])
def test_until_then_coverage_stands_in_where_it_is_part_of_the_strategy(asked, selection):
    cover = asked("k_centre", 0)
    assert asked("uniform", 0) != asked(selection, 0) == cover != asked(selection, 1)


WEIGHTS = {"oracle": 0.5, "human:alice": 2.0}


@pytest.fixture
def buffer(tmp_path):
    """A buffer with 40 clips in its pool, of which some tie, so that every answer is a label."""

    def make(window: int | None = None, weights=WEIGHTS, path="store.sqlite"):
        made = OfOneTrial(
            str(tmp_path / path), {"env_id": "x"}, TeacherConfig(), 100, 0, SPEC, "uniform", window, weights, 1000
        )
        rng = np.random.default_rng(0)
        observations = rng.uniform(-1, 1, (40, 5, 3)).astype(np.float32)
        made.add_clips([Clip(seen, np.zeros(5, int), np.full(5, i // 2), 0) for i, seen in enumerate(observations)])
        return made

    return make


def columns(pairs: LabelledPairs) -> list[list]:
    arrays = (pairs.query_index, pairs.mu_left, pairs.weight, pairs.left.observations, pairs.right.observations)
    return [array.tolist() for array in arrays]


def learner_after(rounds: list[RoundData], window: int | None) -> LabelledPairs:
    held = LabelledPairBuffer(window)
    for data in rounds:
        if data.new_pairs is not None:
            held.add(data.new_pairs)
    return held.all()


@pytest.mark.parametrize("window", [None, 7, 25, 60, 1000])
@pytest.mark.parametrize("per_portion", [1, 8, 1000])
def test_a_resumed_learner_holds_the_window_of_the_undisturbed_one(buffer, monkeypatch, window, per_portion):
    """With the same sides held out: the draw depends on the query, which stays."""
    monkeypatch.setattr(preference_buffer, "LABELS_PER_PORTION", per_portion)
    made = buffer(window)
    before = learner_after([made.ask(due, due, None)[0] for due in (20, 30, 60)], window)
    resumed = buffer(window)
    report, portions = resumed.replay(before_query=60)
    assert (report.queries, report.new_labels) == (60, 60)
    assert len(portions) == math.ceil(min(window or 60, 60) / per_portion)
    after = learner_after([resumed.replayed(portion) for portion in portions], window)
    assert columns(after) == columns(before)
    assert len(after) == min(window or 60, 60) and after.query_index.tolist() == list(range(60 - len(after), 60))
    for side in (before, after):
        drawn = bootstrap_weights(0, side.query_index, 3)
        np.testing.assert_array_equal(drawn, bootstrap_weights(0, np.arange(60), 3)[:, 60 - len(after) :])


def test_a_resume_reads_the_clips_of_one_portion_at_a_time(buffer, monkeypatch):
    monkeypatch.setattr(preference_buffer, "LABELS_PER_PORTION", 5)
    buffer(12).ask(60, 0, None)
    resumed = buffer(12)
    read, stored = [], resumed._collector._store.clips
    monkeypatch.setattr(resumed._collector._store, "clips", lambda ids: read.append(set(ids)) or stored(read[-1]))
    _, portions = resumed.replay(None)
    assert read == [] and len(portions) == 3
    assert [len(resumed.replayed(portion).new_pairs) for portion in portions] == [5, 5, 2]
    assert max(map(len, read)) <= 2 * 5


def test_a_round_larger_than_the_window_hands_over_its_newest_labels(buffer):
    data, report = buffer(9).ask(30, 0, None)
    assert report.new_labels == 30
    assert data.new_pairs.query_index.tolist() == list(range(21, 30))


def test_nothing_stored_is_no_portion(buffer):
    report, portions = buffer().replay(None)
    assert (report.queries, report.new_labels, portions) == (0, 0, [])


def test_labels_weigh_what_their_source_weighs(buffer):
    data, _ = buffer().ask(10, 0, None)
    assert set(data.new_pairs.weight.tolist()) == {0.5}
    resumed = buffer(weights={})
    _, (portion,) = resumed.replay(None)
    assert set(resumed.replayed(portion).new_pairs.weight.tolist()) == {1.0}


def test_a_source_that_never_answers_is_a_notice_of_the_first_answers(buffer):
    made = buffer()
    notices = [made.ask(due, 0, None)[1].notices for due in (0, 3, 6)]
    assert [len(texts) for texts in notices] == [0, 1, 0]
    assert "preferences.source_weights names 'human:alice', from which no answer has come" in notices[1][0]


def test_answers_taken_up_after_a_resume_are_no_silence(buffer):
    made = buffer()
    first, second = (clip for clip in made._collector.pool.get(made._collector.pool.clip_ids[:2]))
    said = Preference(0, first.clip_id, second.clip_id, Answer.EQUAL, "human:alice", 0)
    made._collector._store.record([said], [first, second])
    made.replay(None)
    assert made.ask(5, 0, None)[1].notices == []


def test_fresh_clips_come_with_their_true_returns_which_the_learner_never_sees(buffer):
    made = buffer()
    data, report = made.ask(5, 0, None)
    by_content = {
        clip.observations.tobytes(): clip.teacher_rewards.sum()
        for clip in made._collector.pool.get(made._collector.pool.clip_ids)
    }
    true_returns = [by_content[seen.tobytes()] for seen in data.fresh.observations]
    np.testing.assert_array_equal(report.fresh_true_returns, true_returns)
    assert len(set(true_returns)) > 10
    names = {"observations", "actions", "frame_stack", "next_observation"}
    assert {field.name for field in fields(data.fresh)} == names


def test_no_fresh_clip_was_asked_about(buffer):
    made = buffer()
    for due in (5, 12):
        data, _ = made.ask(due, 0, None)
        asked = {pair_id for pair in made._collector._asked for pair_id in pair}
        clips = made._collector.pool.get(made._collector.pool.clip_ids)
        unlabelled = {clip.observations.tobytes() for clip in clips if clip.clip_id not in asked}
        assert {seen.tobytes() for seen in data.fresh.observations} == unlabelled


def test_the_reference_is_that_of_the_first_round_also_after_a_resume(buffer):
    made, resumed = buffer(), buffer(path="other.sqlite")
    first, _ = made.ask(3, 100, None)
    later, _ = made.ask(6, 200, None)
    resumed.restore_reference("trial", made.dump_reference("trial"))
    after, _ = resumed.ask(3, 300, None)
    for data in (later, after):
        np.testing.assert_array_equal(data.reference.observations, first.reference.observations)


def test_a_pool_without_clips_has_none_to_look_at(tmp_path):
    made = OfOneTrial(str(tmp_path / "s.sqlite"), {"env_id": "x"}, TeacherConfig(), 9, 0, SPEC, "uniform", None, {}, 9)
    data, report = made.ask(0, 0, None)
    assert data.fresh is None and data.reference is None
    assert len(report.fresh_true_returns) == 0


def test_what_is_withdrawn_reaches_the_learner_no_more_and_is_counted_no_more(buffer, tmp_path):
    made = buffer(weights={})
    data, report = made.ask(10, 0, None)
    assert (len(data.new_pairs), report.new_labels, report.weight_changes) == (10, 10, 0)
    weigh_source(tmp_path / "store.sqlite", "oracle", 0)
    data, report = made.ask(15, 100, None)
    assert (data.new_pairs, report.new_labels, report.queries, report.weight_changes) == (None, 0, 15, 1)
    assert made.replay(None)[1] == []
    weigh_source(tmp_path / "store.sqlite", "oracle", 0.5)
    report, (portion,) = made.replay(None)
    assert (report.new_labels, report.weight_changes) == (15, 2)
    assert made.replayed(portion).new_pairs.weight.tolist() == [0.5] * 15


def test_what_is_recorded_goes_before_the_configuration(buffer, tmp_path):
    made = buffer(weights={"oracle": 2.0})
    assert set(made.ask(3, 0, None)[0].new_pairs.weight) == {2.0}
    weigh_source(tmp_path / "store.sqlite", "oracle", 3.0)
    assert set(made.ask(6, 0, None)[0].new_pairs.weight) == {3.0}


def test_a_trial_that_a_new_process_does_not_know_is_told_so_whatever_it_asks(buffer):
    made = super(OfOneTrial, buffer())
    for call in (
        lambda: made.add_clips("other", []),
        lambda: made.ask("other", 0, 5, 0, None),
        lambda: made.dump_pool("other"),
        lambda: made.restore_pool("other", []),
        lambda: made.dump_reference("other"),
        lambda: made.restore_reference("other", []),
    ):
        with pytest.raises(UnknownTrial, match="other"):
            call()
    made.join("other", [])
    assert made.ask("other", 0, 5, 0, None)[1].queries == 5


def test_a_buffer_that_goes_on_asks_nothing_again_though_nobody_replays(buffer, tmp_path):
    buffer().ask(10, 0, None)
    plain = PreferenceBuffer.__ray_metadata__.modified_class
    arguments = ({"env_id": "x"}, TeacherConfig(), 100, 0, SPEC, "uniform", None, {}, 1000)
    again = plain(str(tmp_path / "store.sqlite"), *arguments, goes_on=True)
    again.join("trial", [])
    data, report = again.ask("trial", 4, 10, 0, None)
    assert (report.queries, report.new_labels, data.new_pairs.query_index.tolist()) == (10, 6, [4, 5, 6, 7, 8, 9])


def test_features_of_clips_are_scaled_alike_for_all_trials(buffer):
    """They are compared with those of clips that were asked about before, for another trial."""
    made = buffer()
    first = RewardEnsemble(SPEC).published().scaling
    scalings = [first, replace(first, offset=np.full(3, 9.0, np.float32))]
    used = []
    for scaling in scalings:
        published = RewardEnsemble(SPEC).published()
        models = made._models(PublishedReward(0, published.weights, published.normaliser, scaling))
        used.append(models.features.keywords["scaling"])
    assert used[0] is used[1] is scalings[0]
