"""The run's teacher, tried on pairs of the untrained policy's clips."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.pair_candidates import uniform_pairs
from rlhp_ray.config.schema import PEOPLE, RunConfig
from rlhp_ray.errors import TeacherError
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.teacher_choice import make_teacher
from rlhp_ray.seeding import derive_rng

PAIRS = 200


@dataclass(frozen=True)
class TeacherTrial:
    """What the teacher answered.

    Args:
        pairs: compared.
        ties: answered equal.
        skips: skipped.
        decided: answered left or right.
        repeated: of those decided, answered the same when asked again.
        notices: what the teacher has to say of itself.
        failure: why it could not answer, or None.
    """

    pairs: int = 0
    ties: int = 0
    skips: int = 0
    decided: int = 0
    repeated: int = 0
    notices: tuple[str, ...] = ()
    failure: str | None = None


def try_teacher(config: RunConfig, clips: Sequence[Clip], seconds: float) -> TeacherTrial:
    """Ask about pairs of these clips, each of them twice, for this long at most; people are not asked."""
    trial = TeacherTrial()
    started = time.perf_counter()
    rng = derive_rng(config.seed, "check", "teacher")
    if config.teacher.preset == PEOPLE:
        return trial
    try:
        teacher = make_teacher(config.teacher)
        if not clips:
            return trial
        trial = replace(trial, notices=tuple(teacher.calibrate(clips)))
        for left, right in uniform_pairs(rng, len(clips), PAIRS):
            first, second = (teacher.answer(clips[left], clips[right], rng) for _ in range(2))
            trial = _counted(trial, first, second)
            if time.perf_counter() - started > seconds:
                break
    except TeacherError as error:
        trial = replace(trial, failure=str(error))
    return trial


def _counted(trial: TeacherTrial, first: Answer, second: Answer) -> TeacherTrial:
    decided = first in (Answer.LEFT, Answer.RIGHT)
    return replace(
        trial,
        pairs=trial.pairs + 1,
        ties=trial.ties + (first is Answer.EQUAL),
        skips=trial.skips + (first is Answer.SKIP),
        decided=trial.decided + decided,
        repeated=trial.repeated + (decided and first is second),
    )
