"""From a name or a path and overrides to a validated configuration, and back to YAML."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import rlhp_ray
from rlhp_ray.config.error_text import join_lines, validation_lines
from rlhp_ray.config.field_guide import closest
from rlhp_ray.config.overrides import apply_overrides
from rlhp_ray.config.schema import PEOPLE, RunConfig
from rlhp_ray.config.yaml_text import format_yaml, read_yaml
from rlhp_ray.errors import ConfigError

_SUFFIXES = (".yaml", ".yml")


def load_config(name_or_path: str, overrides: Sequence[str] = ()) -> RunConfig:
    """The configuration of a file of `tune_configs/` (by bare name) or of any path, with overrides laid over it.

    Args:
        name_or_path: `moving_dot`, or the path of a YAML file.
        overrides: `section.field=value`, values typed as in YAML; the last one wins.

    Raises:
        ConfigError: With one line for every key or value that is wrong.
    """
    path = find_config(name_or_path)
    return _build(_read(path), overrides, f"configuration {path}")


def archived_config(path: Path) -> RunConfig:
    """The configuration that a run was started with, as `dump_config` wrote it.

    Raises:
        ConfigError: it is damaged, or another version's.
    """
    return _build(_read(path), (), f"configuration {path}")


def override_config(config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """The configuration with overrides laid over it, validated afresh (as `rlhp resume` needs it)."""
    return _build(config.model_dump(), overrides, "configuration")


def check_overrides(overrides: Sequence[str]) -> None:
    """Checks that every override can be read, where the configuration that it goes to is not at hand yet.

    Raises:
        ConfigError: With one line for every override that is none.
    """
    _, lines = apply_overrides({}, overrides)
    if lines:
        raise ConfigError(join_lines("command line", lines))


def dump_config(config: RunConfig) -> str:
    """The whole configuration, defaults included, as YAML that loads back equal."""
    try:
        return format_yaml(config.model_dump())
    except ValueError as error:
        raise ConfigError(f"training.rllib cannot be written as YAML: {error}; use numbers, text and lists") from None


def config_directories() -> list[Path]:
    """Where bare names are looked up: beside the package's checkout, then in the working directory."""
    beside = Path(rlhp_ray.__file__).resolve().parents[1] / "tune_configs"
    here = Path.cwd() / "tune_configs"
    return [beside] if here == beside else [beside, here]


def known_configs() -> list[str]:
    """The bare names that `load_config` knows."""
    files = (file for folder in config_directories() if folder.is_dir() for file in folder.iterdir())
    return sorted({file.stem for file in files if file.suffix in _SUFFIXES})


def find_config(name_or_path: str) -> Path:
    """The file that a bare name or a path stands for; raises `ConfigError` with the known names."""
    if "/" not in name_or_path:
        names = [name_or_path] if name_or_path.endswith(_SUFFIXES) else [name_or_path + end for end in _SUFFIXES]
        for candidate in (folder / name for folder in config_directories() for name in names):
            if candidate.is_file():
                return candidate
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    if path.is_dir() and "/" in name_or_path:
        raise ConfigError(f"configuration {name_or_path}: got a directory, expected a YAML file; name a file in it")
    if "=" in name_or_path:
        raise ConfigError(f"got the override {name_or_path!r} where CONFIG was expected; put CONFIG before overrides")
    known = known_configs()
    hint = closest(Path(name_or_path).stem, known)
    raise ConfigError(
        f"no configuration {name_or_path!r}; expected the path of a YAML file or one of: {', '.join(known)}{hint}"
    )


def _read(path: Path) -> dict[str, Any]:
    data = read_yaml(path, "configuration")
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(
            f"configuration {path}: got {type(data).__name__}, expected sections of `key: value` lines; "
            "start from a file of tune_configs/"
        )
    return data


def _build(data: dict[str, Any], overrides: Sequence[str], source: str) -> RunConfig:
    data, lines = apply_overrides(data, overrides)
    data.setdefault("env", {})  # so that an empty file misses env.id, not a section
    if _asks_people(data) and not any(override.startswith("mode=") for override in overrides):
        data["mode"] = "async"  # nobody answers reproducibly: the configurations that ship sync would all be refused
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        lines += validation_lines(error)
    if lines:
        raise ConfigError(join_lines(source, lines))
    return config


def _asks_people(data: dict[str, Any]) -> bool:
    teacher = data.get("teacher")
    return isinstance(teacher, dict) and teacher.get("preset") == PEOPLE
