"""What policy and reward predictor really see, after scaling."""

from collections.abc import Iterator

import numpy as np

from rlhp_ray.checks.check_context import CheckContext
from rlhp_ray.checks.finding import Finding, Severity
from rlhp_ray.envs.image_space import SMALLEST_IMAGE_SIDE, is_image_space
from rlhp_ray.reward.observation_statistics import Moments, observation_gap

# Ours: networks are made for inputs of about 1 in size (the bounds of a space map to [-1, 1]).
LARGEST_INPUT = 10.0
SMALLEST_STD = 0.005
LARGEST_GAP = 1.0  # as of the alarm in training
IMAGE_CHANNELS = (1, 3, 4)  # grey, colour, colour and opacity
NAMED_ENTRIES = 5


def environment_fails(context: CheckContext) -> Iterator[Finding]:
    """The rollout could not go on: an error, or numbers that are not finite."""
    if context.rollout.failure is not None:
        yield Finding(
            f"{context.config.env.id} failed after {context.rollout.env_steps:,} env steps of the untrained policy: "
            f"{context.rollout.failure}",
            "the run fails where this happens.",
            "mend the environment; rlhp check shows when it is mended.",
        )


def rollout_was_cut_short(context: CheckContext) -> Iterator[Finding]:
    """An environment too slow to be looked at as long as is wanted."""
    rollout = context.rollout
    if rollout.is_cut_short and rollout.failure is None:
        yield Finding(
            f"after {rollout.seconds:.0f} s only {rollout.env_steps:,} env steps and {len(rollout.clips)} clips of "
            f"{context.config.env.id} had been seen.",
            "it was not judged whether clips tie for the teacher, and observations may go farther than was seen.",
            "nothing; on an idle machine more is seen.",
            Severity.NOTE,
        )


def networks_see_different_observations(context: CheckContext) -> Iterator[Finding]:
    """The essay's bug: observations normalised for the policy and not for the predictor."""
    gap = observation_gap(context.rollout.policy_saw, context.rollout.predictor_saw)
    if gap is not None and gap.distance > LARGEST_GAP:
        yield Finding(
            f"policy and reward predictor are shown different observations: entry {gap.entry} is {_spread(gap.policy)} "
            f"to the policy and {_spread(gap.predictor)} to the predictor.",
            "a predictor that is shown other numbers than the policy learns little, and nothing downstream shows why.",
            "scale observations in one place for both: take out what scales them for one network only.",
        )


def inputs_are_huge(context: CheckContext) -> Iterator[Finding]:
    """Entries far outside the range that networks are made for: their bounds are wrong, or nothing scaled them."""
    for network, seen in _both(context):
        size = np.maximum(np.abs(seen.mean), seen.std)
        entries = np.flatnonzero(size > LARGEST_INPUT)
        if entries.size:
            worst = int(size.argmax())
            yield Finding(
                f"the {network} is shown observations that are not scaled: {_entries(entries, size.size)}, of which "
                f"entry {worst} is {_spread((seen.mean[worst], seen.std[worst]))}; expected about 0 +- 1.",
                "large inputs saturate a network and drown the others.",
                "make the bounds of the observation space those of its values, or infinite where they are not known: "
                "such entries are scaled from data.",
            )


def inputs_barely_vary(context: CheckContext) -> Iterator[Finding]:
    """Entries that vary, but that loose bounds scale down to next to nothing; or no entry that varies."""
    rollout = context.rollout
    if not rollout.clips and (rollout.is_cut_short or rollout.failure is not None):
        return  # episodes may all start alike
    images = rollout.scaling.kind == "bytes"
    for network, seen in _both(context):
        if not (seen.std > 0).any():
            yield Finding(
                f"no observation differs from another to the {network}: all {seen.count:,} of them were the same.",
                "nothing can be learnt from inputs that never change.",
                "look at what the environment returns, and at what it returns after an action.",
            )
            continue
        entries = np.flatnonzero((seen.std > 0) & (seen.std < SMALLEST_STD))
        if entries.size and not images:  # of a dark screen with a small dot, each cell barely varies
            worst = int(entries[seen.std[entries].argmin()])
            yield Finding(
                f"the {network} is shown observations that barely vary: {_entries(entries, seen.std.size)}, of which "
                f"entry {worst} has a standard deviation of {seen.std[worst]:.2g} after scaling; expected about 1.",
                "its bounds are far wider than its values, so that scaling by them leaves next to nothing of it.",
                "narrow the bounds of the observation space to its values, or make them infinite: such entries are "
                "scaled from data.",
            )


def inputs_are_constant(context: CheckContext) -> Iterator[Finding]:
    """Entries of a vector that never change."""
    seen = context.rollout.policy_saw
    if seen is None or context.rollout.scaling.kind != "linear" or not (seen.std > 0).any():
        return
    entries = np.flatnonzero(seen.std == 0)
    if entries.size:
        yield Finding(
            f"of the observation, {_entries(entries, seen.std.size)} never changed in "
            f"{context.rollout.env_steps:,} env steps.",
            "they tell nothing as long as that is so, and later ones may be out of the range that is scaled for.",
            "look whether they should; leave them out if not.",
            Severity.NOTE,
        )


def image_is_taken_for_a_vector(context: CheckContext) -> Iterator[Finding]:
    """Frames whose type or order of axes keeps them from the convolutions."""
    space = context.description.observation_space
    shape = space.shape or ()
    large = [side for side in shape if side >= SMALLEST_IMAGE_SIDE]
    if len(shape) == 3 and len(large) == 2 and not is_image_space(space):
        yield Finding(
            f"observations {shape} of {space.dtype} look like images, and are taken for vectors of "
            f"{int(np.prod(shape)):,} numbers.",
            "without convolutions hardly anything is learnt from pixels.",
            "wrap the environment so that it returns uint8 of [height, width, channels].",
        )


def one_frame_shows_no_motion(context: CheckContext) -> Iterator[Finding]:
    """Images that are no stacks of frames."""
    space = context.description.observation_space
    shape = space.shape or ()
    if is_image_space(space) and context.description.frame_stack is None and shape[-1] in IMAGE_CHANNELS:
        yield Finding(
            f"an observation {shape} of {context.config.env.id} seems to be a single frame.",
            "what moves, and where to, cannot be told from one frame, by policy and predictor alike.",
            "stack the last frames in a wrapper of the environment.",
            Severity.NOTE,
        )


def _both(context: CheckContext) -> Iterator[tuple[str, Moments]]:
    seen = [("policy", context.rollout.policy_saw)]
    if context.learns_preferences:
        seen.append(("reward predictor", context.rollout.predictor_saw))
    for network, moments in seen:
        if moments is not None and moments.count > 1 and context.rollout.scaling.kind != "one_hot":
            yield network, moments


def _spread(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.3g} +- {pair[1]:.3g}"


def _entries(entries: np.ndarray, size: int) -> str:
    named = ", ".join(str(entry) for entry in entries[:NAMED_ENTRIES])
    more = ", ..." if entries.size > NAMED_ENTRIES else ""
    return f"{entries.size} of {size} entries ({named}{more})"
