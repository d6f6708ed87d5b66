"""What a run does around RLlib: every label is asked while the policy can still learn from it, alarms are armed."""

from types import SimpleNamespace

import pytest

from rlhp_ray.actors.process_usage import total_usage
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.policy import preference_training
from rlhp_ray.policy.preference_training import PreferenceTraining
from rlhp_ray.preferences.schedule_choice import label_schedule
from rlhp_ray.reward.reward_swap import Harvest
from rlhp_ray.reward.run_ensemble import ensemble_spec


def config(env_steps: int) -> RunConfig:
    return RunConfig.model_validate(
        {
            "env": {"id": "rlhp/MovingDot-v0"},
            "training": {"env_steps": env_steps},
            "preferences": {"labels": 100, "initial_fraction": 0.5},
        }
    )


def test_the_budget_is_spent_two_iterations_before_the_end():
    schedule = label_schedule(config(100_000), batch_env_steps=4_000)
    assert schedule.due(92_000) == 100
    assert schedule.due(88_000) < 100
    assert schedule.due(0) == 50


@pytest.mark.parametrize("env_steps", [4_000, 8_000])
def test_a_run_too_short_for_a_later_round_asks_everything_at_once(env_steps):
    schedule = label_schedule(config(env_steps), batch_env_steps=4_000)
    assert schedule.due(4_000) == 100


@pytest.mark.parametrize(
    ("teacher", "expected"),
    [
        ({}, True),
        ({"preset": "mistake", "mistake": 0.3}, True),
        ({"reward_function": "some.tricks:backflip"}, False),
        ({"callable": "some.tricks:judge"}, False),
    ],
)
def test_true_return_is_an_alarm_only_where_the_teacher_judges_by_it(teacher, expected, monkeypatch):
    armed = []
    monkeypatch.setattr(
        preference_training, "RunDiagnostics", lambda is_true_return_taught: armed.append(is_true_return_taught)
    )
    sections = {"env": {"id": "rlhp/MovingDot-v0"}, "teacher": teacher}
    run = RunConfig.model_validate(sections)
    spec = ensemble_spec(run, describe_env("rlhp/MovingDot-v0"))
    PreferenceTraining(run, spec, None, 1000, actors=None)
    assert armed == [expected]


@pytest.mark.parametrize("state", [{}, {"diagnostics": {"outcomes": [], "standing": ["over_optimisation"]}}])
def test_a_checkpoint_is_taken_up_with_and_without_alarms(state):
    run = RunConfig.model_validate({"env": {"id": "rlhp/MovingDot-v0"}})
    runners = SimpleNamespace(num_remote_env_runners=lambda: 0, foreach_env_runner=lambda call, timeout_seconds: None)
    training = PreferenceTraining(
        run, ensemble_spec(run, describe_env("rlhp/MovingDot-v0")), runners, 1000, actors=None
    )
    counts = {"env_steps": 5, "queries": 3, "labels": 2, "started": True, "metrics": {"alarms": 1}}
    training.restore(training.published, counts | state)
    assert (training.env_steps, training.queries, training.labels, training.metrics["alarms"]) == (5, 3, 2, 1)
    saved = state.get("diagnostics", {"outcomes": [], "standing": []})
    assert training.diagnostics.state() == {**saved, "policy_saw": None}
    assert training.last_round_env_steps == 5


@pytest.mark.parametrize(("interval", "expected"), [(None, 8), (2500, 3)])
def test_a_round_starts_after_every_interval_and_for_the_last_time_while_it_is_of_use(interval, expected, monkeypatch):
    started = []
    loop = SimpleNamespace(
        busy=False,
        clips_dropped=0,
        waited_seconds=0.0,
        send_clips=lambda clips: None,
        finished_round=lambda: None,
        start_round=lambda due, env_steps, published: started.append(env_steps),
    )
    monkeypatch.setattr(
        preference_training, "harvest_runners", lambda runners, env_steps: (Harvest([], [], 1000), total_usage([]))
    )
    run = RunConfig.model_validate(
        {
            "env": {"id": "rlhp/MovingDot-v0"},
            "training": {"env_steps": 10_000},
            "reward": {"round_interval_env_steps": interval},
        }
    )
    runners = SimpleNamespace(num_remote_env_runners=lambda: 0)
    training = PreferenceTraining(
        run, ensemble_spec(run, describe_env("rlhp/MovingDot-v0")), runners, 1000, actors=None
    )
    training.loop = loop
    for _ in range(10):
        training.before_iteration()
        training.after_iteration()
    assert len(started) == expected
    assert started[-1] == 8000


def test_answers_that_count_otherwise_are_fitted_anew_once_and_a_checkpoint_says_when_they_were():
    run = RunConfig.model_validate({"env": {"id": "rlhp/MovingDot-v0"}, "teacher": {"preset": "people"}})
    runners = SimpleNamespace(num_remote_env_runners=lambda: 0, foreach_env_runner=lambda call, timeout_seconds: None)
    training = PreferenceTraining(
        run, ensemble_spec(run, describe_env("rlhp/MovingDot-v0")), runners, 1000, actors=None
    )
    replaced = []

    def replace():
        replaced.append(True)
        return report(changes=1, new_labels=5)

    def report(changes: int, new_labels: int) -> SimpleNamespace:
        counts = {"queries": 20, "more_answers": 0, "new_labels": new_labels, "new_ties": 0}
        return SimpleNamespace(**counts, notices=[], weight_changes=changes)

    training.loop = SimpleNamespace(replace_labels=replace)
    with pytest.warns(UserWarning, match="fits the reward anew to the 5 labels that count"):
        training._count(report(changes=1, new_labels=2))
    assert (len(replaced), training.labels, training.weight_changes) == (1, 5, 0)  # not fitted yet
    training._count(report(changes=1, new_labels=2))
    assert (len(replaced), training.labels) == (1, 7)
    counts = {"env_steps": 5, "queries": 3, "labels": 2, "started": True, "metrics": {}}
    training.restore(training.published, counts)
    with pytest.warns(UserWarning, match="fits the reward anew"):
        training._count(report(changes=1, new_labels=0))
    training.restore(training.published, {**counts, "weight_changes": 1})
    training._count(report(changes=1, new_labels=0))
    assert len(replaced) == 2
