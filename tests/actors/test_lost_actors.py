"""Buffer and learner are killed while a loop drives them, with real Ray: nothing is lost, doubled or learnt twice."""

import os
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import ray
from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError

from rlhp_ray.actors.placement import create_reward_learner, start_preference_buffer
from rlhp_ray.actors.preference_loop import FinishedRound, PreferenceLoop
from rlhp_ray.actors.trial_actors import (
    MAX_LOSSES,
    MAX_LOSSES_IN_A_ROW,
    ActorKind,
    ActorLost,
    LearnerState,
    LossCount,
    TrialActors,
    blames,
    blames_either,
)
from rlhp_ray.clips.clip import Clip
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.errors import ActorLostError
from rlhp_ray.reward.ensemble import EnsembleSpec, RewardEnsemble
from rlhp_ray.reward.network_spec import NetworkSpec
from rlhp_ray.reward.observation_scaling import ObservationScaling

SPACE, BUTTONS = gym.spaces.Box(-1.0, 1.0, (3,), np.float32), gym.spaces.Discrete(2)
SPEC = EnsembleSpec(SPACE, BUTTONS, 3, NetworkSpec("mlp", (16,)), ObservationScaling.from_space(SPACE), 1.0, 0)
CONFIG = RunConfig.model_validate({"env": {"id": "rlhp/MovingDot-v0"}, "reward": {"pretraining_epochs": 2}})
PER_ROUND = 5


@pytest.fixture(scope="module", autouse=True)
def ray_here():
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
    yield
    ray.shutdown()


class Trial:
    """As much of a trial as the loop asks for: what was taken up last."""

    def __init__(self, directory: Path, waits: bool) -> None:
        directory.mkdir()
        self.database = directory / "preferences.sqlite"
        self.published, self.optimiser, self.queries, self.labels = RewardEnsemble(SPEC).published(), b"", 0, 0

        self._process_ids: dict[ActorKind, ray.ObjectRef] = {}

        def noted(kind: ActorKind, actor):
            self._process_ids[kind] = actor.__ray_call__.remote(lambda _: os.getpid())
            return actor

        def make_buffer(lost: int):
            made = start_preference_buffer(CONFIG, SPEC, directory, f"buffer:{directory}:{lost}")
            return noted(ActorKind.BUFFER, made)

        def make_learner(lost: int):
            made = create_reward_learner(CONFIG, SPEC, f"learner:{directory}:{lost}", num_cpus=0, num_gpus=0)
            return noted(ActorKind.LEARNER, made)

        self.actors = TrialActors("trial", make_buffer(0), make_learner(0), make_buffer, make_learner)
        self.loop = PreferenceLoop(self.actors, self.state, waits)

    def state(self) -> LearnerState:
        return LearnerState(self.published, self.optimiser, self.queries, begins_anew=False)

    def kill(self, kind: ActorKind) -> None:
        """As the system kills: without a word, and in the middle of its work."""
        os.kill(ray.get(self._process_ids[kind]), signal.SIGKILL)

    def start_round(self, number: int) -> None:
        rng = np.random.default_rng(number)
        observations = rng.uniform(-1, 1, (20, 5, 3)).astype(np.float32)
        rewards = rng.normal(size=(20, 5)).astype(np.float32)
        clips = [Clip(seen, np.zeros(5, int), r, number) for seen, r in zip(observations, rewards, strict=True)]
        self.loop.send_clips(clips)
        self.loop.start_round(PER_ROUND * number, env_steps=number, published=self.published)

    def take_up(self, finished: FinishedRound) -> FinishedRound:
        self.labels += finished.report.new_labels
        self.published, self.optimiser = finished.fitted.published, finished.fitted.optimiser
        self.queries = finished.report.queries
        return finished

    def round(self, number: int) -> FinishedRound:
        self.start_round(number)
        return self.take_up(self.loop.finished_round(wait=True))

    def stored(self) -> list[int]:
        with sqlite3.connect(self.database) as connection:
            return [row[0] for row in connection.execute("SELECT query_index FROM preferences ORDER BY query_index")]


@pytest.fixture
def make_trial(tmp_path):
    made = []

    def make(name: str, waits: bool = True) -> Trial:
        made.append(Trial(tmp_path / name, waits))
        return made[-1]

    yield make
    for trial in made:
        ray.kill(trial.actors.buffer)
        ray.kill(trial.actors.learner)


def weights(trial: Trial) -> list[np.ndarray]:
    return [trial.published.weights[name] for name in sorted(trial.published.weights)]


