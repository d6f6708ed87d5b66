"""Silent on healthy runs as they were recorded; loud where one thing of them is made sick, and that thing alone."""

import pickle

import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.health.condition import condition_name

HEALTHY = ("moving_dot", "pendulum", "cartpole", "acrobot")
ENTROPY_OF_FIVE = 1.609


def entropy_collapses(row, index):
    return {keys.POLICY_ENTROPY: max(0.01, ENTROPY_OF_FIVE - 0.25 * index)}


def entropy_stays(row, index):
    return {keys.POLICY_ENTROPY: 1.5 + 0.01 * (index % 2)}


def accuracies_are_chance(row, index):
    return {keys.REWARD_VALIDATION_ACCURACY: 0.52, keys.FRESH_ACCURACY: 0.5 + 0.03 * (-1) ** index}


def labels_stop(row, index):
    return {key: min(row[key], 220) for key in (keys.LABELS, keys.QUERIES)}


def everything_is_skipped(row, index):
    return {keys.LABELS: min(row[keys.LABELS], 220)}


def clips_stop(row, index):
    return {keys.CLIPS_PER_SECOND: 0.0} if index > 8 else {}


def clips_are_dropped(row, index):
    return {keys.CLIPS_DROPPED: 160.0 * index}


def iterations_get_longer(row, index):
    return {keys.TIME_ITERATION: 0.5 * 1.1**index}


def trial_leaks(row, index):
    return {keys.MEMORY_TRIAL: 500 + 30 * index + 5 * (index % 3)}


def buffer_leaks(row, index):
    return {keys.MEMORY_BUFFER: 400 + 20 * index + 5 * (index % 3)}


def loss_is_chance(row, index):
    return {keys.REWARD_TRAINING_LOSS: 0.7}


def updates_are_wild(row, index):
    return {keys.POLICY_KL: 0.2}


def value_function_is_worse_than_none(row, index):
    return {keys.VALUE_EXPLAINED: -0.5}


SICK = {
    entropy_collapses: keys.UNHEALTHY_ENTROPY_COLLAPSE,
    entropy_stays: keys.UNHEALTHY_ENTROPY_PLATEAU,
    accuracies_are_chance: keys.UNHEALTHY_ACCURACY,
    labels_stop: keys.UNHEALTHY_LABELS,
    everything_is_skipped: keys.UNHEALTHY_LABELS,
    clips_stop: keys.UNHEALTHY_CLIPS,
    clips_are_dropped: keys.UNHEALTHY_CLIPS,
    iterations_get_longer: keys.UNHEALTHY_SPEED,
    trial_leaks: keys.UNHEALTHY_MEMORY,
    buffer_leaks: keys.UNHEALTHY_MEMORY,
    loss_is_chance: keys.unhealthy_key(keys.REWARD_TRAINING_LOSS),
    updates_are_wild: keys.unhealthy_key(keys.POLICY_KL),
    value_function_is_worse_than_none: keys.unhealthy_key(keys.VALUE_EXPLAINED),
}
ACCURACIES = (keys.REWARD_VALIDATION_ACCURACY, keys.FRESH_ACCURACY)
ASKED = (keys.LABELS, keys.QUERIES)
ALARMS = (keys.UNHEALTHY_OVER_OPTIMISATION, keys.UNHEALTHY_OBSERVATIONS)


def changed(rows, change):
    return [row | change(row, index) for index, row in enumerate(rows)]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_is_silent(watched, rows, name):
    found = watched(name, rows(name))
    assert (found.said, found.monitor.ever, found.monitor.mark) == ([], [], "")
    assert {value for row in found.metrics for value in row.values()} == {0}


@pytest.mark.parametrize(("change", "key"), SICK.items(), ids=lambda part: getattr(part, "__name__", ""))
def test_what_is_sick_is_said_once_with_what_was_seen_and_what_to_do(watched, rows, change, key):
    found = watched("moving_dot", changed(rows("moving_dot"), change))
    assert found.monitor.standing == found.monitor.ever == [condition_name(key)]
    (said,) = found.said
    assert f": {condition_name(key)}: " in said and "; healthy: " in said
    assert (found.metrics[-1][keys.UNHEALTHY], found.metrics[-1][key]) == (1, 1)
    assert found.monitor.mark == f"! {condition_name(key)}"


