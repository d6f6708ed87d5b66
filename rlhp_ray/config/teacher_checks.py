"""Checks across the keys of the section `teacher`: what makes no sense together."""

from collections.abc import Iterator

from rlhp_ray.config.schema import TeacherConfig
from rlhp_ray.config.target_name import is_target
from rlhp_ray.config.yaml_text import format_value

_EXAMPLES = {"reward_function": "my_package.tricks:backflip", "callable": "my_package.tricks:judge"}
_WITHOUT_REWARDS = {"random": "whose answers are tosses of a coin", "people": "who answer as they see fit"}
_THRESHOLDS = (("skip", "skip_below"), ("equal", "equal_within"))  # a share and its absolute other


def teacher_problems(teacher: TeacherConfig) -> Iterator[str]:
    """One line for every contradiction. Functions are not imported: that takes a process of the run's own."""
    changes = {key: value for key, value in teacher.model_dump(exclude={"preset"}).items() if value is not None}
    for key, example in _EXAMPLES.items():
        if key in changes and not is_target(changes[key]):
            yield (
                f"teacher.{key}: got {changes[key]!r}, expected module:function; write the dotted name of a module, a "
                f"colon and the name of a function in it, for example teacher.{key}={example}"
            )
    if "callable" in changes:
        del changes["callable"]
        yield from _unused(changes, "teacher.callable, which answers by itself", "leave out one of the two")
        if teacher.preset != "oracle":
            yield (
                f"teacher.preset: got {teacher.preset} with teacher.callable, which answers by itself; expected only "
                "one of them; leave out teacher.preset or teacher.callable"
            )
    elif teacher.preset in _WITHOUT_REWARDS:
        cure = "leave it out, or set teacher.preset=oracle"
        yield from _unused(changes, f"teacher.preset {teacher.preset}, {_WITHOUT_REWARDS[teacher.preset]}", cure)
    else:
        for share, absolute in _THRESHOLDS:
            if share in changes and absolute in changes:
                yield (
                    f"teacher.{share}: got {format_value(changes[share])} with teacher.{absolute} "
                    f"{format_value(changes[absolute])}, two thresholds for one thing; expected a share or an absolute "
                    "one; leave out one of the two"
                )


def _unused(changes: dict[str, object], beside: str, cure: str) -> Iterator[str]:
    for key, value in changes.items():
        yield f"teacher.{key}: got {format_value(value)} with {beside}; expected null; {cure}"
