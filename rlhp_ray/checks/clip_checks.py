"""Whether clips can be filled, and whether the teacher can tell them apart."""

from collections.abc import Iterator

import numpy as np

from rlhp_ray.checks.check_context import CheckContext
from rlhp_ray.checks.finding import Finding, Severity

# All ours.
LARGEST_LOST_SHARE = 0.25  # of the env steps of an episode
LARGEST_TIE_SHARE = 0.9
LARGEST_SKIP_SHARE = 0.5
SMALLEST_REPEATED_SHARE = 0.55  # of answers: two tosses of a coin agree in half the cases
FEWEST_PAIRS = 30  # to judge a share by
FEWEST_CLIP_LENGTHS = 4  # rolled out by each copy before clips are missed


def clips_miss_the_ends_of_episodes(context: CheckContext) -> Iterator[Finding]:
    """A clip under way at the end of an episode is discarded, so that what is left of an episode is never seen."""
    horizon, clip_steps = context.plan.horizon, context.config.preferences.clip_steps
    if not context.learns_preferences or horizon is None:
        return
    lost = horizon % clip_steps
    if lost / horizon > LARGEST_LOST_SHARE:
        yield Finding(
            f"the last {lost} of every {horizon} env steps are in no clip: an episode holds {horizon // clip_steps} "
            f"clips of {clip_steps} env steps.",
            "no answer is ever about the later part of an episode, so that the reward there is a guess.",
            f"choose a preferences.clip_steps that divides {horizon}.",
        )


def clips_are_longer_than_episodes(context: CheckContext) -> Iterator[Finding]:
    """With visible ends, episodes that end before a clip is filled."""
    rollout, clip_steps = context.rollout, context.config.preferences.clip_steps
    if not context.learns_preferences or rollout.env_steps < FEWEST_CLIP_LENGTHS * clip_steps * rollout.copies:
        return
    share = len(rollout.clips) * clip_steps / rollout.env_steps
    if rollout.episode_steps and share < 1 - 2 * LARGEST_LOST_SHARE:
        yield Finding(
            f"only {100 * share:.0f} % of {rollout.env_steps:,} env steps were in a clip of {clip_steps}: episodes had "
            f"{np.mean(rollout.episode_steps):.0f} on average.",
            "what ends early, a failure above all, is in no clip, and few clips are left to ask about.",
            "lower preferences.clip_steps, or set env.horizon to hide the ends of episodes.",
        )


def teacher_fails(context: CheckContext) -> Iterator[Finding]:
    """A function of the user's that raises or returns what it must not."""
    if context.learns_preferences and context.teacher.failure is not None:
        yield Finding(
            f"the teacher failed on clips of the untrained policy: {context.teacher.failure}",
            "the run fails at its first query.",
            "mend the function that the section teacher names.",
        )


def thresholds_are_off(context: CheckContext) -> Iterator[Finding]:
    """What a teacher has to say of its own thresholds."""
    for notice in context.teacher.notices if context.learns_preferences else ():
        yield Finding(
            notice, "the teacher is then not the one that was asked for.", "set the threshold in units of true return."
        )


def clips_tie(context: CheckContext) -> Iterator[Finding]:
    """Pairs that the teacher calls equal: clips that are short beside how often rewards come."""
    trial, config = context.teacher, context.config
    if not context.learns_preferences or context.rollout.is_cut_short or trial.pairs < FEWEST_PAIRS:
        return  # the first seconds of many a game hold no reward
    if trial.ties / trial.pairs <= LARGEST_TIE_SHARE:
        return
    rewards = [clip.teacher_rewards for clip in context.rollout.clips]
    sums = [float(paid.sum()) for paid in rewards]
    own = config.teacher.reward_function or config.teacher.callable
    if own is not None:
        seen, change = "", f"look at what {own} gives for clips of an untrained policy"
    elif np.ptp(sums) < 1e-6 and any(sums):
        seen = f" The true return of every clip is {sums[0]:g}."
        change = "set env.termination_penalty (with env.horizon), or judge by a teacher.reward_function"
    else:
        nonzero = np.mean([np.count_nonzero(paid) for paid in rewards])
        seen = (
            f" A clip of {config.preferences.clip_steps} env steps holds {nonzero:.2g} rewards other than 0 on average."
        )
        change = "raise preferences.clip_steps, or judge by a teacher.reward_function that is dense"
    yield Finding(
        f"{100 * trial.ties / trial.pairs:.0f} % of {trial.pairs} pairs of clips tie for the teacher.{seen}",
        "an answer of equal tells only that two clips are alike: the labels are spent on nothing.",
        f"{change}.",
    )


def teacher_skips(context: CheckContext) -> Iterator[Finding]:
    """Skipped queries, which spend the budget and give no label."""
    trial = context.teacher
    if not context.learns_preferences or context.rollout.is_cut_short or trial.pairs < FEWEST_PAIRS:
        return
    if trial.skips / trial.pairs > LARGEST_SKIP_SHARE:
        yield Finding(
            f"the teacher skips {100 * trial.skips / trial.pairs:.0f} % of {trial.pairs} pairs.",
            "a skipped query spends the budget and gives no label.",
            "lower teacher.skip or teacher.skip_below, or raise preferences.labels.",
        )


def teacher_tosses_a_coin(context: CheckContext) -> Iterator[Finding]:
    """Answers that come out otherwise when asked again, or that are wrong more often than right."""
    teacher, trial = context.config.teacher, context.teacher
    if not context.learns_preferences:
        return
    if teacher.preset == "random" and teacher.callable is None:
        yield Finding(
            "the teacher answers by a coin (teacher.preset is random).",
            "this is the negative control: whatever is learnt owes nothing to the labels.",
            "nothing, if that is meant.",
            Severity.NOTE,
        )
    elif teacher.mistake is not None and teacher.mistake >= 0.5:
        yield Finding(
            f"teacher.mistake is {teacher.mistake:g}.",
            "from one half on the answers say nothing, and beyond it the opposite of what is preferred.",
            "lower it below 0.5.",
        )
    elif trial.decided >= FEWEST_PAIRS and trial.repeated / trial.decided < SMALLEST_REPEATED_SHARE:
        yield Finding(
            f"asked the same query twice, the teacher gave the same answer in "
            f"{100 * trial.repeated / trial.decided:.0f} % of {trial.decided} cases; a coin does in 50 %.",
            "labels that are chance teach nothing.",
            "raise teacher.beta, which is per unit of true return, or lower teacher.mistake.",
        )