def test_a_run_that_was_taught_by_a_coin_is_found_out(watched, rows):
    assert watched("moving_dot", rows("coin")).monitor.standing == ["accuracy at chance"]


@pytest.mark.parametrize("key", ALARMS)
def test_an_alarm_of_the_diagnostics_counts_and_is_not_said_twice(watched, rows, key):
    found = watched("moving_dot", changed(rows("moving_dot"), lambda row, index: {key: float(10 <= index < 15)}))
    assert [row[key] for row in found.metrics] == [int(10 <= index < 15) for index in range(len(found.metrics))]
    (said,) = found.said
    assert said.startswith("healthy again at ") and condition_name(key) in said
    assert (found.monitor.standing, found.monitor.ever) == ([], [condition_name(key)])


def test_entropy_of_continuous_actions_collapses_far_below_zero(watched, rows):
    def change(row, index):
        return {keys.POLICY_ENTROPY: max(-2.0, 1.4 - 0.3 * index)}

    assert watched("pendulum", changed(rows("pendulum"), change)).monitor.standing == ["entropy collapse"]


def test_an_entropy_that_the_settings_keep_up_is_no_plateau_before_their_schedule_ends(watched, rows):
    made = changed(rows("moving_dot"), entropy_stays)
    for end, said in ((60_000, 1), (300_000, 0)):
        settings = {"rllib": {"entropy_coeff": [[0, 1.0], [end, 0.1]]}, "env_steps": 100_000}
        assert len(watched("moving_dot", made, training=settings).said) == said


def test_a_policy_may_begin_to_learn_in_the_first_half(watched, rows):
    made = changed(rows("moving_dot"), entropy_stays)
    assert watched("moving_dot", made, training={"env_steps": 400_000}).said == []


def test_two_conditions_are_both_counted(watched, rows):
    sick = changed(changed(rows("moving_dot"), clips_stop), updates_are_wild)
    found = watched("moving_dot", sick)
    assert found.metrics[-1][keys.UNHEALTHY] == 2
    assert found.monitor.mark == "! clips stopped and 1 more"


