"""The label budget against clips, schedule and fitting."""

from collections.abc import Iterator

from rlhp_ray.checks.check_context import CheckContext
from rlhp_ray.checks.finding import Finding, Severity
from rlhp_ray.checks.run_plan import asks
from rlhp_ray.config.validation import COMPARES_MEMBERS

# All ours.
FEWEST_INITIAL_LABELS = 20  # of which each member's bootstrap leaves out seven
FEWEST_GRADIENT_STEPS = 30
QUERIES_PER_CLIP = 4  # in which a clip may be on average
LATE_SHARE_OF_STEPS, LATE_SHARE_OF_LABELS = 0.8, 0.5
FEW_LABELS_TO_DISAGREE = 500  # with 300, disagreement unlearnt MovingDot where uniform did not
ENOUGH_TO_FIT = (
    500  # C17 A.2 begins with as many; Pong was learnt no worse from the newest 1,000 of 3,300 than from 3,000
)


def first_clips_are_few(context: CheckContext) -> Iterator[Finding]:
    """Queries of the first round that there are no pairs for, or only pairs of the same few clips."""
    preferences, plan = context.config.preferences, context.plan
    if not asks(context.config):
        return
    per_copy = plan.initial_env_steps // plan.copies // preferences.clip_steps
    recorded = per_copy * plan.copies
    clips, queries = min(recorded, preferences.pool_clips), plan.schedule.initial_labels
    pairs = clips * (clips - 1) // 2
    if preferences.pool_clips < recorded:
        where, change = "preferences.pool_clips", f"raise preferences.pool_clips to {2 * queries} or more"
    else:
        where = f"{plan.initial_env_steps:,} env steps of the untrained policy"
        change = "lower preferences.initial_fraction or preferences.clip_steps, or raise training.env_steps"
    if pairs < queries:
        yield Finding(
            f"the first {queries} queries find {pairs} pairs: {where} leaves {clips} clips.",
            f"{queries - pairs} of them cannot be asked about the untrained policy, and come late or never.",
            f"{change}.",
        )
    elif 2 * queries > QUERIES_PER_CLIP * clips:
        yield Finding(
            f"the first {queries} queries are all about {clips} clips ({where}), {2 * queries / clips:.0f} for each.",
            "answers about the same few clips say little of the rest of what is to be seen.",
            f"{change}.",
        )


def initial_labels_are_few(context: CheckContext) -> Iterator[Finding]:
    """A first reward that is learnt from next to nothing."""
    config, queries = context.config, context.plan.schedule.initial_labels
    if not asks(config) or config.preferences.load is not None or config.reward.load is not None:
        return
    if queries < FEWEST_INITIAL_LABELS:
        yield Finding(
            f"the first reward is learnt from {queries} labels; expected at least {FEWEST_INITIAL_LABELS}.",
            "the policy then follows a reward that is mostly chance, into states that cannot teach it otherwise.",
            "raise preferences.labels or preferences.initial_fraction (Christiano et al. 2017: 500 on Atari).",
        )
        return
    steps = config.reward.pretraining_epochs * -(-queries // config.reward.batch_pairs)
    if steps < FEWEST_GRADIENT_STEPS:
        yield Finding(
            f"the first reward is fitted in {steps} gradient steps: {config.reward.pretraining_epochs} passes over "
            f"{queries} labels, {config.reward.batch_pairs} at a time; expected at least {FEWEST_GRADIENT_STEPS}.",
            "the policy then follows a network that is as good as untrained.",
            "raise reward.pretraining_epochs or lower reward.batch_pairs.",
        )


def labels_come_too_late(context: CheckContext) -> Iterator[Finding]:
    """Labels that the policy is hardly trained on any more, or not at all."""
    config, plan = context.config, context.plan
    labels, initial = config.preferences.labels, plan.schedule.initial_labels
    if not asks(config) or initial == labels:
        return
    if plan.rounds < 1:
        yield Finding(
            f"{labels - initial} of {labels} labels are asked when the policy learns no more: after the untrained "
            f"policy's {plan.initial_env_steps:,} env steps, {plan.updates} training iterations of "
            f"{plan.batch_env_steps:,} are left of {config.training.env_steps:,}.",
            "they are paid for, and change nothing in the policy.",
            "raise training.env_steps, or lower training.rllib.train_batch_size_per_learner.",
        )
        return
    when = int(LATE_SHARE_OF_STEPS * plan.schedule.end_env_steps)
    late = labels - plan.schedule.due(when)
    if late > LATE_SHARE_OF_LABELS * labels:
        yield Finding(
            f"{late} of {labels} labels are asked after env step {when:,} of {config.training.env_steps:,}.",
            "until then the policy is trained on a reward from the few others.",
            "raise preferences.initial_fraction, or choose another preferences.schedule.",
        )


def window_forgets_labels(context: CheckContext) -> Iterator[Finding]:
    """A window that drops most of what was paid for, and leaves little."""
    preferences = context.config.preferences
    enough = min(preferences.labels / 2, ENOUGH_TO_FIT)
    if asks(context.config) and preferences.window is not None and preferences.window < enough:
        yield Finding(
            f"the reward is fitted to the newest {preferences.window} of {preferences.labels} labels "
            "(preferences.window).",
            "more than half of the labels, the ones about early behaviour first, are forgotten before the end.",
            "raise preferences.window, or set it to null.",
        )


def labels_are_never_fitted(context: CheckContext) -> Iterator[Finding]:
    """Rounds too short for the labels that come in."""
    config, plan = context.config, context.plan
    per_round, later = config.reward.pairs_per_round, config.preferences.labels - plan.schedule.initial_labels
    if asks(config) and per_round is not None and 0 < plan.rounds * per_round < later:
        yield Finding(
            f"{plan.rounds} rounds of fitting present {plan.rounds * per_round} pairs, and {later} labels come in "
            "meanwhile.",
            "many of them are never looked at.",
            f"raise reward.pairs_per_round from {per_round}, or set it to null.",
        )


def members_disagree_from_few_labels(context: CheckContext) -> Iterator[Finding]:
    """A query strategy that compares members which know little yet."""
    preferences = context.config.preferences
    few = asks(context.config) and preferences.labels < FEW_LABELS_TO_DISAGREE
    if few and preferences.selection in COMPARES_MEMBERS:
        yield Finding(
            f"preferences.selection is {preferences.selection}, with {preferences.labels} labels.",
            "where members know little they disagree most on clips in which nothing can be told; uniform queries did "
            "better on MovingDot from 300.",
            "compare with preferences.selection=uniform.",
            Severity.NOTE,
        )
