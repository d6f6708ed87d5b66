"""Asks, before a run, what is likely to make it fail: all the checks, by what they are about."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rlhp_ray.checks import (
    action_checks,
    archive_notes,
    clip_checks,
    label_checks,
    leak_checks,
    observation_checks,
    resource_checks,
    setting_checks,
    training_checks,
)
from rlhp_ray.checks.check_context import CheckContext, TimeLimits, look_around
from rlhp_ray.checks.finding import Finding, Severity, of_severity
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import EnvDescription

Check = Callable[[CheckContext], Iterator[Finding]]

CHECKS: dict[str, tuple[Check, ...]] = {
    "environment": (
        observation_checks.environment_fails,
        observation_checks.rollout_was_cut_short,
        action_checks.nothing_to_choose,
        action_checks.actions_are_unwieldy,
        leak_checks.ends_are_visible,
        leak_checks.score_is_shown,
        leak_checks.penalty_is_never_charged,
    ),
    "observations": (
        observation_checks.networks_see_different_observations,
        observation_checks.inputs_are_huge,
        observation_checks.inputs_barely_vary,
        observation_checks.inputs_are_constant,
        observation_checks.image_is_taken_for_a_vector,
        observation_checks.one_frame_shows_no_motion,
    ),
    "clips and teacher": (
        clip_checks.clips_miss_the_ends_of_episodes,
        clip_checks.clips_are_longer_than_episodes,
        clip_checks.teacher_fails,
        clip_checks.thresholds_are_off,
        clip_checks.clips_tie,
        clip_checks.teacher_skips,
        clip_checks.teacher_tosses_a_coin,
    ),
    "labels": (
        label_checks.first_clips_are_few,
        label_checks.initial_labels_are_few,
        label_checks.labels_come_too_late,
        label_checks.window_forgets_labels,
        label_checks.labels_are_never_fitted,
        label_checks.members_disagree_from_few_labels,
    ),
    "training": (
        training_checks.updates_are_few,
        training_checks.minibatch_is_too_large,
        training_checks.batch_is_spread_thin,
        training_checks.episodes_are_never_finished,
        training_checks.checkpoints_are_rare_or_many,
        training_checks.learning_rate_ends_early,
        training_checks.entropy_outweighs_the_reward,
        training_checks.values_are_out_of_scale,
        setting_checks.settings_are_ignored,
        setting_checks.rllib_refuses,
    ),
    "machine": (
        resource_checks.memory_is_short,
        resource_checks.disk_is_short,
        resource_checks.cores_are_short,
        resource_checks.ray_can_never_place_it,
        resource_checks.gpu_is_idle,
    ),
    "archive": (
        archive_notes.no_baseline,
        archive_notes.no_question,
        archive_notes.hours_and_money,
    ),
}
"""By what they are about, in the order in which they are told."""

NOT_BEFORE_A_RUN = (
    setting_checks.rllib_refuses,  # takes seconds
    leak_checks.ends_are_visible,  # a run warns of these itself
    leak_checks.score_is_shown,
    clip_checks.thresholds_are_off,
)
WHOLE = TimeLimits(rollout=25.0, teacher=10.0)
QUICK = TimeLimits(rollout=0.8, teacher=0.2, games=4)


@dataclass(frozen=True)
class Premortem:
    """What was found.

    Args:
        told: findings and notes by what they are about; only topics that have any.
        looked_at_env_steps: of the untrained policy.
        looked_at_clips: of these.
        seconds: in all.
    """

    told: dict[str, tuple[Finding, ...]]
    looked_at_env_steps: int
    looked_at_clips: int
    seconds: float

    def of(self, severity: Severity) -> list[tuple[str, Finding]]:
        """Topic and finding of each that has this severity."""
        return [(topic, finding) for topic, all_of in self.told.items() for finding in of_severity(all_of, severity)]


def run_checks(config: RunConfig, description: EnvDescription, command: tuple[str, ...]) -> Premortem:
    """All checks, in less than a minute.

    Args:
        config: validated.
        description: of the environment.
        command: words of `rlhp train` that start the run: CONFIG and overrides.

    Raises:
        RlhpError: what the run is to start from, a reward network or a schedule of the user's cannot be used.
    """
    return _premortem(config, description, command, WHOLE, skipped=())


def run_quick_checks(config: RunConfig, description: EnvDescription) -> list[Finding]:
    """The findings, without notes, that can be had in less than three seconds, and that a run does not tell itself.

    Raises:
        RlhpError: as `run_checks`.
    """
    report = _premortem(config, description, (), QUICK, skipped=NOT_BEFORE_A_RUN)
    return [finding for _, finding in report.of(Severity.FINDING)]


def _premortem(
    config: RunConfig,
    description: EnvDescription,
    command: tuple[str, ...],
    limits: TimeLimits,
    skipped: tuple[Check, ...],
) -> Premortem:
    started = time.perf_counter()
    context = look_around(config, description, command, limits)
    told = {
        topic: tuple(finding for check in checks if check not in skipped for finding in check(context))
        for topic, checks in CHECKS.items()
    }
    return Premortem(
        told={topic: findings for topic, findings in told.items() if findings},
        looked_at_env_steps=context.rollout.env_steps,
        looked_at_clips=len(context.rollout.clips),
        seconds=time.perf_counter() - started,
    )
