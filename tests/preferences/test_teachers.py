"""Simulated teachers against rewards whose sums are plain."""

import math

import numpy as np
import pytest

from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.teachers import TEACHERS, OracleTeacher, RandomTeacher


def oracle(left, right) -> Answer:
    return OracleTeacher().answer(np.asarray(left), np.asarray(right), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("left", "right", "answer"),
    [
        ([1.0, 0.0, 1.0], [1.0, 0.0, 0.0], Answer.LEFT),
        ([-1.0, -1.0], [-1.0, 0.0], Answer.RIGHT),
        ([0.0, 3.0, -1.0], [1.0, 1.0, 0.0], Answer.EQUAL),
    ],
)
def test_the_oracle_prefers_the_larger_true_return(left, right, answer):
    assert oracle(left, right) is answer


def test_sums_that_differ_by_rounding_alone_are_a_tie():
    tenths = np.full(25, 0.1, np.float32)
    assert float(tenths.sum(dtype=np.float64)) != 2.5
    assert oracle(tenths, [2.5]) is Answer.EQUAL
    assert oracle(tenths, [2.5001]) is Answer.RIGHT


def test_the_order_of_rewards_does_not_matter():
    early, late = np.array([[1, 1e8, -1e8], [1e8, -1e8, 1]], np.float32)  # 0 and 1 if summed in float32
    assert oracle(early, late) is Answer.EQUAL


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, bool])
def test_small_types_neither_overflow_nor_wrap(dtype):
    many, few = np.ones(300, dtype), np.ones(290, dtype)
    assert oracle(few, many) is Answer.RIGHT
    assert oracle(many, few) is Answer.LEFT


def test_the_random_teacher_is_fair_and_blind():
    rng = np.random.default_rng(0)
    answers = [RandomTeacher().answer(np.ones(3), np.zeros(3), rng) for _ in range(4000)]
    assert set(answers) == {Answer.LEFT, Answer.RIGHT}
    assert abs(answers.count(Answer.LEFT) - 2000) < 4 * math.sqrt(4000 * 0.25)


def test_the_random_teacher_follows_its_generator():
    def answers(seed: int) -> list[Answer]:
        rng = np.random.default_rng(seed)
        return [RandomTeacher().answer(np.zeros(1), np.zeros(1), rng) for _ in range(40)]

    assert answers(1) == answers(1) != answers(2)


def test_teachers_are_found_by_the_name_they_give():
    assert {name: teacher.name for name, teacher in TEACHERS.items()} == {"oracle": "oracle", "random": "random"}
