"""What a run costs: processor time, time on the wall, memory, disk, money."""

from rlhp_ray.report.bars import Amount, bar_table, bar_words, draw_bars
from rlhp_ray.report.drawing import Drawing, Table
from rlhp_ray.report.figure_parts import add_legend, finish_axes, new_figure
from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.report.run_groups import EnvGroup, Setting
from rlhp_ray.runs.cost_sum import money_in_all
from rlhp_ray.runs.value_text import NOTHING, bytes_text


def draw_cost(group: EnvGroup) -> Drawing | None:
    """CPU time and wall time of a run; None where neither is known."""
    figure = new_figure(len(group.settings), height=3.4)
    axes = figure.subplots()
    if not draw_bars(axes, group.settings, _TIMES):
        return None
    finish_axes(axes, "minutes of a run", "")
    add_legend(figure, axes)
    plain = bar_table(group.settings, _TIMES, _minutes)
    rows = []
    for setting, row in zip(group.settings, plain.rows, strict=True):
        hours = sum(run.fact("cpu_hours") or 0.0 for run in setting.runs)
        gpu = sum(run.fact("gpu_hours") or 0.0 for run in setting.runs)
        disk = bytes_text(sum(run.bytes_on_disk for run in setting.runs))
        money = money_in_all([run.record.facts for run in setting.runs])
        rows.append([*row, hours_text(hours), hours_text(gpu), _peak(setting), disk, _written(setting), money])
    head = (*plain.head, "CPU-hours in all", "GPU-hours in all", "memory at most")
    head = (*head, "on disk in all", "written in all", "money in all")
    return Drawing(
        "cost",
        "Cost",
        "Bars: mean over seeds; dots: seeds. In all: every run of the setting, failed ones too. Memory: of the run "
        "that held the most. Money: at the prices that stood in prices.yaml when a run was started.",
        f"Minutes of a run. {bar_words(group.settings, _TIMES, _minutes)}",
        figure,
        Table(head, rows),
    )


def hours_text(hours: float) -> str:
    """`12.3`, `0.031`: two digits or more."""
    return f"{hours:,.1f}" if hours >= 10 else f"{hours:.2g}"


def _peak(setting: Setting) -> str:
    found = [value for run in setting.runs if (value := run.fact("peak_memory_mb")) is not None]
    return bytes_text(round(max(found) * 1e6)) if found else NOTHING


def _written(setting: Setting) -> str:
    found = [value for run in setting.runs if (value := run.fact("bytes_written")) is not None]
    return bytes_text(round(sum(found))) if found else NOTHING


def _cpu_minutes(run: ReportRun) -> float | None:
    hours = run.fact("cpu_hours")
    return None if hours is None else 60 * hours


def _wall_minutes(run: ReportRun) -> float | None:
    seconds = run.fact("wall_seconds")
    return None if seconds is None else seconds / 60


def _minutes(value: float) -> str:
    return f"{value:,.0f} min" if value >= 10 else f"{value:.2g} min"


_TIMES: tuple[Amount, ...] = (("CPU time", _cpu_minutes), ("wall time", _wall_minutes))
