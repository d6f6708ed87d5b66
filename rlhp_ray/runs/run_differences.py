"""What differs between two runs, and nothing else: configuration, code, versions, hardware, result."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.archive_files import read_text
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.runs.code_state import patch_parts, read_code_state
from rlhp_ray.runs.run_record import RunRecord

RESULT_KEYS = (
    "env",
    "algorithm",
    "seed",
    "mode",
    "reward_source",
    "env_steps",
    "labels",
    "labels_loaded",
    "queries",
    "true_return_mean",
    "true_return_std",
    "eval_episodes",
    "reward_validation_accuracy",
    "reward_true_correlation",
    "status",
)
"""Keys of `summary.json` that one configuration determines in synchronous mode, on one machine and set of versions:
everything but times, costs, paths, and health, which depends on times."""
_MISSING = "(none)"
_MAX_VALUE_CHARS = 60

Difference = tuple[str, Any, Any]


def differences(left: RunRecord, right: RunRecord) -> dict[str, list[Difference]]:
    """By topic, each key whose values differ, with both values. Raises ArchiveError where a run cannot be read."""
    one, other = left.archive, right.archive
    costs = [key for key in {**left.facts, **right.facts} if key not in RESULT_KEYS]
    return {
        "configuration": _differing(_config(left), _config(right)),
        "code": _differing(_code(one), _code(other)),
        "versions": _differing(read_versions(one), read_versions(other)),
        "hardware": _differing(read_hardware(one), read_hardware(other)),
        "result": result_differences(left.facts, right.facts),
        "time and cost": _differing(*({key: facts.get(key) for key in costs} for facts in (left.facts, right.facts))),
    }


def result_differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Difference]:
    """The keys of two summaries, among `RESULT_KEYS`, that are not the same to the bit."""
    return _differing(*({key: facts.get(key) for key in RESULT_KEYS} for facts in (left, right)))


def difference_table(found: Mapping[str, list[Difference]]) -> str:
    """A section for each topic with differences; topics without any are named at the end."""
    sections = [f"{topic}\n" + "\n".join(_lines(rows)) for topic, rows in found.items() if rows]
    same = [topic for topic, rows in found.items() if not rows]
    if same:
        sections.append(f"no difference in {', '.join(same)}")
    return "\n\n".join(sections)


def read_versions(archive: RunArchive) -> dict[str, str]:
    """The version of Python and of each package that was installed when the run was started."""
    return parse_versions(read_text(archive.versions_file))


def parse_versions(text: str) -> dict[str, str]:
    """The version by name, of the text of a `versions.txt`."""
    first, *lines = text.splitlines() or [""]
    python = {"Python": first.removeprefix("# Python ")}
    return python | dict(line.split("==", 1) for line in lines if "==" in line)


def read_hardware(archive: RunArchive) -> dict[str, Any]:
    """The machine that the run was started on. Raises ArchiveError where that cannot be read."""
    try:
        found = json.loads(read_text(archive.hardware_file))
    except ValueError as error:
        raise ArchiveError(f"{archive.hardware_file} is damaged: {error}") from error
    return found if isinstance(found, dict) else {}


def _differing(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Difference]:
    keys = list(dict.fromkeys([*left, *right]))
    pairs = [(key, left.get(key, _MISSING), right.get(key, _MISSING)) for key in keys]
    return [(key, one, other) for key, one, other in pairs if one != other]


def _lines(rows: list[Difference]) -> list[str]:
    texts = [(key, _short(one), _short(other)) for key, one, other in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(2)]
    return [f"  {key:<{widths[0]}}  {one:<{widths[1]}}  {other}" for key, one, other in texts]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    text = " ".join(text.split())
    return text if len(text) <= _MAX_VALUE_CHARS else text[: _MAX_VALUE_CHARS - 3] + "..."


def _config(record: RunRecord) -> dict[str, Any]:
    try:
        return record.config.flat()
    except ValueError as error:
        raise ArchiveError(f"{record.archive.config_file} is no YAML: {error}") from error


def _code(archive: RunArchive) -> dict[str, str]:
    state = read_code_state(archive)
    changes = {
        file: f"changed, {len(part):,} bytes of diff, digest {hashlib.sha256(part).hexdigest()[:8]}"
        for file, part in patch_parts(state.patch_file)
    }
    left_out = {file: "changed, not archived" for file in state.left_out}
    return {"commit": state.commit or "no git checkout"} | changes | left_out
