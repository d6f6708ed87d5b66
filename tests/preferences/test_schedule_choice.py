"""Each name of a schedule gives that schedule; a function of the user's is tried before it is used."""

import math

import pytest

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.errors import ConfigError, TeacherError
from rlhp_ray.preferences import schedule_choice
from rlhp_ray.preferences.label_schedule import LabelSchedule
from rlhp_ray.preferences.own_schedule import OwnShare
from rlhp_ray.preferences.schedule_choice import check_schedule, make_schedule

TRICKS = """
import math

def late(progress):
    return progress ** 3

def half(progress):
    return progress / 2

def rate(progress):
    return 1 / (1 + progress)

def too_many(progress):
    return 1.2 * progress

def below(progress):
    return progress - 0.1

def undefined(progress):
    return math.log(progress) if progress > 0.5 else math.nan

def word(progress):
    return "soon"

def nothing(progress):
    pass

def breaks(progress):
    return 1 / progress

def dips(progress):
    return progress if progress < 0.7 else progress - 0.2

def rounded(progress):
    return (1 - 1e-13) * progress if progress < 1 else 1 + 1e-13

def two(progress, labels):
    return progress

limit = 0.5
"""


@pytest.fixture
def tricks(tmp_path, monkeypatch):
    (tmp_path / "schedule_tricks.py").write_text(TRICKS)
    monkeypatch.syspath_prepend(tmp_path)
    return "schedule_tricks"


def config(schedule: str = "hyperbolic", **preferences) -> RunConfig:
    section = {"labels": 100, "schedule": schedule, **preferences}
    return RunConfig.model_validate(
        {"env": {"id": "rlhp/MovingDot-v0"}, "training": {"env_steps": 10_000}, "preferences": section}
    )


def made(schedule: str, end: int = 8000, **preferences) -> LabelSchedule:
    return make_schedule(config(schedule, **preferences).preferences, 10_000, end)


@pytest.mark.parametrize(
    ("schedule", "preferences", "expected"),
    [
        ("constant", {}, 25 + 75 * 2000 / 8000),
        ("hyperbolic", {}, 25 + 75 * math.log(2) / math.log(5)),  # the decay is a fifth of 10,000
        ("hyperbolic", {"decay_env_steps": 500}, 25 + 75 * math.log(5) / math.log(17)),
        ("inverse_quadratic", {}, 25 + 75 * (2 / 4) / (8 / 10)),
        ("inverse_quadratic", {"decay_env_steps": 500}, 25 + 75 * (2 / 2.5) / (8 / 8.5)),
        ("stepped", {"schedule_steps": [[2000, 60], [2001, 70]]}, 60),
        ("stepped", {"schedule_steps": [[2001, 70]]}, 25),
        ("stepped", {"schedule_steps": [[2000, 60]], "initial_fraction": 0.9}, 90),
    ],
)
def test_a_name_gives_its_schedule(schedule, preferences, expected):
    chosen = made(schedule, **preferences)
    assert chosen.due(2000) == math.floor(expected)
    assert (chosen.due(7999) <= 100, chosen.due(8000)) == (True, 100)


def test_every_name_of_the_schema_is_known():
    schema = RunConfig.model_json_schema()["$defs"]["PreferencesConfig"]["properties"]["schedule"]
    for name in schema["anyOf"][0]["enum"]:
        steps = [[2000, 60]] if name == "stepped" else None
        assert made(name, schedule_steps=steps).due(0) == 25


def test_a_function_of_the_users_says_which_share_of_the_later_queries_is_due(tricks):
    chosen = made(f"{tricks}:late")
    assert [chosen.due(t) for t in (0, 2000, 4000, 6000, 7999, 8000)] == [
        25,
        25 + math.floor(75 / 64),
        25 + math.floor(75 / 8),
        25 + math.floor(75 * 27 / 64),
        99,
        100,
    ]


def test_what_a_function_leaves_of_the_budget_is_due_at_the_end(tricks):
    chosen = made(f"{tricks}:half")
    assert (chosen.due(7999), chosen.due(8000)) == (25 + 37, 100)


def test_rounding_is_no_reason_to_refuse_a_function(tricks):
    assert made(f"{tricks}:rounded").due(8000) == 100


REFUSALS = [
    ("rate", "falls from 1 at progress 0 to 0.999001 at 0.001; expected the share of the queries that is due by then"),
    ("dips", "falls from 0.699 at progress 0.699 to 0.5 at 0.7"),
    ("too_many", "at progress 0.834; expected the share .* from 0 to 1. It asks for more labels than the budget"),
    ("below", "returned -0.1 at progress 0; expected the share"),
    ("undefined", "returned nan at progress 0; expected the share"),
    ("word", "returned 'soon' at progress 0; expected the share"),
    ("nothing", "returned None at progress 0; expected the share"),
    ("breaks", "raised ZeroDivisionError: float division by zero. Correct the function"),
    ("two", r"takes \(progress, labels\); expected one to call with \(progress\)"),
    ("limit", "limit is a float; expected a function"),
    ("latest", "has no function latest. Did you mean late?"),
]


@pytest.mark.parametrize(("name", "told"), REFUSALS)
def test_a_function_that_cannot_be_used_is_one_configuration_error(tricks, name, told):
    with pytest.raises(ConfigError, match=rf"^configuration: preferences.schedule={tricks}:{name}.*{told}") as caught:
        check_schedule(config(f"{tricks}:{name}"))
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


def test_a_module_that_is_not_there_is_a_configuration_error():
    with pytest.raises(ConfigError, match="the module no_such_module cannot be imported"):
        check_schedule(config("no_such_module:late"))


def test_a_function_that_errs_later_is_told(tricks):
    share = OwnShare(f"{tricks}:late", 1000)
    share._function.imported = lambda progress: math.inf
    with pytest.raises(TeacherError, match=r"returned inf at progress 0.25; expected the share"):
        share(250)


def test_without_preferences_no_function_is_imported(monkeypatch):
    monkeypatch.setattr(schedule_choice, "make_schedule", lambda *_: pytest.fail("it was made"))
    check_schedule(config("no_such_module:late").model_copy(update={"reward_source": "true_reward"}))


@pytest.mark.parametrize("name", ["constant", "hyperbolic", "inverse_quadratic", "stepped"])
def test_the_other_schedules_pass_the_check(name):
    check_schedule(config(name, schedule_steps=[[2000, 60]] if name == "stepped" else None))
