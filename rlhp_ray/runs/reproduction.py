"""A run made again: its archived code, its configuration, under a new name; and whether the result is the same."""

import json
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhp_ray.errors import ArchiveError, ConfigError
from rlhp_ray.experiment.archive_files import read_text
from rlhp_ray.experiment.provenance import hardware, installed_versions
from rlhp_ray.runs.code_checkout import check_out, find_repository
from rlhp_ray.runs.code_process import train_with_code
from rlhp_ray.runs.code_state import CodeState, read_code_state
from rlhp_ray.runs.run_differences import parse_versions, read_hardware, read_versions, result_differences
from rlhp_ray.runs.run_record import SWEEP_FILE, RunRecord

_MAX_TOLD = 10
_EXTENDING = re.compile(r"\bresume\b.*\b(training\.env_steps|preferences\.labels)=")
_OWN_OVERRIDES = ("name", "output_dir")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Reproduction:
    """What is started.

    Args:
        original: the run.
        directory: of the new run.
        checkout: directory of the code, beside it; removed again where all is well.
        overrides: that the user gave, `name` and `output_dir` aside.
    """

    original: RunRecord
    directory: Path
    checkout: Path
    overrides: tuple[str, ...]


def plan_reproduction(original: RunRecord, overrides: Sequence[str]) -> Reproduction:
    """Where the new run and its code go.

    Raises:
        ArchiveError: the run is damaged.
        ConfigError: the new name is taken, or the run shared its answers with others.
    """
    if original.problem is not None:
        raise ArchiveError(f"{original.archive.directory} is damaged: {original.problem}. It cannot be made again.")
    given = dict(override.partition("=")[::2] for override in overrides)
    if original.config.value("scope") == "sweep" and "scope" not in given:
        raise ConfigError(
            f"{original.archive.directory} shared its answers with the other runs of its sweep, and cannot be made "
            "again without them; expected a run with answers of its own. Start the sweep again, by the command in its "
            "command.txt, or add scope=trial for a run with as many queries of its own."
        )
    directory = original.archive.directory
    name = given.get("name") or f"{_plain(directory.name)}-again-{secrets.token_hex(3)}"
    parent = directory.parent
    if (parent / SWEEP_FILE).is_file():
        parent = parent.parent  # a sweep holds its own trials only
    if "output_dir" in given:
        parent = Path(given["output_dir"]).expanduser().absolute()
    new = parent / name
    if new.exists():
        raise ConfigError(f"The run directory {new} exists and is left alone. Choose another name=.")
    own = tuple(_absolute(override) for override in overrides if override.partition("=")[0] not in _OWN_OVERRIDES)
    return Reproduction(original, new, parent / f"{name}-code", own)


def reproduce(plan: Reproduction, say: Say) -> int:
    """Checks the code out, trains, compares the result; gives the exit code.

    0 where the result is the same or need not be, 1 where it should be and is not, else that of the training.

    Raises:
        ArchiveError: the archived code cannot be had, or the result cannot be read.
    """
    archive = plan.original.archive
    code = read_code_state(archive)
    repository = find_repository(code, archive.directory)
    for line in caveats(plan, code):
        say(line)
    check_out(code, repository, plan.checkout)
    say(f"code: {code.described}, in {plan.checkout}")
    name, place = f"name={plan.directory.name}", f"output_dir={plan.directory.parent}"
    exit_code = train_with_code(plan.checkout, archive.config_file, [*plan.overrides, name, place])
    if exit_code != 0:
        say(f"the training ended with exit code {exit_code}; its code stays in {plan.checkout}")
        return exit_code
    told, same = compare_result(plan, json.loads(read_text(plan.directory / "summary.json")))
    say(told)
    if not same:
        say(f"its code stays in {plan.checkout}")
        return 1
    shutil.rmtree(plan.checkout, ignore_errors=True)  # the new run has archived the same code
    return 0


def caveats(plan: Reproduction, code: CodeState) -> list[str]:
    """What may make the result another one, and what cannot be had again."""
    archive, lines = plan.original.archive, []
    if code.left_out:
        listed = ", ".join(code.left_out[:_MAX_TOLD]) + (" ..." if len(code.left_out) > _MAX_TOLD else "")
        lines.append(
            f"note: changed, but not archived, because secret-looking, large or too many: {listed}. Tracked ones are "
            "as in the commit, others are missing: where the run read them, its result may be another one"
        )
    lines += _told_differences("versions", read_versions(archive), parse_versions(installed_versions()))
    lines += _told_differences("hardware", read_hardware(archive), hardware())
    if _EXTENDING.search(read_text(archive.command_file)):
        lines.append("note: the run was extended with larger budgets, which a run in one go spends otherwise")
    if plan.original.facts.get("mode") != "sync":
        lines.append("note: an asynchronous run depends on timing; its result may well be another one")
    return lines


def compare_result(plan: Reproduction, summary: Mapping[str, Any]) -> tuple[str, bool]:
    """What to say of the new result, and whether it is the one that was to be expected."""
    if plan.overrides:
        return f"the configuration was changed ({' '.join(plan.overrides)}): results are not compared", True
    if plan.original.status != "done":
        return f"the run that was made again is {plan.original.status}, not done: results are not compared", True
    found = result_differences(plan.original.facts, summary)
    if not found:
        return "the result is the same to the bit", True
    lines = [f"  {key}: {was!r} was, {now!r} is" for key, was, now in found]
    if plan.original.facts.get("mode") != "sync":
        return "\n".join(["the result of this asynchronous run differs, as it may:", *lines]), True
    return "\n".join(["the result differs:", *lines]), False


def _told_differences(topic: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    keys = [key for key in dict.fromkeys([*was, *now]) if was.get(key) != now.get(key)]
    told = [f"{key} {was.get(key, 'none')} was, {now.get(key, 'none')} is" for key in keys[:_MAX_TOLD]]
    if len(keys) > _MAX_TOLD:
        told.append(f"and {len(keys) - _MAX_TOLD} more")
    return [f"note: {topic} differ, so that the result may: {'; '.join(told)}"] if told else []


def _absolute(override: str) -> str:
    """A path to load from, as the training, which works elsewhere, finds it."""
    key, equals, value = override.partition("=")
    is_path = key.endswith(".load") and value not in ("", "null", "~")
    return f"{key}{equals}{Path(value).expanduser().absolute()}" if is_path else override


def _plain(name: str) -> str:
    """As the configuration wants names of runs."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-")[:150] or "run"
