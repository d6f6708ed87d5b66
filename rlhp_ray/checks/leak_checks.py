"""What would tell the policy its true reward, whatever was preferred."""

from collections.abc import Iterator

from rlhp_ray.checks.check_context import CheckContext
from rlhp_ray.checks.finding import Finding
from rlhp_ray.envs.episode_ends import never_terminates


def ends_are_visible(context: CheckContext) -> Iterator[Finding]:
    """Episodes whose length depends on how well the policy does (C17 A)."""
    env_id = context.config.env.id
    if not context.learns_preferences or context.plan.horizon is not None or never_terminates(env_id):
        return
    lengths = sorted(context.rollout.episode_steps)
    seen = f"; {len(lengths)} episodes seen here had {lengths[0]} to {lengths[-1]} env steps" if lengths else ""
    yield Finding(
        f"the ends of {env_id}'s episodes are visible (env.horizon is null){seen}.",
        "the length of an episode tells the policy how well it does, so that a result may owe nothing to the labels.",
        f"set env.horizon to a fixed number of env steps, for example "
        f"env.horizon={context.description.episode_steps or 500}, and env.termination_penalty to what an end costs.",
    )


def score_is_shown(context: CheckContext) -> Iterator[Finding]:
    """An Atari game whose score can be read from its frames (C17 A.2)."""
    has_mask = context.description.has_score_mask
    if not context.learns_preferences or has_mask is None or (has_mask and context.config.env.score_mask != "off"):
        return
    yield Finding(
        f"{context.config.env.id} shows its score to policy and predictor "
        f"({'env.score_mask is off' if has_mask else 'no mask of this game is known'}).",
        "the score tells them the true reward, whatever was preferred.",
        "set env.score_mask=auto." if has_mask else "choose a game with a mask (docs/atari.md), or add one of this.",
    )


def penalty_is_never_charged(context: CheckContext) -> Iterator[Finding]:
    """A penalty for endings where none is hidden, or none comes."""
    env = context.config.env
    if env.termination_penalty == 0:
        return
    if context.plan.horizon is None:
        reason, change = "ends are visible (env.horizon is null)", "set env.horizon to a number of env steps"
    elif never_terminates(env.id):
        reason, change = f"{env.id} never terminates", "leave it out"
    else:
        return
    yield Finding(
        f"env.termination_penalty is {env.termination_penalty:g}, but {reason}.",
        "it is charged at hidden terminations only, so that the teacher judges as if it were 0.",
        f"{change}.",
    )
