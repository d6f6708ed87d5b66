"""The training budget against batches, checkpoints and episodes, and settings that work against the reward."""

from collections.abc import Iterator

import gymnasium as gym
import numpy as np

from rlhp_ray.checks.check_context import CheckContext
from rlhp_ray.checks.finding import Finding
from rlhp_ray.checks.run_plan import setting
from rlhp_ray.config.setting_schedule import scheduled

# All ours.
FEWEST_UPDATES = 10
FEWEST_STEPS_PER_COPY = 8  # of a batch
MOST_CHECKPOINTS = 100
LARGEST_ENTROPY_COEFF = {"discrete": 0.3, "continuous": 0.05}
LARGEST_VALUE, SMALLEST_VALUE = 1000.0, 0.1  # of the standard deviation of rewards summed over the discount's reach
ENOUGH_OF_TRAINING = 0.9


def updates_are_few(context: CheckContext) -> Iterator[Finding]:
    """A training of a handful of iterations."""
    plan, env_steps = context.plan, context.config.training.env_steps
    if plan.updates < FEWEST_UPDATES:
        first = f", {plan.initial_env_steps:,} of them for the first labels" if plan.initial_env_steps else ""
        yield Finding(
            f"the policy is trained for {plan.updates} iterations: {env_steps:,} env steps{first}, "
            f"{plan.batch_env_steps:,} in a batch; expected at least {FEWEST_UPDATES}.",
            "PPO moves a policy by little in one iteration.",
            "raise training.env_steps, or lower training.rllib.train_batch_size_per_learner.",
        )


def minibatch_is_too_large(context: CheckContext) -> Iterator[Finding]:
    """Minibatches larger than the batch that they are cut from."""
    minibatch = setting(context.config, "minibatch_size")
    if isinstance(minibatch, int) and minibatch > context.plan.batch_env_steps:
        yield Finding(
            f"training.rllib.minibatch_size is {minibatch}, more than the {context.plan.batch_env_steps} env steps of "
            "a batch.",
            "RLlib refuses that, once Ray has started.",
            "lower it, or raise training.rllib.train_batch_size_per_learner.",
        )


def batch_is_spread_thin(context: CheckContext) -> Iterator[Finding]:
    """Many copies, each of which adds a few env steps to a batch."""
    plan = context.plan
    steps = plan.batch_env_steps // plan.copies
    if steps < FEWEST_STEPS_PER_COPY:
        yield Finding(
            f"each of {plan.copies} copies adds {steps} env steps to a batch of {plan.batch_env_steps:,}; expected at "
            f"least {FEWEST_STEPS_PER_COPY}.",
            "what an action leads to is then mostly guessed by the untrained value network.",
            "lower env.num_envs or env.num_env_runners, or raise training.rllib.train_batch_size_per_learner.",
        )


def episodes_are_never_finished(context: CheckContext) -> Iterator[Finding]:
    """Copies that are reset, at the barrier of sync mode or by the end of the run, before an episode is over."""
    config, plan = context.config, context.plan
    episode = plan.horizon or context.description.episode_steps
    in_all = config.training.env_steps // plan.copies
    barrier = plan.interval_env_steps // plan.copies if config.mode == "sync" else in_all
    steps = min(in_all, barrier)
    if episode is None or steps >= episode:
        return
    if barrier < in_all:
        reason = f"every {plan.interval_env_steps:,} env steps (training.checkpoint_interval_env_steps; mode is sync)"
        change = "raise training.checkpoint_interval_env_steps, lower env.num_envs, or set mode=async"
    else:
        reason, change = "at the end of the run", "raise training.env_steps or lower env.num_envs"
    yield Finding(
        f"each of {plan.copies} copies is stopped after {steps} env steps, {reason}, and an episode has {episode}.",
        "the later part of an episode is never practised, and never shown to the teacher.",
        f"{change}.",
    )


def checkpoints_are_rare_or_many(context: CheckContext) -> Iterator[Finding]:
    """An interval that loses most of a run, or that spends the run on checkpoints."""
    env_steps, interval = context.config.training.env_steps, context.plan.interval_env_steps
    change = "training.checkpoint_interval_env_steps; null is a tenth of training.env_steps."
    if interval > env_steps / 2 and context.plan.updates >= FEWEST_UPDATES:
        yield Finding(
            f"a checkpoint is written every {interval:,} of {env_steps:,} env steps.",
            "a run that is killed loses more than half of its training, and is evaluated once at most on its way.",
            f"lower {change}",
        )
    elif env_steps // interval > MOST_CHECKPOINTS:
        yield Finding(
            f"{env_steps // interval:,} checkpoints are written, one every {interval:,} env steps, each with an "
            "evaluation.",
            "the run waits for them.",
            f"raise {change}",
        )


def learning_rate_ends_early(context: CheckContext) -> Iterator[Finding]:
    """A schedule that is at 0 long before the training ends."""
    points, env_steps = scheduled(setting(context.config, "lr")), context.config.training.env_steps
    if points and points[-1][1] <= 0 and points[-1][0] < ENOUGH_OF_TRAINING * env_steps:
        yield Finding(
            f"training.rllib.lr is {points[-1][1]:g} from env step {points[-1][0]:,} on, of {env_steps:,}.",
            "nothing is learnt from then on, whatever is labelled.",
            "let the schedule end with training.env_steps.",
        )


def entropy_outweighs_the_reward(context: CheckContext) -> Iterator[Finding]:
    """A bonus for random actions that ends large beside advantages, which RLlib scales to a standard deviation of 1.

    One that falls in time is a way to explore (docs/results/flipped_answers.md).
    """
    kind = "discrete" if isinstance(context.description.action_space, gym.spaces.Discrete) else "continuous"
    points = scheduled(setting(context.config, "entropy_coeff"))
    times, values = [when for when, _ in points], [value for _, value in points]
    last = float(np.interp(context.config.training.env_steps, times, values)) if points else 0.0
    if last > LARGEST_ENTROPY_COEFF[kind]:
        yield Finding(
            f"training.rllib.entropy_coeff is {last:g} at the end; expected at most {LARGEST_ENTROPY_COEFF[kind]:g} "
            f"with {kind} actions.",
            "RLlib scales advantages to a standard deviation of 1 whatever reward.scale is, so that the policy is paid "
            "for acting at random rather than for the reward.",
            "lower it (Christiano et al. 2017: 0.01), or let it fall: [[0, 1.0], [50000, 0.01]].",
        )


def values_are_out_of_scale(context: CheckContext) -> Iterator[Finding]:
    """Returns whose size does not fit the value network, by reward.scale and the discount."""
    config, gamma = context.config, setting(context.config, "gamma")
    if not context.learns_preferences or not isinstance(gamma, int | float):
        return
    scale = config.reward.scale
    value = scale / (1 - gamma) if gamma < 1 else float("inf")
    if SMALLEST_VALUE <= value <= LARGEST_VALUE:
        return
    small = value < SMALLEST_VALUE
    yield Finding(
        f"returns are of the size {value:.3g}: reward.scale {scale:g} over 1 - gamma, with gamma {gamma:g}.",
        "they are lost in what the untrained value network errs by."
        if small
        else "the loss of the value network grows with their square, and leaves nothing of a clipped gradient to the "
        "policy.",
        "raise reward.scale (Christiano et al. 2017: 0.05 on Atari, 1 elsewhere)."
        if small
        else "lower reward.scale, or training.rllib.gamma.",
    )