@pytest.mark.parametrize(
    "change",
    [
        lambda row, index: {keys.TIME_ITERATION: 30.0} if index == 15 else {},
        lambda row, index: {keys.TIME_ITERATION: 5.0} if index % 3 == 0 else {},
        lambda row, index: {keys.TIME_ITERATION: 0.02} if index == 3 else {},
        lambda row, index: dict.fromkeys(ACCURACIES, 0.45) if index in (9, 12) else {},
        lambda row, index: {keys.REWARD_VALIDATION_ACCURACY: 0.52},
        lambda row, index: {keys.FRESH_ACCURACY: 0.5},
        lambda row, index: {keys.MEMORY_TRIAL: 900.0} if index == 15 else {},
        lambda row, index: {keys.MEMORY_TRIAL: 300.0 + 40 * min(index, 9)},
        lambda row, index: {keys.MEMORY_TRIAL: 400.0 + 60 * (index % 6)},
        lambda row, index: {keys.MEMORY_BUFFER: 300.0 + 30 * index, keys.CLIPS_POOL: 40.0 * index},
        lambda row, index: {keys.POLICY_KL: 0.5} if index % 3 == 0 else {},
        lambda row, index: {keys.POLICY_ENTROPY: 0.01} if index == 15 else {},
        lambda row, index: {keys.CLIPS_PER_SECOND: 0.0} if index in (12, 13) else {},
        lambda row, index: {key: min(row[key], 251) for key in ASKED} if index < 14 else {},
        lambda row, index: {keys.LABELS: row[keys.LABELS] * 8 // 10},
    ],
    ids=[
        "one slow iteration", "every third is slow", "one quick iteration", "two bad rounds", "flipped answers",
        "all clips alike", "one leap of memory", "memory of the warm-up", "memory in waves", "a pool that fills",
        "single wild updates", "one low entropy", "two iterations without clips", "a late round",
        "a fifth is skipped",
    ],
)  # fmt: skip
def test_noise_is_no_sickness(watched, rows, change):
    assert watched("moving_dot", changed(rows("moving_dot"), change)).said == []


def test_where_the_true_return_is_not_taught_fresh_pairs_say_nothing(watched, rows):
    def change(row, index):
        return {keys.REWARD_VALIDATION_ACCURACY: 0.52, keys.FRESH_ACCURACY: 0.9}

    sick = changed(rows("moving_dot"), change)
    assert watched("moving_dot", sick).said == []
    taught = {"callable": "my_tricks:judge"}
    assert watched("moving_dot", sick, teacher=taught).monitor.standing == ["accuracy at chance"]


def test_what_recovers_is_said_and_remembered(watched, rows):
    sick = changed(rows("moving_dot"), lambda row, index: {keys.CLIPS_PER_SECOND: 0.0} if 5 < index < 14 else {})
    found = watched("moving_dot", sick)
    began, ended = found.said
    assert "unhealthy at" in began and ended == "healthy again at 72,000 env steps: clips stopped is over"
    assert (found.monitor.standing, found.monitor.ever) == ([], ["clips stopped"])
    held = [row[keys.UNHEALTHY_CLIPS] for row in found.metrics]
    assert held == sorted(held[:16]) + sorted(held[16:], reverse=True), "it begins once and ends once"


def test_a_resumed_run_goes_on_where_it_was_and_repeats_nothing(monitor, rows):
    sick = changed(rows("moving_dot"), clips_stop)
    as_written = [{key: str(value) for key, value in row.items()} | {keys.TRUE_RETURN: ""} for row in sick[:20]]
    resumed = monitor("moving_dot", as_written)
    assert resumed.take_changes() == [] and resumed.standing == ["clips stopped"]
    assert resumed.update(sick[20])[keys.UNHEALTHY_CLIPS] == 1
    assert resumed.take_changes() == []


def test_rows_of_a_run_that_measured_less_are_taken_up(monitor, rows):
    less = [{key: row[key] for key in (keys.ITERATION, keys.ENV_STEPS)} for row in rows("moving_dot")[:20]]
    resumed = monitor("moving_dot", less)
    assert resumed.ever == [] and resumed.update(rows("moving_dot")[20])[keys.UNHEALTHY] == 0


def test_people_who_are_waited_for_are_no_sickness(watched, rows):
    made = rows("moving_dot")
    waiting = [made[10] | {keys.HELD_FOR_PEOPLE: 1.0, keys.TIME_ITERATION: 5.0, keys.CLIPS_PER_SECOND: 0.0}] * 30
    assert watched("moving_dot", [*made[:11], *waiting, *made[11:]]).said == []


def test_a_long_fitting_is_waited_for(watched, rows):
    """In asynchronous mode labels come with the end of a round, however many iterations it takes."""

    def slow_round(row, index):
        late = {key: 220 if 6 < index < 20 else row[key] for key in ASKED}
        return late | {keys.TIME_FITTING: 6.0}

    made = changed(rows("moving_dot"), slow_round)
    assert watched("moving_dot", made).said == []
    quick = [row | {keys.TIME_FITTING: 0.1} for row in made]
    assert watched("moving_dot", quick).monitor.ever == ["labels stopped"]


def test_a_run_on_true_reward_is_watched_for_what_it_has(watched, rows):
    of_preferences = (
        keys.LABELS,
        keys.QUERIES,
        keys.CLIPS_DROPPED,
        keys.REWARD_VALIDATION_ACCURACY,
        keys.REWARD_VERSION,
    )
    made = [{key: value for key, value in row.items() if key not in of_preferences} for row in rows("moving_dot")]
    found = watched("moving_dot", changed(made, iterations_get_longer), reward_source="true_reward")
    assert found.monitor.standing == ["speed decays"]
    assert keys.UNHEALTHY_LABELS not in found.metrics[-1]


def test_memory_of_the_monitor_is_bounded(monitor, rows):
    last = rows("moving_dot")[-1]
    watching = monitor("moving_dot", training={"env_steps": 10_000_000}, reward_source="true_reward")
    sizes = []
    for iteration in range(1, 4001):
        watching.update(last | {keys.ENV_STEPS: 4000.0 * iteration})
        if iteration in (1000, 4000):
            sizes.append(len(pickle.dumps(watching)))
    assert sizes[1] < 1.5 * sizes[0]


def test_every_condition_has_a_column_and_every_column_a_condition(watched, rows):
    columns = {key for key in keys.metric_keys(members=1) if key.startswith(keys.UNHEALTHY)}
    assert set(watched("moving_dot", rows("moving_dot")).metrics[-1]) == columns
