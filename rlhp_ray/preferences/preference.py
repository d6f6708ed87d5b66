"""A preference: the answer to one query about a pair of clips."""

from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What a teacher or a labeller says of a pair."""

    LEFT = "left"
    RIGHT = "right"
    EQUAL = "equal"
    SKIP = "skip"

    @property
    def mu_left(self) -> float | None:
        """Label target mu(left) of C17 s2.2.3; None where the answer is dropped."""
        return {"left": 1.0, "right": 0.0, "equal": 0.5, "skip": None}[self.value]


@dataclass(frozen=True)
class Preference:
    """One answered query.

    Args:
        query_index: running number of the query in its trial, from 0.
        left_id: clip id shown on the left.
        right_id: clip id shown on the right.
        answer: what was said.
        source: who said it, e.g. `oracle`.
        env_steps: env steps of the run when it was asked.
    """

    query_index: int
    left_id: str
    right_id: str
    answer: Answer
    source: str
    env_steps: int
