"""Everything about one run at a glance."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.disk_use import bytes_below
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.runs.code_state import read_code_state
from rlhp_ray.runs.cost_sum import money_in_all
from rlhp_ray.runs.notes import read_notes
from rlhp_ray.runs.run_record import RunRecord
from rlhp_ray.runs.value_text import age_seconds, age_text, bytes_text, count_text, return_text, share_text, time_text

_MAIN_PACKAGES = ("ray", "torch", "numpy", "gymnasium", "ale-py", "mujoco")
_MAX_LISTED = 8


def describe(record: RunRecord, now: datetime) -> str:
    """The run as lines of a label and a text; a label that is repeated is left out."""
    lines = [str(record.archive.directory)]
    previous = None
    for label, text in _rows(record, now):
        for line in text.splitlines() or [""]:
            lines.append(f"  {label if label != previous else '':<12}{line}")
            previous = label
    return "\n".join(lines)


def _rows(record: RunRecord, now: datetime) -> Iterator[tuple[str, str]]:
    facts, archive = record.facts, record.archive
    age = age_text(age_seconds(record.started, now))
    yield "status", f"{record.status}, started {time_text(record.started)} ({age} ago)"
    if record.problem:
        yield "damaged", record.problem
    yield "question", record.question or "-"
    yield "expected", record.expect or "-"
    yield "result", _result(facts)
    yield from (("note", line) for line in read_notes(archive))
    yield (
        "run",
        " ".join(
            f"{key}={facts.get(key)}"
            for key in ("env", "algorithm", "seed", "mode", "reward_source")
            if facts.get(key) is not None
        ),
    )
    yield "budget", _budget(facts)
    if facts.get("reward_source") != "true_reward":
        yield "predictor", _predictor(facts)
    yield "cost", _cost(facts)
    yield "memory", _memory(facts)
    yield "disk", _disk(facts)
    yield from (("command", line) for line in _lines(archive.command_file))
    yield from (("code", line) for line in _code(archive))
    yield "versions", _versions(archive)
    yield "hardware", _hardware(archive)
    yield from (("files", line) for line in _files(archive.directory))


def _result(facts: Any) -> str:
    if facts.get("true_return_mean") is None:
        return "not evaluated"
    spread, episodes = facts.get("true_return_std"), facts.get("eval_episodes")
    text = f"true return {return_text(facts['true_return_mean'])}"
    text += f" +- {return_text(spread)}" if spread is not None else ""
    return text + (f" over {count_text(episodes)} episodes" if episodes is not None else ", so far")


def _budget(facts: Any) -> str:
    loaded = f", and {count_text(facts['labels_loaded'])} loaded" if facts.get("labels_loaded") else ""
    labels, queries = count_text(facts.get("labels")), count_text(facts.get("queries"))
    return f"{count_text(facts.get('env_steps'))} env steps, {labels} labels from {queries} queries{loaded}"


def _predictor(facts: Any) -> str:
    accuracy = share_text(facts.get("reward_validation_accuracy"))
    return f"accuracy {accuracy}, rank correlation with true reward {share_text(facts.get('reward_true_correlation'))}"


def _cost(facts: Any) -> str:
    times = f"{age_text(facts.get('wall_seconds'))} in all, {age_text(facts.get('train_seconds'))} of training"
    hours = f"{share_text(facts.get('cpu_hours'))} CPU-hours, {share_text(facts.get('gpu_hours'))} GPU-hours"
    return f"{times}, {hours}, {money_in_all([facts])}"


def _memory(facts: Any) -> str:
    """The most that the run's processes held, together and each."""
    if not facts.get("peak_memory_mb"):
        return "-"
    names = {"trial": "trial", "env_runners": "env runners", "buffer": "preference buffer", "learner": "reward learner"}
    peaks = {name: facts.get(f"peak_memory_{key}_mb") for key, name in names.items()}
    each = ", ".join(f"{name} {_megabytes(peak)}" for name, peak in peaks.items() if peak)
    return f"{_megabytes(facts['peak_memory_mb'])} at most: {each}"


def _disk(facts: Any) -> str:
    if facts.get("bytes_on_disk") is None:
        return "-"
    written = facts.get("bytes_written")
    told = f"{bytes_text(facts['bytes_on_disk'])} at its end"
    return told + (f", {bytes_text(round(written))} written meanwhile by its processes" if written is not None else "")


def _megabytes(value: float) -> str:
    return bytes_text(round(value * 1e6))


def _code(archive: RunArchive) -> Iterator[str]:
    try:
        state = read_code_state(archive)
    except ArchiveError as error:
        yield str(error)
        return
    yield state.described
    for title, files in (("changed", state.changed_files), ("not archived", state.left_out)):
        if files:
            more = f", and {len(files) - _MAX_LISTED} more" if len(files) > _MAX_LISTED else ""
            yield f"{title}: {', '.join(files[:_MAX_LISTED])}{more}"


def _versions(archive: RunArchive) -> str:
    lines = _lines(archive.versions_file)
    if not lines:
        return "-"
    found = dict(line.split("==", 1) for line in lines if "==" in line)
    main = [f"{name} {found[name]}" for name in _MAIN_PACKAGES if name in found]
    return ", ".join([lines[0].lstrip("# "), *main, f"{len(found)} packages in all"])


def _hardware(archive: RunArchive) -> str:
    try:
        found = json.loads(archive.hardware_file.read_bytes())
        gpus = ", ".join(found["gpus"]) or "no GPU"
        cores = f"{found['cores_usable']} of {found['cores_logical']} cores"
        return f"{found['cpu_model']}, {cores}, {bytes_text(found['ram_bytes'])}, {gpus}, {found['platform']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "-"


def _files(directory: Path) -> Iterator[str]:
    for path in sorted(directory.iterdir()):
        if not path.name.startswith("."):
            yield f"{bytes_text(bytes_below(path)):>10}  {path.name}{'/' if path.is_dir() else ''}"


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
