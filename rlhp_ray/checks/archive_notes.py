"""What the archive tells of a run to come: whether plain learning works there, and how long it takes and costs."""

import shlex
from collections.abc import Iterator
from statistics import median

from rlhp_ray.checks.check_context import CheckContext
from rlhp_ray.checks.earlier_runs import EarlierRun
from rlhp_ray.checks.finding import Finding, Severity
from rlhp_ray.experiment.run_cost import money_text

ENOUGH_OF_THIS_RUN = 0.5  # ours: env steps of a baseline, as a share of the run's


def no_baseline(context: CheckContext) -> Iterator[Finding]:
    """Whether the environment was ever learnt from its true reward."""
    if not context.learns_preferences:
        return
    config = context.config
    enough = ENOUGH_OF_THIS_RUN * config.training.env_steps
    baselines = [run.true_return_mean for run in context.earlier if run.on_true_reward and run.env_steps >= enough]
    results = [result for result in baselines if result is not None]
    if results:
        yield Finding(
            f"from its true reward, {config.env.id} reached {_returns(results)} here.",
            "a run from preferences is to be held against that.",
            "nothing.",
            Severity.NOTE,
        )
        return
    words = [word for word in context.command if not word.startswith(("name=", "reward_source="))]
    yield Finding(
        f"no finished run in {config.output_dir} learnt {config.env.id} from its true reward, for at least half as "
        "many env steps.",
        "where the agent does not learn from the true reward, it will not from preferences, and labels are wasted.",
        f"run the baseline first:\n{shlex.join(['rlhp', 'train', *words, 'reward_source=true_reward'])}",
        Severity.NOTE,
    )


def no_question(context: CheckContext) -> Iterator[Finding]:
    """Whether the archive will say what the run was for."""
    if context.config.question is None:
        yield Finding(
            "the run says no question that it is to answer.",
            "months later nobody knows what it was for.",
            "add question='...' and expect='...'.",
            Severity.NOTE,
        )


def hours_and_money(context: CheckContext) -> Iterator[Finding]:
    """How long and at what price, from runs of before; else at least how long, from a timing."""
    steps = context.config.training.env_steps
    alike = [run for run in context.earlier if run.on_true_reward != context.learns_preferences]
    rollout = context.rollout
    if alike:
        seconds = steps * median(run.wall_seconds / run.env_steps for run in alike)
        cpu_hours = steps * median(run.cpu_hours / run.env_steps for run in alike)
        gpu_hours = steps * median(run.gpu_hours / run.env_steps for run in alike)
        what = f"about {_duration(seconds)}, {cpu_hours:.2g} CPU-hours{_money(context, cpu_hours, gpu_hours)}"
        what += _memory_and_disk(alike)
        why = f"so it follows from {len(alike)} earlier run{'s' * (len(alike) > 1)} in this environment, by env steps."
    elif rollout.env_steps:
        seconds = steps * rollout.seconds / rollout.env_steps
        what = f"at least {_duration(seconds)}, {seconds / 3600:.2g} CPU-hours{_money(context, seconds / 3600, 0.0)}."
        why = (
            f"a timing of {rollout.env_steps:,} env steps here says so, without training and fitting: no earlier run "
            "in this environment is in the archive."
        )
    else:
        return
    yield Finding(f"{steps:,} env steps will take {what}", why, "nothing.", Severity.NOTE)


def _money(context: CheckContext, cpu_hours: float, gpu_hours: float) -> str:
    money = context.prices.money(cpu_hours, gpu_hours) if context.prices is not None else None
    if context.prices is None or money is None:
        return f", whose cost is not known: no price is known, as {context.config.output_dir}/prices.yaml would tell"
    return f" and {money_text(money, context.prices.currency)}"


def _memory_and_disk(alike: list[EarlierRun]) -> str:
    """The most that earlier runs took; it does not grow with env steps as hours do."""
    megabytes, disk = max(run.peak_memory_mb for run in alike), max(run.bytes_on_disk for run in alike)
    if not megabytes:
        return "."
    return f". Earlier runs held up to {megabytes:,.0f} MB of memory and {disk / 1e6:,.1f} MB on disk."


def _returns(results: list[float]) -> str:
    if len(results) == 1:
        return f"a true return of {results[0]:.4g} in one run"
    return f"true returns of {min(results):.4g} to {max(results):.4g} in {len(results)} runs"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
