"""What the page may send: checked field by field, and nothing else taken."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

MAX_LEASED = 4  # the pair that is looked at, and three ahead
MAX_SECONDS = 86_400.0

Submission = Annotated[str, Field(pattern=r"^[0-9a-f-]{16,64}$")]
ClipId = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class JoinBody(_Body):
    """The token of an invitation."""

    token: str = Field(min_length=1, max_length=200)


class LeaseBody(_Body):
    """How many queries the page would like to hold."""

    count: int = Field(ge=1, le=MAX_LEASED)


class AnswerBody(_Body):
    """One answer; `submission` names it, so that sending it twice counts once."""

    submission: Submission
    query: int = Field(ge=1, le=2**62)
    answer: Literal["left", "right", "equal", "skip"]
    seconds: float = Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)


class UndoBody(_Body):
    """The undoing of this person's last answer."""

    submission: Submission
