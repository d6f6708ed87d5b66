"""Every clip that is copied is held against what the copy says of it."""

from dataclasses import dataclass
from pathlib import Path

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import RewardDataError
from rlhp_ray.preferences.preference_subject import PreferenceSubject


@dataclass(frozen=True)
class ClipLayout:
    """What all clips of one copy share.

    Args:
        frame_stack: frames in a stack, or None where observations are not stacks.
        dtypes: of observations, actions and teacher rewards, by name.
    """

    frame_stack: int | None
    dtypes: dict[str, str]


class ClipCheck:
    """Compares clips with a subject and with the first clip seen; holds none of them.

    Args:
        subject: what the clips should show.
        needs_next_observations: refuse clips without the observation that their last action led to.
    """

    def __init__(self, subject: PreferenceSubject, needs_next_observations: bool = False) -> None:
        self._subject = subject
        self._needs_next_observations = needs_next_observations
        self.layout: ClipLayout | None = None
        self._first_path: Path | None = None

    def check(self, clip_id: str, clip: Clip, path: Path) -> None:
        """Raise RewardDataError where a clip cannot be used, naming it and where it came from.

        Args:
            clip_id: under which it is kept.
            clip: to be checked: shapes, kinds of numbers, NaN and infinity, and that its id is that of its contents.
            path: of the database or file that it was read from.
        """
        where = f"{path}, clip {clip_id}"
        self._check_shapes(clip, where)
        self._check_layout(clip, path, where)
        self._check_next_observation(clip, where)
        if clip.origin is not None and len(clip.origin) != len(clip):
            raise RewardDataError(
                f"{where}: its origin is of {len(clip.origin)} steps; expected {len(clip)} like the clip. It was "
                "changed or damaged: restore a copy."
            )
        try:
            clip.check_finite()
        except RewardDataError as error:
            raise RewardDataError(f"{where}: {error} Leave this database or export out.") from error
        if clip.clip_id != clip_id:
            raise RewardDataError(
                f"{where}: its contents have the id {clip.clip_id}; expected the id under which it is kept. It was "
                "changed or damaged: restore a copy."
            )

    def _check_shapes(self, clip: Clip, where: str) -> None:
        steps, length = self._subject.clip_steps, clip.actions.shape[:1]
        if length != (steps,):
            raise RewardDataError(
                f"{where}: it has {length[0] if length else 'no'} steps; expected {steps} like the others. Clips of "
                "mixed lengths cannot be compared: leave this database or export out."
            )
        for name, expected in self._subject.frame_shapes(clip.frame_stack).items():
            got = getattr(clip, name).shape
            if got != expected:
                raise RewardDataError(
                    f"{where}: its {name} have the shape {got}; expected {expected} by the spaces of "
                    f"{self._subject.env_id}. Leave this database or export out."
                )

    def _check_next_observation(self, clip: Clip, where: str) -> None:
        following, shown = clip.next_observation, clip.observations
        if following is None and self._needs_next_observations:
            raise RewardDataError(
                f"{where}: it lacks the observation that its last action led to, as clips do that were stored before "
                "it was kept; expected it, since the reward sees next observations. Leave this database or export out, "
                "or set reward.inputs=obs_action."
            )
        if following is not None and (following.shape, following.dtype) != (shown.shape[1:], shown.dtype):
            raise RewardDataError(
                f"{where}: its next_observation has the shape {following.shape} and the type {following.dtype}; "
                f"expected {shown.shape[1:]} and {shown.dtype} like its observations. Leave this database or export "
                "out."
            )

    def _check_layout(self, clip: Clip, path: Path, where: str) -> None:
        names = ("observations", "actions", "teacher_rewards")
        layout = ClipLayout(clip.frame_stack, {name: str(getattr(clip, name).dtype) for name in names})
        if self.layout is None:
            self.layout, self._first_path = layout, path
        elif layout != self.layout:
            raise RewardDataError(
                f"{where}: got {layout}; expected {self.layout} as in the first clip of {self._first_path}. Leave this "
                "database or export out."
            )
