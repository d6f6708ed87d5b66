"""The first screen: did it learn, on how many seeds, at what price."""

from collections.abc import Sequence

import numpy as np

from rlhp_ray.report.cost_figure import hours_text
from rlhp_ray.report.html_elements import element, text
from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.report.run_groups import EnvGroup, Setting
from rlhp_ray.report.seed_curves import interval_text
from rlhp_ray.report.seed_tables import success_text
from rlhp_ray.report.verdict import beside_baseline, judge
from rlhp_ray.runs.cost_sum import money_in_all
from rlhp_ray.runs.value_text import NOTHING, age_text, bytes_text, count_text, return_text

_HEAD = ("setting", "did it learn?", "true return (95 % interval)", "seeds", "labels", "price", "asked, and expected")
_MARKS = {"yes": "\N{HEAVY CHECK MARK}", "no, it fell": "\N{HEAVY MULTIPLICATION X}"}
_MAX_QUESTIONS = 3


def answer_table(groups: Sequence[EnvGroup], threshold: float | None = None) -> str:
    """One row a setting, the settings of an environment together under its name; with how many reach the threshold."""
    head = "".join(element("th", text(name), scope="col") for name in _HEAD)
    bodies = "".join(_env_rows(group, threshold) for group in groups)
    return element("table", element("thead", element("tr", head)) + bodies, class_="answers")


def _env_rows(group: EnvGroup, threshold: float | None) -> str:
    has_baseline = any(setting.is_baseline for setting in group.settings)
    more = "" if has_baseline else " - no run on the true reward among them to compare with"
    title = text(group.env) + element("span", text(more))
    heading = element("tr", element("th", title, colspan=str(len(_HEAD)), scope="rowgroup"), class_="env")
    return element("tbody", heading + "".join(_row(setting, group, threshold) for setting in group.settings))


def _row(setting: Setting, group: EnvGroup, threshold: float | None) -> str:
    verdict, beside = judge(setting), beside_baseline(setting, group)
    mark = _MARKS.get(verdict.answer, "\N{EN DASH}")
    answer = element("span", text(verdict.answer), class_="verdict", data_mark=mark)
    answer += "".join(element("small", text(part)) for part in (verdict.reason, beside) if part)
    figure = element("span", text(interval_text(setting.final_returns, return_text)), class_="return")
    cells = (
        answer,
        figure + _reached(setting, threshold) + _so_far(setting),
        _seeds(setting),
        text(_labels(setting)),
        _price(setting),
        _asked(setting),
    )
    named = zip(_HEAD[1:], cells, strict=True)
    row = element("th", text(setting.title), scope="row")
    return element("tr", row + "".join(element("td", cell, data_label=name) for name, cell in named))


def _reached(setting: Setting, threshold: float | None) -> str:
    if threshold is None or not setting.final_returns:
        return ""
    return element("small", text(f"{success_text(setting.final_returns, threshold)} reach {threshold:g}"))


def _so_far(setting: Setting) -> str:
    """Of runs that have not ended, what they last got."""
    if setting.final_returns:
        return ""
    found = [value for run in setting.counted if (value := run.fact("true_return_mean")) is not None]
    return element("small", text(f"so far {return_text(float(np.mean(found)))}, {len(found)} seeds")) if found else ""


def _seeds(setting: Setting) -> str:
    count = len(setting.final_returns)
    others = [run for run in setting.runs if run.final_return is None]
    told = element("strong", str(count))
    by_status = {status: sum(run.record.status == status for run in others) for status in _statuses(others)}
    told += "".join(element("small", text(f"{number} {status}")) for status, number in by_status.items())
    repeats = len(setting.runs) - len(others) - count
    if repeats > 0:
        told += element("small", text(f"{repeats} repeat a seed: left out"))
    return told


def _statuses(runs: Sequence[ReportRun]) -> list[str]:
    return list(dict.fromkeys(run.record.status for run in runs))


def _labels(setting: Setting) -> str:
    if setting.is_baseline:
        return "none"
    counts = sorted({int(count) for run in setting.counted if (count := run.fact("labels")) is not None})
    if not counts:
        return NOTHING
    return count_text(counts[0]) if len(counts) == 1 else f"{count_text(counts[0])} to {count_text(counts[-1])}"


def _price(setting: Setting) -> str:
    hours = [value for run in setting.runs if (value := run.fact("cpu_hours")) is not None]
    walls = [value for run in setting.runs if (value := run.fact("wall_seconds")) is not None]
    peaks = [value for run in setting.runs if (value := run.fact("peak_memory_mb")) is not None]
    told = element("span", text(f"{hours_text(sum(hours))} CPU-hours" if hours else NOTHING), class_="price")
    if walls:
        told += element("small", text(f"wall time of a run {age_text(float(np.mean(walls)))}"))
    if peaks:
        told += element("small", text(f"memory of a run at most {bytes_text(round(max(peaks) * 1e6))}"))
    return told + element("small", text(money_in_all([run.record.facts for run in setting.runs])))


def _asked(setting: Setting) -> str:
    pairs = list(dict.fromkeys((run.record.question, run.record.expect) for run in setting.runs))
    told = []
    for question, expected in [pair for pair in pairs if any(pair)][:_MAX_QUESTIONS]:
        told.append(text(question or "") + (element("small", text(f"expected: {expected}")) if expected else ""))
    return element("div", "<br>".join(told), class_="asked") if told else text(NOTHING)
