"""Simulated teachers against hand-computed tables, and 100,000 answers each against the formulas of B-Pref s4."""

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.teacher_traits import TeacherTraits
from rlhp_ray.preferences.teachers import RandomTeacher, SimulatedTeacher

ANSWERS = 100_000
SIGMAS = 4.5  # of the binomial distribution


def clip(rewards) -> Clip:
    rewards = np.asarray(rewards)
    return Clip(np.zeros((len(rewards), 1), np.float32), np.zeros(len(rewards), np.int64), rewards, env_steps=0)


def answer(left, right, *recent, seed=0, **traits) -> Answer:
    teacher = SimulatedTeacher(TeacherTraits(**traits))
    teacher.calibrate([clip(rewards) for rewards in recent])
    return teacher.answer(clip(left), clip(right), np.random.default_rng(seed))


def simulated(pairs, *recent, **traits) -> Counter[Answer]:
    """The answers to 100,000 queries, evenly over the pairs."""
    teacher, rng = SimulatedTeacher(TeacherTraits(**traits)), np.random.default_rng(0)
    teacher.calibrate([clip(rewards) for rewards in recent])
    sides = [(clip(left), clip(right)) for left, right in pairs]
    return Counter(teacher.answer(*sides[index % len(sides)], rng) for index in range(ANSWERS))


def assert_shares(counts: Counter[Answer], expected: dict[Answer, float]) -> None:
    assert counts.keys() == expected.keys()
    for said, share in expected.items():
        sigma = math.sqrt(ANSWERS * share * (1 - share))
        assert abs(counts[said] - ANSWERS * share) <= SIGMAS * sigma, (said, counts[said] / ANSWERS, share)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([1.0, 0.0, 1.0], [1.0, 0.0, 0.0], Answer.LEFT),
        ([-1.0, -1.0], [-1.0, 0.0], Answer.RIGHT),
        ([0.0, 3.0, -1.0], [1.0, 1.0, 0.0], Answer.EQUAL),
    ],
)
def test_the_oracle_prefers_the_larger_true_return(left, right, expected):
    assert answer(left, right) is expected


def test_sums_that_differ_by_rounding_alone_are_a_tie():
    tenths = np.full(25, 0.1, np.float32)
    assert float(tenths.sum(dtype=np.float64)) != 2.5
    assert answer(tenths, [2.5]) is Answer.EQUAL
    assert answer(tenths, [2.5001]) is Answer.RIGHT


def test_the_order_of_rewards_does_not_matter_to_the_oracle():
    early, late = np.array([[1, 1e8, -1e8], [1e8, -1e8, 1]], np.float32)  # 0 and 1 if summed in float32
    assert answer(early, late) is Answer.EQUAL


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, bool])
@pytest.mark.parametrize("gamma", [1.0, 0.999])
def test_small_types_neither_overflow_nor_wrap(dtype, gamma):
    many, few = np.ones(300, dtype), np.ones(290, dtype)
    assert answer(few, many, gamma=gamma) is Answer.RIGHT
    assert answer(many, few, gamma=gamma) is Answer.LEFT


@pytest.mark.parametrize(
    ("beta", "left", "right", "share"),
    [  # P(left) = 1 / (1 + exp(-beta (R_left - R_right))), worked out by hand
        (1.0, [2.0, 1.0], [1.0, 1.0], 0.7310586),
        (0.5, [2.0, 2.0], [1.0, 1.0], 0.7310586),
        (2.0, [0.0, 0.0], [0.0, 1.0], 0.1192029),
        (1.0, [0.0, 1.0], [1.0, 0.0], 0.5),  # to a stochastic teacher a tie is a coin, not equal
    ],
)
def test_a_stochastic_teacher_errs_as_often_as_the_formula_says(beta, left, right, share):
    assert_shares(simulated([(left, right)], beta=beta), {Answer.LEFT: share, Answer.RIGHT: 1 - share})


