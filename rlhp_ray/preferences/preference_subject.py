"""What preferences are about: stored with them, exported with them, and compared before any are put together."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhp_ray.config.yaml_text import format_value
from rlhp_ray.errors import PreferenceStoreError

ENV_VERSION_KEY = "env_version"
SIGHT_KEYS = ("frame_skip", "hides_score")  # how the environment was seen; earlier databases and exports lack them

_WHAT = {
    "env_id": "environment",
    "clip_steps": "clip length in steps",
    "observation_space": "observation space",
    "action_space": "action space",
}
_SIGHT = {"frame_skip": "frame skip", "hides_score": "handling of the score (hides_score)"}


@dataclass(frozen=True)
class PreferenceSubject:
    """The environment and the clips that were compared.

    Args:
        env_id: Gymnasium id.
        clip_steps: agent steps in a clip.
        observation_space: of one environment, as JSON-writable data.
        action_space: likewise.
        env_version: name and version of the package that provides the environment, e.g. `gymnasium 1.2.2`, when the
            preferences were first stored; None where that is not known.
        frame_skip: raw steps of an agent step; None for the environment's own.
        hides_score: false where an Atari game's score was shown that could have been blanked.
    """

    env_id: str
    clip_steps: int
    observation_space: dict[str, Any]
    action_space: dict[str, Any]
    env_version: str | None = None
    frame_skip: int | None = None
    hides_score: bool = True

    def to_metadata(self) -> dict[str, str]:
        """As texts, for the database."""
        version = {} if self.env_version is None else {ENV_VERSION_KEY: self.env_version}
        return {**{name: str(getattr(self, name)) for name in (*_WHAT, *SIGHT_KEYS)}, **version}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], path: Path) -> "PreferenceSubject":
        """The inverse of `to_metadata`. Raises PreferenceStoreError naming `path` on anything else."""
        try:
            fields: dict[str, Any] = {
                "env_id": metadata["env_id"],
                "clip_steps": int(metadata["clip_steps"]),
                "observation_space": ast.literal_eval(metadata["observation_space"]),  # literals only: nothing is run
                "action_space": ast.literal_eval(metadata["action_space"]),
                "env_version": metadata.get(ENV_VERSION_KEY),
                **{name: ast.literal_eval(metadata[name]) for name in SIGHT_KEYS if name in metadata},
            }
        except (KeyError, ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise PreferenceStoreError(
                f"{path} does not say what its preferences are about ({error!r}); expected {', '.join(_WHAT)}. "
                "Restore a copy of it."
            ) from error
        return cls.from_fields(fields, path)

    @classmethod
    def from_fields(cls, fields: dict[str, Any], path: Path) -> "PreferenceSubject":
        """From data of any origin; what is older than `SIGHT_KEYS` takes their defaults.

        Raises:
            PreferenceStoreError: naming `path`, where a field is missing or wrong.
        """
        steps, version = fields.get("clip_steps"), fields.get(ENV_VERSION_KEY)
        frame_skip, hides_score = fields.get("frame_skip"), fields.get("hides_score", True)
        wrong = {
            "env_id": not isinstance(fields.get("env_id"), str),
            "clip_steps": type(steps) is not int or steps < 1,
            "observation_space": not _is_space(fields.get("observation_space")),
            "action_space": not _is_space(fields.get("action_space")),
            ENV_VERSION_KEY: not isinstance(version, str | None),
            "frame_skip": frame_skip is not None and (type(frame_skip) is not int or frame_skip < 1),
            "hides_score": type(hides_score) is not bool,
        }
        for name in (name for name, is_wrong in wrong.items() if is_wrong):
            raise PreferenceStoreError(
                f"{path} has {str(fields.get(name))[:80]!r} as its {name}; expected what docs/preference_files.md says "
                "of it. Restore a copy."
            )
        spaces = fields["observation_space"], fields["action_space"]
        return cls(fields["env_id"], fields["clip_steps"], *spaces, version, frame_skip, hides_score)

    def require_fit(self, path: Path | str, other: "PreferenceSubject", other_path: Path) -> None:
        """Raise PreferenceStoreError where preferences in `other_path` cannot be put to those in `path`."""
        names = [name for name in _WHAT if getattr(self, name) != getattr(other, name)]
        for name in names:
            raise PreferenceStoreError(
                f"{other_path} has another {_WHAT[name]} than {path}: got {getattr(other, name)}, expected "
                f"{getattr(self, name)}. Only preferences about the same can be put together: leave it out."
            )
        for name in (name for name in SIGHT_KEYS if getattr(self, name) != getattr(other, name)):
            raise PreferenceStoreError(
                f"{other_path} has another {_SIGHT[name]} than {path}: got {format_value(getattr(other, name))}, "
                f"expected {format_value(getattr(self, name))}. What was seen differently cannot be put together: "
                "leave it out. (Preferences stored before this was recorded count as frame_skip null and hides_score "
                f"true: where they are not, export them and correct {name} in the header.json of the export.)"
            )
        if None not in (self.env_version, other.env_version) and self.env_version != other.env_version:
            raise PreferenceStoreError(
                f"{other_path} has another environment version than {path}: got {other.env_version}, expected "
                f"{self.env_version}. If {self.env_id} is the same in both, export it and set env_version to null in "
                "the header.json of the export; else leave it out."
            )

    def frame_shapes(self, frame_stack: int | None) -> dict[str, tuple[int, ...]]:
        """Shapes of a clip's arrays by name; with stacked frames the single ones, as `Clip` keeps them."""
        shape = tuple(self.observation_space.get("shape", ()))
        lead_in, frame = (0, shape) if frame_stack is None else (frame_stack - 1, shape[:-1])
        return {
            "observations": (lead_in + self.clip_steps, *frame),
            "actions": (self.clip_steps, *self.action_space.get("shape", ())),
            "teacher_rewards": (self.clip_steps,),
        }


def _is_space(data: object) -> bool:
    return isinstance(data, dict) and isinstance(data.get("type"), str) and isinstance(data.get("shape", []), list)
