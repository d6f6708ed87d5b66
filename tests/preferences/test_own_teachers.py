"""Functions of the user's: what they are given, what may come back, and how every failure is told."""

import math
import sys
from collections.abc import Callable

import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.envs.clip_origin import ClipOrigin, GameStretch
from rlhp_ray.envs.clip_replay import ClipReplayer
from rlhp_ray.errors import RewardDataError, TeacherError
from rlhp_ray.preferences.own_teachers import CallableTeacher, OwnReward
from rlhp_ray.preferences.preference import Answer

STEPS = 3
MODULE = "own_tricks"


@pytest.fixture
def own(tmp_path, monkeypatch) -> Callable[[str], str]:
    """Writes a function `trick` into a module, and gives its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(source: str) -> str:
        (tmp_path / f"{MODULE}.py").write_text(f"import numpy as np\n{source}\n")
        return f"{MODULE}:trick"

    yield write
    sys.modules.pop(MODULE, None)


@pytest.fixture
def shown() -> Clip:
    return Clip(
        observations=np.arange(STEPS * 2, dtype=np.float32).reshape(STEPS, 2),
        actions=np.array([2, 0, 1]),
        teacher_rewards=np.array([9.0, 9.0, 9.0], np.float32),
        env_steps=7,
    )


def failure(make: Callable[[], object]) -> str:
    with pytest.raises(TeacherError) as caught:
        make()
    told = str(caught.value)
    assert f"{MODULE}:trick" in told and "\n" not in told
    return told


def test_a_reward_function_is_given_observations_and_actions_and_no_true_reward(own, shown):
    reward = OwnReward(own("def trick(observations, actions):\n    return observations[:, 1] - 10 * actions"))
    np.testing.assert_array_equal(reward(shown), [1 - 20, 3, 5 - 10])
    assert reward(shown).dtype == np.float64


def test_of_stacked_frames_it_is_given_the_single_ones_with_their_lead_in(own):
    frames = np.arange(STEPS + 3, dtype=np.uint8).repeat(4).reshape(STEPS + 3, 2, 2)
    stacked = Clip(frames, np.zeros(STEPS), np.zeros(STEPS), env_steps=0, frame_stack=4)
    reward = OwnReward(own("def trick(frames, actions):\n    return frames[len(frames) - len(actions):, 0, 0]"))
    np.testing.assert_array_equal(reward(stacked), [3, 4, 5])


@pytest.mark.parametrize("returned", ["[1, 2, 3]", "(True, False, True)", "np.ones(3, np.uint8)", "np.ones(3) * 1e30"])
def test_any_finite_numbers_one_a_step_are_rewards(own, shown, returned):
    assert OwnReward(own(f"def trick(observations, actions):\n    return {returned}"))(shown).shape == (STEPS,)


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("np.ones(4)", "expected an array [3] of finite numbers, one reward a step, got the shape [4]"),
        ("np.ones((3, 1))", "got the shape [3, 1]"),
        ("1.0", "got the shape []"),
        ("[1.0, np.nan, 2.0]", "got nan at step 1"),
        ("[1.0, 2.0, -np.inf]", "got -inf at step 2"),
        ("None", "got"),
        ("'many'", "got 'many'"),
        ("[[1], [2, 3], [4]]", "got [[1], [2, 3], [4]]"),
        ("{}['backflip']", "raised KeyError: 'backflip'"),
        ("observations.fill(0)", "raised ValueError: assignment destination is read-only"),
    ],
)
def test_rewards_that_cannot_be_used_are_told(own, shown, returned, expected):
    reward = OwnReward(own(f"def trick(observations, actions):\n    return {returned}"))
    told = failure(lambda: reward(shown))
    assert told.startswith(f"teacher.reward_function={MODULE}:trick")
    assert expected in told
    assert shown.observations.any()


def test_a_callable_is_given_both_clips_and_the_generator_of_the_query(own, shown):
    source = (
        "def trick(left, right, rng):\n"
        "    assert (left.env_steps, right.actions.tolist()) == (7, [2, 0, 1])\n"
        "    return 'left' if rng.random() < 0.5 else 'right'"
    )
    teacher = CallableTeacher(own(source))

    def answers(seed: int) -> list[Answer]:
        rng = np.random.default_rng(seed)
        return [teacher.answer(shown, shown, rng) for _ in range(40)]

    assert set(answers(0)) == {Answer.LEFT, Answer.RIGHT}
    assert answers(0) == answers(0) != answers(1)
    assert teacher.calibrate([shown]) == []


@pytest.mark.parametrize("said", list(Answer))
def test_an_answer_may_be_the_enum_or_its_text(own, shown, said):
    module, _, _ = own("said = None\ndef trick(left, right, rng):\n    return said").partition(":")
    teacher = CallableTeacher(f"{module}:trick")
    for form in (said, str(said)):
        sys.modules[module].said = form
        assert teacher.answer(shown, shown, np.random.default_rng(0)) is said


@pytest.mark.parametrize("said", ["'both'", "'LEFT'", "None", "1", "['left']", "np.zeros((9, 9))", "float('nan')"])
def test_an_unknown_answer_is_told_with_the_known_ones(own, shown, said):
    teacher = CallableTeacher(own(f"def trick(left, right, rng):\n    return {said}"))
    told = failure(lambda: teacher.answer(shown, shown, np.random.default_rng(0)))
    assert f"teacher.callable={MODULE}:trick answered " in told
    assert told.endswith("expected one of left, right, equal, skip.")


def test_what_a_callable_raises_is_told_and_chained(own, shown):
    teacher = CallableTeacher(own("def trick(left, right, rng):\n    raise RuntimeError('no\\nidea')"))
    with pytest.raises(TeacherError, match=r"raised RuntimeError: no idea.") as caught:
        teacher.answer(shown, shown, np.random.default_rng(0))
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def trik(left, right, rng): ...", "has no function trick. Did you mean trik?"),
        ("x = 1", f"has no function trick. Define it in .*{MODULE}.py."),
        (f"trick = {math.pi}", "trick is a float; expected a function."),
        ("def trick(left, right): ...", r"takes \(left, right\); expected one to call with \(left, right, rng\)"),
        ("def trick(left, right, rng, *, beta): ...", "expected one to call with"),
        ("import a_package_of_nobodys", "ModuleNotFoundError: No module named 'a_package_of_nobodys'"),
        ("x = = 1", "cannot be imported .SyntaxError: invalid syntax"),
        ("1 / 0", "ZeroDivisionError: division by zero.; expected one that is installed or lies on PYTHONPATH"),
    ],
)
def test_a_function_that_cannot_be_used_is_told_when_the_teacher_is_made(own, source, expected):
    target = own(source)
    with pytest.raises(TeacherError, match=expected) as caught:
        CallableTeacher(target)
    assert str(caught.value).startswith(f"teacher.callable={MODULE}:trick: ")
    assert "\n" not in str(caught.value)


def test_a_module_that_is_not_there_is_told():
    with pytest.raises(TeacherError, match=r"the module of_nobodys.tricks cannot be imported .*No module named"):
        OwnReward("of_nobodys.tricks:trick")


@pytest.mark.parametrize("source", ["trick = np.maximum", "trick = lambda *clips: np.zeros(3)", "trick = max"])
def test_anything_that_can_be_called_with_two_arguments_is_a_reward_function(own, source):
    OwnReward(own(source))


def test_a_reward_that_asks_for_ram_cannot_judge_what_is_no_atari_clip(own, shown):
    reward = OwnReward(own("def trick(observations, actions, ram):\n    return ram[:, 13]"))
    with pytest.raises(RewardDataError, match=r"tells no origin; expected one recorded in an Atari game"):
        reward(shown)


def test_a_reward_is_given_the_ram_after_each_action(own):
    """Byte 13 of Pong is the computer's score: left alone, it wins a first point."""
    done = np.zeros(150, np.uint8)
    origin = ClipOrigin("pong", 4, 100, (GameStretch(0, 1, 0, done),))
    seen = ClipReplayer().replay(origin).observed
    frames = np.concatenate([np.zeros((4, 84, 84), np.uint8), seen[:-1]])
    clip = Clip(frames, done[:50], np.zeros(50), env_steps=0, frame_stack=4, origin=origin)
    rewards = OwnReward(own("def trick(observations, actions, ram):\n    return ram[:, 13] * 1.0"))(clip)
    np.testing.assert_array_equal(rewards, ClipReplayer().replay(origin).ram[:, 13])
    assert rewards[-1] >= 1


def test_ram_must_be_the_third_parameter(own):
    failure(lambda: OwnReward(own("def trick(observations, actions, other, ram):\n    return 0")))
