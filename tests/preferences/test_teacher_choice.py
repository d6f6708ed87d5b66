"""From the section `teacher` to a teacher: presets, what is laid over them, and the name stored with answers."""

import math
import sys

import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.config.schema import RunConfig, TeacherConfig
from rlhp_ray.errors import ConfigError
from rlhp_ray.preferences.own_teachers import CallableTeacher
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.teacher_choice import check_teacher, chosen_traits, make_teacher
from rlhp_ray.preferences.teacher_traits import TeacherTraits
from rlhp_ray.preferences.teachers import RandomTeacher


@pytest.fixture
def tricks(tmp_path, monkeypatch):
    (tmp_path / "tricks_to_choose.py").write_text(
        "def backflip(observations, actions):\n    return -actions\n\ndef judge(left, right, rng):\n    return 'skip'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "tricks_to_choose"
    sys.modules.pop("tricks_to_choose", None)


@pytest.mark.parametrize(
    ("preset", "traits"),
    [  # B-Pref s4: each differs from the oracle in one thing
        ("oracle", TeacherTraits(math.inf, 1.0, 0.0, 0.0, 0.0)),
        ("stoch", TeacherTraits(1.0, 1.0, 0.0, 0.0, 0.0)),
        ("myopic", TeacherTraits(math.inf, 0.9, 0.0, 0.0, 0.0)),
        ("mistake", TeacherTraits(math.inf, 1.0, 0.1, 0.0, 0.0)),
        ("skip", TeacherTraits(math.inf, 1.0, 0.0, 0.1, 0.0)),
        ("equal", TeacherTraits(math.inf, 1.0, 0.0, 0.0, 0.1)),
    ],
)
def test_presets_have_the_values_of_their_source_and_their_own_name(preset, traits):
    config = TeacherConfig(preset=preset)
    assert chosen_traits(config) == traits
    assert make_teacher(config).name == preset


@pytest.mark.parametrize(
    ("settings", "traits", "name"),
    [
        ({"mistake": 0.3}, TeacherTraits(mistake=0.3), "oracle mistake=0.3"),
        (
            {"preset": "myopic", "mistake": 0.1, "beta": 5},
            TeacherTraits(beta=5.0, gamma=0.9, mistake=0.1),
            "myopic beta=5 mistake=0.1",
        ),
        ({"preset": "stoch", "beta": "perfect"}, TeacherTraits(), "stoch beta=perfect"),
        ({"preset": "mistake", "mistake": 0.1}, TeacherTraits(mistake=0.1), "mistake"),
        ({"preset": "mistake", "mistake": 0.0}, TeacherTraits(), "mistake mistake=0"),
        ({"preset": "skip", "skip_below": -200}, TeacherTraits(skip=0.1, skip_below=-200.0), "skip skip_below=-200"),
        ({"equal_within": 0.0}, TeacherTraits(equal_within=0.0), "oracle equal_within=0"),
        (
            {"beta": 1, "gamma": 0.5, "mistake": 0.2, "skip": 0.3, "equal": 0.4},
            TeacherTraits(1.0, 0.5, 0.2, 0.3, 0.4),
            "oracle beta=1 gamma=0.5 mistake=0.2 skip=0.3 equal=0.4",
        ),
    ],
)
def test_keys_are_laid_over_the_preset_and_named(settings, traits, name):
    config = TeacherConfig(**settings)
    assert chosen_traits(config) == traits
    assert make_teacher(config).name == name


def test_random_is_the_negative_control():
    teacher = make_teacher(TeacherConfig(preset="random"))
    assert isinstance(teacher, RandomTeacher) and teacher.name == "random"


def test_a_reward_of_ones_own_is_what_the_teacher_compares_by(tricks):
    teacher = make_teacher(TeacherConfig(mistake=0.0, reward_function=f"{tricks}:backflip"))
    assert teacher.name == f"oracle reward_function={tricks}:backflip"
    few, many = (Clip(np.zeros((2, 1)), np.full(2, action), np.full(2, action), 0) for action in (1, 2))
    assert teacher.answer(few, many, np.random.default_rng(0)) is Answer.LEFT


def test_a_callable_answers_by_itself(tricks):
    teacher = make_teacher(TeacherConfig(callable=f"{tricks}:judge"))
    assert isinstance(teacher, CallableTeacher) and teacher.name == f"callable={tricks}:judge"


def run_config(env_id, target):
    return RunConfig.model_validate({"env": {"id": env_id}, "teacher": {"reward_function": target}})


PACE = "rlhp_ray.preferences.enduro_pace:pace"


@pytest.mark.parametrize("env_id", ["CartPole-v1", "rlhp/MovingDotPixels-v0"])
def test_a_reward_that_asks_for_ram_is_refused_where_there_is_none(env_id):
    with pytest.raises(ConfigError, match=rf"^configuration: teacher.reward_function: got {PACE},.*{env_id}") as caught:
        check_teacher(run_config(env_id, PACE))
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


def test_other_rewards_and_games_with_ram_pass_the_check(tricks):
    check_teacher(run_config("ALE/Enduro-v5", PACE))
    check_teacher(run_config("CartPole-v1", f"{tricks}:backflip"))
    check_teacher(run_config("CartPole-v1", None))
    check_teacher(run_config("CartPole-v1", "no_such_module:backflip"))  # told by what makes the teacher
