"""Which runs are shown, and in which order."""

from datetime import UTC, datetime

import pytest

from rlhp_ray.errors import ConfigError
from rlhp_ray.runs.run_index import read_index
from rlhp_ray.runs.run_selection import Condition, select, sort_by

NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def records(make_run, runs_dir):
    slow = {"training": {"rllib": {"lr": 0.0001}}, "teacher": {"preset": "mistake"}}
    make_run("a", labels=100, true_return_mean=-300.0, started="2026-01-31T12:00:00Z", config=slow)
    make_run("b", labels=200, true_return_mean=None, started="2026-01-01T00:00:00Z", status="failed")
    make_run("c", labels=300, env="rlhp/MovingDot-v0", true_return_mean=90.0, started="2026-01-30T00:00:00Z")
    return read_index(runs_dir)


def names(found) -> str:
    return "".join(record.name for record in found)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("labels>=200", "cb"),
        ("labels > 100", "cb"),
        ("labels=200", "b"),
        ("labels!=200", "ac"),
        ("return<0", "a"),
        ("true_return_mean>0", "c"),
        ("return=null", "b"),
        ("status=failed", "b"),
        ("age<2d", "a"),
        ("age>=30h", "cb"),
        ("training.rllib.lr<=1e-4", "a"),
        ("teacher.preset==mistake", "a"),
        ("teacher.preset!=mistake", "cb"),
        ("reward.hidden_sizes=[64, 64]", "acb"),
        ("run=c", "c"),
        ("env>5", ""),
    ],
)
def test_conditions(records, condition, expected) -> None:
    assert names(select(records, NOW, where=[Condition.parse(condition)])) == expected


def test_everything_given_must_hold(records) -> None:
    conditions = [Condition.parse("labels>=100"), Condition.parse("labels<=200")]
    assert names(select(records, NOW, env="PENDULUM", where=conditions)) == "ab"
    assert names(select(records, NOW, env="pendulum", status="failed", where=conditions)) == "b"
    assert names(select(records, NOW, env="cartpole")) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("labels", "got 'labels', expected KEY=VALUE"),
        ("=3", "expected KEY=VALUE"),
        ("age<soon", "got the age 'soon', expected a number and s, min, h or d"),
    ],
)
def test_what_is_no_condition(text, expected) -> None:
    with pytest.raises(ConfigError, match=expected):
        Condition.parse(text)


def test_a_key_that_no_run_has_is_refused_with_the_nearest(records) -> None:
    with pytest.raises(ConfigError, match=r"--where: no run has the key 'lables'.*did you mean labels\?"):
        select(records, NOW, where=[Condition.parse("lables=3")])
    with pytest.raises(ConfigError, match=r"did you mean teacher.preset\?"):
        select(records, NOW, where=[Condition.parse("teacher.present=3")])
    with pytest.raises(ConfigError, match=r"--sort: no run has the key 'xyz'.*columns: run, env"):
        sort_by(records, "xyz", NOW)
    assert select([], NOW, where=[Condition.parse("lables=3")]) == []


def test_a_key_that_is_null_everywhere_is_known(records) -> None:
    assert names(select(records, NOW, where=[Condition.parse("reward.load=x")])) == ""
    assert names(sort_by(records, "reward.load", NOW)) == "acb"


def test_order(records) -> None:
    assert names(sort_by(records, "age", NOW)) == "acb"
    assert names(sort_by(records, "labels", NOW, reverse=True)) == "cba"
    assert names(sort_by(records, "return", NOW)) == "acb"
    assert names(sort_by(records, "return", NOW, reverse=True)) == "cab"  # what has none stays last
    assert names(sort_by(records, "teacher.preset", NOW)) == "acb"
