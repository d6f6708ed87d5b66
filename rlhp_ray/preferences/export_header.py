"""`header.json` of a preference export: what it is about and how much it holds."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.preference_subject import PreferenceSubject

HEADER_FILE = "header.json"
FORMAT = "rlhp-preferences"
FORMAT_VERSION = 3  # 2 had no origins and did not say how the environment was seen; 1 had no next observations


@dataclass(frozen=True)
class ExportHeader:
    """All that is said once for the whole export.

    Args:
        subject: what the preferences are about.
        frame_stack: frames in a stacked observation, or None where observations are not stacks.
        num_preferences: rows of the Parquet file.
        num_clips: rows of all shards together.
        num_shards: NPZ files.
    """

    subject: PreferenceSubject
    frame_stack: int | None
    num_preferences: int
    num_clips: int
    num_shards: int

    def write(self, directory: Path) -> None:
        """Write `header.json`."""
        subject = self.subject
        fields = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "env_id": subject.env_id,
            "env_version": subject.env_version,
            "frame_skip": subject.frame_skip,
            "hides_score": subject.hides_score,
            "clip_steps": subject.clip_steps,
            "frame_stack": self.frame_stack,
            "observation_space": subject.observation_space,
            "action_space": subject.action_space,
            "preferences": self.num_preferences,
            "clips": self.num_clips,
            "shards": self.num_shards,
        }
        (directory / HEADER_FILE).write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, directory: Path) -> "ExportHeader":
        """Read `header.json`. Raises PreferenceStoreError where it is missing, damaged, foreign or newer."""
        path = directory / HEADER_FILE
        fields = _read_fields(path)
        _check_version(fields, path)
        counts = [fields.get(name) for name in ("preferences", "clips", "shards")]
        frame_stack = fields.get("frame_stack")
        sound = all(type(count) is int and count >= 0 for count in counts)
        if not sound or not (frame_stack is None or (type(frame_stack) is int and frame_stack >= 1)):
            raise PreferenceStoreError(
                f"{path} has preferences, clips, shards = {counts} and frame_stack = {frame_stack!r}; expected whole "
                "numbers (or null as frame_stack). Restore a copy of the export."
            )
        subject = PreferenceSubject.from_fields(fields, path)
        return cls(subject, frame_stack, fields["preferences"], fields["clips"], fields["shards"])


def _read_fields(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PreferenceStoreError(
            f"{path.parent} is not a preference export: {path.name} is missing. Expected a directory that "
            "`rlhp preferences export` wrote."
        ) from error
    except (ValueError, OSError, RecursionError) as error:
        raise PreferenceStoreError(
            f"{path} is truncated or damaged ({error}); expected what `rlhp preferences export` wrote. Restore a copy "
            "of the export."
        ) from error
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise PreferenceStoreError(f"{path} was not written by rlhp; expected the format {FORMAT!r}.")
    return fields


def _check_version(fields: dict[str, Any], path: Path) -> None:
    version = fields.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise PreferenceStoreError(
            f"{path} was written by a newer rlhp (format {version}); this one reads format {FORMAT_VERSION}: upgrade "
            "rlhp_ray."
        )
    if type(version) is not int or version < 1:
        raise PreferenceStoreError(
            f"{path} has the format version {version!r}; expected a whole number from 1 to {FORMAT_VERSION}. Restore a "
            "copy of the export."
        )
