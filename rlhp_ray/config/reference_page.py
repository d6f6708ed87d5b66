"""The page `docs/configuration.md`: every key, made from the schema.

`make docs` writes it: `python -m rlhp_ray.config.reference_page > docs/configuration.md`.
"""

from typing import Any

from rlhp_ray.config import field_guide
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.config.yaml_text import format_value

_HEAD = """\
# Configuration

<!-- Made from rlhp_ray/config/schema.py by `make docs`; change it there. -->

A configuration is a YAML file whose sections and keys are those below; an unknown key is an error. Every key is
optional unless its default says *required*. On the command line, `section.key=value` overrides a key, typed as in YAML:

    rlhp train pendulum seed=3 preferences.labels=200 env.horizon=null

Sources: C17 is Christiano et al. 2017, *Deep Reinforcement Learning from Human Preferences* (arXiv 1706.03741);
B-Pref is Lee et al. 2021, *B-Pref: Benchmarking Preference-Based Reinforcement Learning* (arXiv 2111.03026). An env
step is an agent step: `env.frame_skip` raw steps of the environment.
"""


def configuration_page() -> str:
    """The page as Markdown, ending in a newline."""
    whole = [key for key in field_guide.key_schemas() if "." not in key]
    parts = [_HEAD, _section("The run", "What the run is called, and what holds for all of it.", whole)]
    for name in field_guide.section_names():
        keys = [key for key in field_guide.key_schemas() if key.startswith(f"{name}.")]
        parts.append(_section(f"`{name}`", _purpose(name), keys))
    return "\n".join(parts)


def _purpose(section: str) -> str:
    annotation = RunConfig.model_fields[section].annotation
    return (getattr(annotation, "__doc__", None) or "").strip()


def _section(title: str, purpose: str, keys: list[str]) -> str:
    rows = "\n".join(_row(key, field_guide.key_schemas()[key]) for key in keys)
    return f"## {title}\n\n{purpose}\n\n| key | expects | default | meaning |\n| --- | --- | --- | --- |\n{rows}\n"


def _row(key: str, schema: dict[str, Any]) -> str:
    default = f"`{format_value(schema['default'])}`" if "default" in schema else _without_default(schema)
    cells = (f"`{key}`", field_guide.expected_text(key), default, schema["description"])
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _without_default(schema: dict[str, Any]) -> str:
    """A section of settings is empty by default, which JSON schema does not say of a default factory."""
    return "`{}`" if schema.get("type") == "object" else "*required*"


if __name__ == "__main__":
    print(configuration_page(), end="")