def test_a_learner_that_is_killed_comes_to_the_same_versions_as_one_that_is_not(make_trial):
    undisturbed, disturbed = make_trial("undisturbed"), make_trial("disturbed")
    for number in (1, 2, 3):
        undisturbed.round(number)
        disturbed.start_round(number)
        if number != 2:
            disturbed.kill(ActorKind.LEARNER)
        disturbed.take_up(disturbed.loop.finished_round(wait=True))
        assert disturbed.published.version == undisturbed.published.version == number
        assert all(map(np.array_equal, weights(disturbed), weights(undisturbed)))
        assert disturbed.optimiser == undisturbed.optimiser
    assert (disturbed.queries, disturbed.labels) == (undisturbed.queries, undisturbed.labels)
    assert [recovery.kind for recovery in disturbed.loop.take_recoveries()] == [ActorKind.LEARNER] * 2


@pytest.mark.parametrize("is_asked_first", [True, False])
def test_a_buffer_that_is_killed_loses_no_label_and_doubles_none(make_trial, is_asked_first):
    """Whether it died before or after the answers of the round were on disk, they are there once, and learnt from."""
    trial = make_trial("trial")
    trial.round(1)
    if is_asked_first:
        trial.start_round(2)
        ray.wait([trial.loop._round.report])
        trial.kill(ActorKind.BUFFER)
    else:
        trial.kill(ActorKind.BUFFER)
        trial.start_round(2)
    finished = trial.take_up(trial.loop.finished_round(wait=True))
    assert trial.stored() == list(range(2 * PER_ROUND))
    assert (trial.queries, trial.labels) == (2 * PER_ROUND, finished.fitted.metrics.num_labels)
    assert trial.published.version == 2
    trial.round(3)
    assert trial.stored() == list(range(3 * PER_ROUND))
    assert Counter(recovery.kind for recovery in trial.loop.take_recoveries()) == {ActorKind.BUFFER: 1}


def test_in_async_mode_nobody_waits_for_the_new_one(make_trial):
    trial = make_trial("trial", waits=False)
    trial.round(1)
    waited = trial.loop.waited_seconds
    trial.start_round(2)
    trial.kill(ActorKind.LEARNER)
    looks = 0
    while (finished := trial.loop.finished_round()) is None:
        looks += 1
        time.sleep(0.01)
    trial.take_up(finished)
    assert looks > 10, "the policy trained on with version 1 while another learner came up"
    assert trial.published.version == 2 and trial.loop.waited_seconds == waited


def test_both_at_once(make_trial):
    trial = make_trial("trial")
    trial.round(1)
    trial.start_round(2)
    trial.kill(ActorKind.BUFFER)
    trial.kill(ActorKind.LEARNER)
    finished = trial.take_up(trial.loop.finished_round(wait=True))
    assert trial.stored() == list(range(2 * PER_ROUND))
    assert finished.fitted.metrics.num_labels == trial.labels == 2 * PER_ROUND
    trial.kill(ActorKind.BUFFER)
    pool, reference = trial.loop.dump_clips()
    assert len(pool) == 40 and len(reference) == 20, "the newest clips, and those of the first round"


def test_what_dies_again_and_again_is_one_clear_error():
    losses = LossCount()
    for _ in range(MAX_LOSSES_IN_A_ROW):
        losses.add(ActorKind.LEARNER)
    losses.add(ActorKind.BUFFER)
    with pytest.raises(
        ActorLostError, match=r"the reward learner died 4 times in this session, 4 of them in a row: why"
    ):
        losses.add(ActorKind.LEARNER, cause=ValueError("told by Ray\nwhy"))


def test_losses_between_which_work_is_done_are_borne_longer_but_not_for_ever():
    losses = LossCount()
    for _ in range(MAX_LOSSES):
        losses.add(ActorKind.LEARNER)
        losses.work_went_on(ActorKind.LEARNER)
    with pytest.raises(ActorLostError, match=r"died 21 times .* go on with rlhp resume"):
        losses.add(ActorKind.LEARNER)


@pytest.mark.parametrize("error", [RayActorError(), OutOfMemoryError("Ray's memory monitor killed it")])
def test_an_actor_that_the_memory_monitor_killed_is_lost_like_any_other(error):
    with pytest.raises(ActorLost, match="reward learner"), blames(ActorKind.LEARNER):
        raise error
    with pytest.raises(ActorLost, match="reward learner"), blames_either():
        raise error


def test_an_error_that_an_actor_raised_and_lived_on_after_is_no_loss():
    with pytest.raises(ActorLostError), blames(ActorKind.LEARNER):
        raise ActorLostError("an error of its work")


def test_where_the_learner_asks_the_buffer_in_vain_it_is_the_buffer_that_is_lost():
    asked_in_vain = RayTaskError("take_over", "its traceback", RayActorError()).as_instanceof_cause()
    with pytest.raises(ActorLost, match="preference buffer"), blames_either():
        raise asked_in_vain
