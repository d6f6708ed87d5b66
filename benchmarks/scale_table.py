"""What `scale.py` measures of one number of env runners, and its tables."""

import statistics
from dataclasses import dataclass
from itertools import chain

HARVEST, SEND, PUBLISH, ALL = "harvest", "send", "publish", "all"  # stages of an iteration


@dataclass(frozen=True)
class Row:
    """One number of env runners. Times of an iteration in seconds, megabytes without pages that processes share.

    Args:
        offered_env_steps_per_second: that many env runners at their usual speed.
        policy_learns_s: one learner, as published, from the steps of one iteration.
        stage_s: of an iteration, by stage; `publish` is that of one version.
        stage_cpu_s: processor time that the trial's own process spent on it.
        empty_call_s: a call to all env runners that asks nothing of them, as RLlib makes at least two an iteration.
        longest_send_s: of the calls that sent clips.
        stopped_longest_send_s: of those while the buffer's process stood still.
        stopped_dropped: clips dropped meanwhile.
        on_disk_s: from when a round was asked until its labels were on disk, of every round.
        in_force_s: until its version was in force in every env runner.
        clip_bytes_per_env_step: of clips as they travel, from env runner to trial and from there to the buffer.
        version_bytes: of a version as it travels.
        buffer_mb: with nothing in it, and the most while it worked.
        buffer_bound_mb: what it is to stay within.
        cores: that each kind of process kept busy.
    """

    task: str
    runners: int
    processes: int
    iterations: int
    batch_clips: int
    batch_env_steps: int
    offered_env_steps_per_second: float
    env_steps_per_second: float
    accepted_clips_per_second: float
    dropped_clips_per_second: float
    policy_learns_s: float
    stage_s: dict[str, float]
    stage_cpu_s: dict[str, float]
    empty_call_s: float
    longest_send_s: float
    stopped_longest_send_s: float
    stopped_dropped: int
    on_disk_s: list[float]
    in_force_s: list[float]
    fit_s: float
    clip_bytes_per_env_step: float
    version_bytes: int
    buffer_mb: tuple[float, float]
    buffer_bound_mb: float
    pool_mb: float
    cores: dict[str, float]

    @property
    def trial_cpu_us_per_env_step(self) -> float:
        """Of all that the policy waits for, in microseconds."""
        return 1e6 * self.stage_cpu_s[ALL] / self.batch_env_steps

    @property
    def send_us_per_env_step(self) -> float:
        """What it costs the trial to hand clips to the buffer, in microseconds."""
        return 1e6 * self.stage_s[SEND] / self.batch_env_steps

    @property
    def share_of_learning(self) -> float:
        """What the policy waits for, over the time in which it learns from the same steps."""
        return self.stage_s[ALL] / self.policy_learns_s


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def middle(values: list[float], digits: int) -> str:
    """Median and, in brackets, the largest."""
    return f"{statistics.median(values):.{digits}f} ({max(values):.{digits}f})" if values else "-"


def traffic_table(rows: list[Row]) -> str:
    """What came and what was taken in."""
    head: tuple[str, ...] = ("env runners", "env steps/s offered", "taken in", "share", "clips/s accepted", "dropped")
    head = (*head, "labels on disk after, s", "version in force after, s", "fit, s")
    return table(
        head,
        [
            (
                f"{row.runners:,}",
                f"{row.offered_env_steps_per_second:,.0f}",
                f"{row.env_steps_per_second:,.0f}",
                f"{row.env_steps_per_second / row.offered_env_steps_per_second:.3f}",
                f"{row.accepted_clips_per_second:,.0f}",
                f"{row.dropped_clips_per_second:,.0f}",
                middle(row.on_disk_s, 2),
                middle(row.in_force_s, 2),
                f"{row.fit_s:.2f}",
            )
            for row in rows
        ],
    )


def waiting_table(rows: list[Row]) -> str:
    """What the policy waits for in an iteration."""
    head: tuple[str, ...] = (
        "env runners",
        "clips in a batch",
        "empty call to all, ms",
        "harvest, ms",
        "send, ms",
        "longest send, ms",
    )
    head = (*head, "all, ms", "longest send where the buffer is stopped, ms", "clips dropped then")
    return table(
        head,
        [
            (
                f"{row.runners:,}",
                f"{row.batch_clips:,}",
                *(f"{1000 * seconds:,.1f}" for seconds in (row.empty_call_s, row.stage_s[HARVEST], row.stage_s[SEND])),
                *(f"{1000 * seconds:,.1f}" for seconds in (row.longest_send_s, row.stage_s[ALL])),
                f"{1000 * row.stopped_longest_send_s:,.1f}",
                f"{row.stopped_dropped:,}",
            )
            for row in rows
        ],
    )


def policy_table(rows: list[Row]) -> str:
    """The same by env step, and beside what it takes to learn from it; ratios to the first row."""
    head: tuple[str, ...] = ("env runners", "send, us/env step", "ratio", "trial's processor, us/env step", "ratio")
    head = (*head, "all / the policy's learning", "ratio")
    names, first = ("send_us_per_env_step", "trial_cpu_us_per_env_step", "share_of_learning"), rows[0]
    return table(
        head,
        [
            (
                f"{row.runners:,}",
                *chain(*((f"{getattr(row, n):.3g}", f"{getattr(row, n) / getattr(first, n):.2f}") for n in names)),
            )
            for row in rows
        ],
    )


def size_table(rows: list[Row]) -> str:
    """Bytes, versions, memory, and what each process was busy with."""
    head: tuple[str, ...] = (
        "env runners",
        "bytes/env step",
        "version, kB",
        "to all, ms",
        "of these the trial's processor",
        "ratio",
    )
    head = (*head, "buffer empty, MB", "most", "bound", "pool", "cores: trial", "buffer", "learner", "runners")
    first = rows[0]
    return table(
        head,
        [
            (
                f"{row.runners:,}",
                f"{row.clip_bytes_per_env_step:,.0f}",
                f"{row.version_bytes / 1000:,.0f}",
                f"{1000 * row.stage_s[PUBLISH]:,.1f}",
                f"{1000 * row.stage_cpu_s[PUBLISH]:,.1f}",
                f"{row.stage_s[PUBLISH] / first.stage_s[PUBLISH]:.1f}" if row.in_force_s and first.in_force_s else "-",
                *(f"{value:,.0f}" for value in (*row.buffer_mb, row.buffer_bound_mb, row.pool_mb)),
                *(f"{row.cores[kind]:.2f}" for kind in ("trial", "buffer", "learner", "runners")),
            )
            for row in rows
        ],
    )