def test_a_stochastic_teacher_takes_returns_of_any_size():
    assert answer([1e30], [-1e30], beta=1e300) is Answer.LEFT
    assert answer([-1e30], [1e30], beta=1e300) is Answer.RIGHT


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [  # gamma 0.9 over three steps weighs 0.81, 0.9, 1
        ([10.0, 0.0, 0.0], [0.0, 0.0, 8.0], Answer.LEFT),  # 8.1 and 8
        ([10.0, 0.0, 0.0], [0.0, 0.0, 8.2], Answer.RIGHT),  # 8.1 and 8.2, though 10 > 8.2
        ([0.0, 10.0, 0.0], [1.0, 1.0, 7.3], Answer.RIGHT),  # 9 and 9.01
        ([10.0, 0.0, 0.0], [0.0, 9.0, 0.0], Answer.EQUAL),  # 8.1 and 8.1
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], Answer.EQUAL),
    ],
)
def test_a_myopic_teacher_weighs_the_newest_step_most(left, right, expected):
    assert answer(left, right, gamma=0.9) is expected


def test_a_myopic_stochastic_teacher_errs_by_discounted_returns():
    counts = simulated([([2.0, 0.0, 0.0], [0.0, 0.0, 1.0])], beta=1.0, gamma=0.9)  # 1.62 and 1
    assert_shares(counts, {Answer.LEFT: 0.6502186, Answer.RIGHT: 0.3497814})


@pytest.mark.parametrize("mistake", [0.1, 0.3])
def test_mistakes_flip_left_and_right(mistake):
    counts = simulated([([1.0], [0.0])], mistake=mistake)
    assert_shares(counts, {Answer.RIGHT: mistake, Answer.LEFT: 1 - mistake})


def test_a_tie_cannot_be_mistaken():
    assert answer([1.0], [1.0], mistake=1.0) is Answer.EQUAL


COINS = list(product(product((0.0, 1.0), repeat=2), repeat=2))
"""Clips of two steps, each of which pays 0 or 1: returns 0, 1, 2 with the chances 1/4, 1/2, 1/4 on each side."""


def test_clips_that_are_both_bad_are_skipped():
    counts = simulated(COINS, [2.0, 4.0], [1.0, 3.0], skip=0.2)  # recent clips return 6 and 4: d_skip is 1
    assert_shares(counts, {Answer.SKIP: 1 / 16, Answer.EQUAL: 5 / 16, Answer.LEFT: 5 / 16, Answer.RIGHT: 5 / 16})


def test_clips_that_are_nearly_alike_are_equal():
    counts = simulated(COINS, [2.0, 4.0], [1.0, 3.0], equal=0.3)  # d_equal is 1.5: only 0 against 2 is further apart
    assert_shares(counts, {Answer.EQUAL: 14 / 16, Answer.LEFT: 1 / 16, Answer.RIGHT: 1 / 16})


@pytest.mark.parametrize(
    ("left", "right", "traits", "expected"),
    [
        ([3.0], [4.9], {"skip_below": 5.0}, Answer.SKIP),
        ([3.0], [5.0], {"skip_below": 5.0}, Answer.RIGHT),  # below means below
        ([-300.0], [-260.0], {"skip_below": -250.0}, Answer.SKIP),
        ([-300.0], [-240.0], {"skip_below": -250.0}, Answer.RIGHT),
        ([4.0], [3.0], {"equal_within": 1.1}, Answer.EQUAL),
        ([4.0], [3.0], {"equal_within": 1.0}, Answer.LEFT),  # within means within
        ([3.0], [4.0], {"equal_within": 1.1}, Answer.EQUAL),
        ([1.0], [2.0], {"skip_below": 0.0, "equal_within": 0.0}, Answer.RIGHT),
    ],
)
def test_absolute_thresholds_are_in_units_of_the_return(left, right, traits, expected):
    assert answer(left, right, **traits) is expected


