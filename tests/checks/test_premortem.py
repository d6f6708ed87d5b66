"""All the checks together: findings before notes, in plain text, and in time before a training."""

import subprocess
import sys
from dataclasses import replace

import pytest

from rlhp_ray.checks import premortem
from rlhp_ray.checks.check_context import TimeLimits, look_around
from rlhp_ray.checks.finding import Finding, Severity
from rlhp_ray.checks.premortem import CHECKS, QUICK, Premortem, run_quick_checks
from rlhp_ray.checks.report_text import finding_line, premortem_text
from rlhp_ray.checks.run_plan import RunPlan
from rlhp_ray.config.loading import load_config
from rlhp_ray.config.setting_schedule import scheduled
from rlhp_ray.config.validation import validate_run

BAD = Finding("clips tie.", "labels are spent on nothing.", "raise preferences.clip_steps.")
MILD = Finding("no baseline.", "it is the yardstick.", "run it.", Severity.NOTE)


def test_findings_stand_first():
    text = premortem_text(Premortem({"archive": (MILD,), "clips": (MILD, BAD)}, 5000, 200, 3.21), "Some-v0")
    assert text == (
        "FINDINGS\n\n"
        "- clips: clips tie.\n  why:    labels are spent on nothing.\n  change: raise preferences.clip_steps.\n\n"
        "NOTES\n\n"
        "- archive: no baseline.\n  why:    it is the yardstick.\n  change: run it.\n\n"
        "- clips: no baseline.\n  why:    it is the yardstick.\n  change: run it.\n\n"
        "1 finding and 2 notes on Some-v0, from 5,000 env steps and 200 clips of the untrained policy, in 3.2 s."
    )


def test_nothing_to_tell_is_one_line():
    text = premortem_text(Premortem({}, 0, 0, 0.0), "Some-v0")
    assert text.startswith("no findings and no notes on Some-v0, from 0 env steps")


def test_long_lines_are_folded_and_a_command_stays_whole():
    command = "rlhp train some " + "training.rllib.train_batch_size_per_learner=10000 " * 4
    finding = replace(MILD, why="because " * 40, change=f"do this:\n{command}")
    lines = premortem_text(Premortem({"archive": (finding,)}, 0, 0, 0.0), "Some-v0").splitlines()
    first = lines.index("  change: do this:")
    assert lines[first + 1] == f"          {command}"
    assert max(len(line) for line in lines[:first]) <= 120
    assert lines[3].startswith("  why:    because") and lines[4].startswith("          because")


def test_a_warning_is_one_line():
    assert finding_line(BAD) == (
        "clips tie. Why it matters: labels are spent on nothing. Change: raise preferences.clip_steps."
    )


@pytest.fixture
def unhurried(monkeypatch):
    """What is found, not how soon: a busy machine sees as much."""
    monkeypatch.setattr(premortem, "QUICK", replace(QUICK, rollout=20.0, teacher=20.0))


def quick(*overrides: str, config: str = "moving_dot") -> list[Finding]:
    read = load_config(config, overrides)
    return run_quick_checks(read, validate_run(read))


def test_the_quick_part_finds_what_is_seen_and_what_is_counted(unhurried):
    whats = [finding.what for finding in quick("teacher.beta=0.0001", "preferences.window=100")]
    assert len(whats) == 2
    assert "asked the same query twice" in whats[0] and "(preferences.window)" in whats[1]


@pytest.mark.parametrize("config", ["moving_dot", "cartpole", "pong", "seaquest"])
def test_the_quick_part_is_silent_on_shipped_configurations(config):
    assert quick(config=config) == []


@pytest.mark.parametrize("config", ["moving_dot", "cartpole", "pendulum", "pong"])
def test_a_machine_too_slow_to_take_a_second_step_finds_no_fault(config):
    read = load_config(config, [])
    context = look_around(read, validate_run(read), (), replace(QUICK, rollout=0.0, teacher=0.0))
    assert context.rollout.is_cut_short and not context.rollout.clips
    told = [finding for checks in CHECKS.values() for check in checks for finding in check(context)]
    assert [finding.what for finding in told if finding.severity is Severity.FINDING] == []


def test_the_quick_part_leaves_out_what_a_run_warns_of_itself(unhurried):
    assert quick("env.score_mask='off'", config="pong") == []
    assert quick("teacher.equal=0.1", config="pendulum") == []
    whats = [finding.what for finding in quick("env.horizon=null", "preferences.clip_steps=5", config="cartpole")]
    assert whats and not any("the ends of" in what for what in whats)


def test_the_quick_part_needs_no_ray():
    code = (
        "import sys; from rlhp_ray.cli.check_command import warn_before_training as warn;"
        "from rlhp_ray.config.loading import load_config; from rlhp_ray.config.validation import validate_run;"
        "config = load_config('moving_dot'); warn(config, validate_run(config)); print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "False\n", done.stderr


def test_looking_around_twice_sees_the_same(tmp_path):
    read = load_config("cartpole", [f"output_dir={tmp_path}"])
    first, second = (look_around(read, validate_run(read), (), TimeLimits(60, 60)) for _ in range(2))
    assert [clip.clip_id for clip in first.rollout.clips] == [clip.clip_id for clip in second.rollout.clips]
    assert first.teacher == second.teacher
    assert first.rollout.policy_saw.count == first.rollout.predictor_saw.count > 1000
    assert list(tmp_path.iterdir()) == []


def test_a_plan_counts_what_a_run_does():
    """Figures of moving_dot, by hand: 75 first queries, 150 clips of 25 steps, in whole batches of 4,000."""
    read = load_config("moving_dot", [])
    plan = RunPlan.of(read, validate_run(read))
    assert (plan.batch_env_steps, plan.copies, plan.horizon) == (4000, 16, 250)
    assert (plan.initial_env_steps, plan.updates, plan.rounds) == (4000, 24, 22)
    assert plan.schedule.initial_labels == 75 and plan.schedule.end_env_steps == 92_000
    assert plan.interval_env_steps == 20_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.1, [(0, 0.1)]), ([[0, 1], [50, 0]], [(0, 1.0), (50, 0.0)]), ("x", []), ([[0, "x"]], []), (None, [])],
)
def test_a_setting_may_be_a_schedule(value, expected):
    assert scheduled(value) == expected
