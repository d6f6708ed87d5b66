"""The two actors of a trial, and new ones in their place where one was lost, a bounded number of times."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import ray
from ray import ObjectRef
from ray.actor import ActorHandle
from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import ActorLostError
from rlhp_ray.reward.ensemble import PublishedReward

MAX_LOSSES = 20  # of each kind in a session: some are ordinary in a run of days; beyond it something else is wrong
MAX_LOSSES_IN_A_ROW = 3  # without a round between: what kills it is the work itself


class ActorKind(StrEnum):
    """What was lost, as `failures` of the summary names it."""

    BUFFER = "preference_buffer"
    LEARNER = "reward_learner"
    RUNNER = "env_runner"

    @property
    def text(self) -> str:
        """For sentences."""
        return self.value.replace("_", " ")


@dataclass(frozen=True)
class Recovery:
    """A loss that was got over.

    Args:
        kind: what was lost.
        seconds_lost: from when it was noticed until the new one had answered, or was lost as well.
    """

    kind: ActorKind
    seconds_lost: float


@dataclass(frozen=True, eq=False)
class LearnerState:
    """Where a reward learner had come to, as its trial knows it.

    Args:
        published: the version in force.
        optimiser: that belongs to it; empty before the first round.
        queries: of the run's own, those whose labels it had been given.
        begins_anew: whether its next fit is to begin with new weights.
    """

    published: PublishedReward
    optimiser: bytes
    queries: int
    begins_anew: bool


class UnknownTrial(Exception):  # noqa: N818  # never an error that a user sees
    """A trial asked a buffer that knows nothing of it: its process has taken the place of one that was lost."""


class ActorLost(Exception):  # noqa: N818  # never an error that a user sees
    """An actor did not live to answer a call."""

    def __init__(self, kind: ActorKind) -> None:
        super().__init__(kind.text)
        self.kind = kind


@contextmanager
def blames(kind: ActorKind) -> Iterator[None]:
    """Says whose end it was that no answer came. Errors that an actor raised and lived on after are left alone."""
    try:
        yield
    except (RayActorError, OutOfMemoryError, UnknownTrial) as error:
        raise ActorLost(kind) from error


@contextmanager
def blames_either() -> Iterator[None]:
    """The same of a call in which the learner asks the buffer."""
    try:
        yield
    except (RayActorError, OutOfMemoryError) as error:
        raise ActorLost(ActorKind.BUFFER if isinstance(error, RayTaskError) else ActorKind.LEARNER) from error


class LossCount:
    """Counts losses against the bounds."""

    def __init__(self) -> None:
        self._losses: Counter[ActorKind] = Counter()
        self._in_a_row: Counter[ActorKind] = Counter()

    def add(self, kind: ActorKind, number: int = 1, cause: BaseException | None = None) -> None:
        """Count losses that were noticed. Raises ActorLostError beyond the bounds."""
        self._losses[kind] += number
        self._in_a_row[kind] += 1
        if self._losses[kind] <= MAX_LOSSES and self._in_a_row[kind] <= MAX_LOSSES_IN_A_ROW:
            return
        told = str(cause).strip().splitlines()[-1:] if cause is not None else []
        raise ActorLostError(
            f"the {kind.text} died {self._losses[kind]} times in this session, {self._in_a_row[kind]} of them in a row"
            f"{': ' if told else ''}{''.join(told)}; at most {MAX_LOSSES} and {MAX_LOSSES_IN_A_ROW} are put up with. "
            "Look at the memory and the logs of the machine, then go on with rlhp resume."
        ) from cause

    def work_went_on(self, kind: ActorKind) -> None:
        """Something was done since the last loss."""
        self._in_a_row[kind] = 0


class TrialActors:
    """Handles of a trial's buffer and learner; a handle is another one after a loss.

    Args:
        trial: its name, as it joins the buffer.
        buffer: handle of a PreferenceBuffer.
        learner: handle of a RewardLearner.
        make_buffer: starts another buffer over the same database; takes how many there were before it. Of a buffer that
            several trials share, gives the same handle: Ray starts it again, for all of them.
        make_learner: starts another learner; likewise.
    """

    def __init__(
        self,
        trial: str,
        buffer: ActorHandle,
        learner: ActorHandle,
        make_buffer: Callable[[int], ActorHandle],
        make_learner: Callable[[int], ActorHandle],
    ) -> None:
        self.trial, self.buffer, self.learner = trial, buffer, learner
        self._make_buffer, self._make_learner = make_buffer, make_learner
        self._made: Counter[ActorKind] = Counter()
        self._losses = LossCount()
        self._noticed: dict[ActorKind, list[float]] = {}
        self._recoveries: list[Recovery] = []
        self.buffer.join.remote(trial, [])

    def notice(self, loss: ActorLost) -> None:
        """Count a loss. Raises ActorLostError beyond the bounds."""
        self._losses.add(loss.kind, cause=loss.__cause__)
        self._noticed.setdefault(loss.kind, []).append(time.monotonic())

    def replace_buffer(self, newest_clips: list[Clip], reference: ObjectRef | None) -> None:
        """Join a buffer that goes on with what is in the database; does not wait for it.

        Args:
            newest_clips: that the trial's part of its pool begins with.
            reference: what `dump_reference` of the lost one gave; None where it had none yet.
        """
        self._made[ActorKind.BUFFER] += 1
        self.buffer = self._make_buffer(self._made[ActorKind.BUFFER])
        self.buffer.join.remote(self.trial, newest_clips)
        if reference is not None:
            self.buffer.restore_reference.remote(self.trial, reference)

    def replace_learner(self) -> None:
        """Start a learner that is to be told where it stands; does not wait for it."""
        self._made[ActorKind.LEARNER] += 1
        self.learner = self._make_learner(self._made[ActorKind.LEARNER])

    def instruct_learner(self, state: LearnerState, before_query: int) -> ObjectRef:
        """Put the learner where its trial knows it to be, with its labels out of the buffer; does not wait for it.

        Args:
            state: to go on from.
            before_query: its labels are those of the run's own queries before this one.

        Returns:
            Nothing, or the loss of one of them meanwhile: see `blames_either`.
        """
        instructed: ObjectRef = self.learner.take_over.remote(state, self.buffer, before_query)
        return instructed

    def answered(self, *kinds: ActorKind) -> None:
        """Note that actors of these kinds did their work: what was lost of them is got over."""
        for kind in kinds:
            self._losses.work_went_on(kind)
            noticed = [*self._noticed.pop(kind, []), time.monotonic()]
            self._recoveries += [Recovery(kind, end - start) for start, end in pairwise(noticed)]

    def release(self) -> None:
        """End the learner, and let go of the buffer, which ends as well unless others hold it."""
        ray.kill(self.learner)
        del self.buffer

    def take_recoveries(self) -> list[Recovery]:
        """Losses got over since the last call."""
        taken, self._recoveries = self._recoveries, []
        return taken