@pytest.mark.parametrize(
    ("left", "right", "traits", "expected"),
    [
        ([4.0], [3.0], {"skip_below": 5.0, "mistake": 1.0}, Answer.SKIP),  # what is skipped is never mistaken
        ([4.0], [3.0], {"skip_below": 5.0, "equal_within": 9.0}, Answer.SKIP),  # nor equal
        ([4.0], [3.0], {"equal_within": 9.0, "mistake": 1.0}, Answer.EQUAL),  # equal comes after mistakes
        ([4.0], [3.0], {"equal_within": 9.0, "beta": 1.0}, Answer.EQUAL),
        ([4.0], [3.0], {"equal_within": 0.5, "mistake": 1.0}, Answer.RIGHT),
        ([5.0, 0.0], [5.0, 0.0], {"skip_below": 4.0, "gamma": 0.5}, Answer.EQUAL),  # 2.5 discounted, 5 not
        ([5.0, 0.0], [0.0, 4.0], {"equal_within": 1.2, "gamma": 0.5}, Answer.EQUAL),  # 2.5 and 4 discounted
        ([5.0, 0.0], [0.0, 4.0], {"equal_within": 0.9, "gamma": 0.5}, Answer.RIGHT),
        ([5.0, 0.0], [0.0, 4.0], {"mistake": 1.0, "gamma": 0.5}, Answer.LEFT),
    ],
)
def test_irrationalities_combine_in_the_order_of_the_source(left, right, traits, expected):
    for seed in range(5):
        assert answer(left, right, seed=seed, **traits) is expected


def test_all_five_together_answer_as_the_formulas_say():
    """Undiscounted returns decide on skip and equal; where they do not, 1.62 against 1 errs, then is mistaken."""
    pairs = [([0.0, 0.0, 0.0], [0.1, 0.0, 0.0]), ([2.0, 0.0, 0.0], [0.0, 0.0, 1.9]), ([2.0, 0.0, 0.0], [0.0, 0.0, 1.0])]
    counts = simulated(pairs, beta=1.0, gamma=0.9, mistake=0.2, skip_below=0.5, equal_within=0.5)
    left = 0.6502186 * 0.8 + 0.3497814 * 0.2
    expected = {Answer.SKIP: 1 / 3, Answer.EQUAL: 1 / 3, Answer.LEFT: left / 3, Answer.RIGHT: (1 - left) / 3}
    assert_shares(counts, expected)


def test_answers_follow_the_generator_of_the_query():
    teacher = SimulatedTeacher(TeacherTraits(beta=1.0, mistake=0.3))

    def answers(seed: int) -> list[Answer]:
        rng = np.random.default_rng(seed)
        return [teacher.answer(clip([1.0]), clip([1.0]), rng) for _ in range(40)]

    assert answers(1) == answers(1) != answers(2)


def test_a_teacher_judges_by_the_rewards_that_it_is_given():
    teacher = SimulatedTeacher(rewards=lambda seen: -seen.teacher_rewards)
    assert teacher.answer(clip([2.0]), clip([1.0]), np.random.default_rng(0)) is Answer.RIGHT


def test_relative_thresholds_are_taken_from_the_rewards_that_it_is_given():
    teacher = SimulatedTeacher(TeacherTraits(skip=0.5), rewards=lambda seen: 10 + seen.teacher_rewards)
    assert teacher.calibrate([clip([-2.0])]) == []  # 8 to this teacher: d_skip is 4
    rng = np.random.default_rng(0)
    assert teacher.answer(clip([-7.0]), clip([-6.5]), rng) is Answer.SKIP
    assert teacher.answer(clip([-7.0]), clip([-5.5]), rng) is Answer.RIGHT


def test_without_relative_thresholds_recent_clips_are_not_even_looked_at():
    def never(seen):
        raise AssertionError

    traits = TeacherTraits(skip=0.1, equal=0.1, skip_below=-9.0, equal_within=2.0)
    assert SimulatedTeacher(traits, rewards=never).calibrate([clip([1.0])]) == []


def test_the_random_teacher_is_fair_and_blind():
    rng = np.random.default_rng(0)
    counts = Counter(RandomTeacher().answer(clip([1.0]), clip([0.0]), rng) for _ in range(ANSWERS))
    assert_shares(counts, {Answer.LEFT: 0.5, Answer.RIGHT: 0.5})


def test_the_random_teacher_follows_its_generator():
    def answers(seed: int) -> list[Answer]:
        rng = np.random.default_rng(seed)
        return [RandomTeacher().answer(clip([0.0]), clip([0.0]), rng) for _ in range(40)]

    assert answers(1) == answers(1) != answers(2)
