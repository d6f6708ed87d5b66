"""Saved preferences as those who go on from them take them: numbered anew, without duplicates, with their clips."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.clip_check import ClipCheck
from rlhp_ray.preferences.preference import Preference, newest_labels
from rlhp_ray.preferences.preference_source import SavedPreference
from rlhp_ray.preferences.preference_subject import PreferenceSubject
from rlhp_ray.preferences.referred_clips import checked_clips, checked_preferences
from rlhp_ray.preferences.source_location import open_source


@dataclass
class CopyReport:
    """What was written.

    Args:
        preferences: stored.
        duplicates: left out, since the same was stored already.
        clips: stored.
    """

    preferences: int = 0
    duplicates: int = 0
    clips: int = 0


class Renumbering:
    """Numbers preferences anew, through all sources, and leaves out duplicates."""

    def __init__(self, report: CopyReport) -> None:
        self._report = report
        self._seen: set[tuple[str, str, str, str]] = set()  # judgements

    def apply(self, preferences: Iterable[SavedPreference]) -> Iterator[SavedPreference]:
        """Those that are no duplicates, in their order."""
        for saved in preferences:
            p = saved.preference
            if p.judgement in self._seen:
                self._report.duplicates += 1
                continue
            yield replace(saved, preference=replace(p, query_index=len(self._seen)))
            self._seen.add(p.judgement)


def read_labels(
    path: Path, subject: PreferenceSubject, window: int | None, needs_next_observations: bool = False
) -> tuple[list[Preference], dict[str, Clip]]:
    """The newest labels, and the clips that they refer to, by id.

    Args:
        path: run directory, database or export.
        subject: what they should be about.
        window: labels at most; None for all.
        needs_next_observations: refuse clips without the observation that their last action led to.

    Raises:
        PreferenceStoreError: it is damaged, of a newer version, about something else, or holds no label.
        RewardDataError: a clip holds NaN, does not fit the others, or lacks what is needed.
    """
    with open_source(path) as source:
        subject.require_fit("this configuration", source.subject, source.path)
        clip_ids: set[str] = set()
        for _ in checked_clips(source, ClipCheck(subject, needs_next_observations), clip_ids):
            pass
        kept = Renumbering(CopyReport()).apply(checked_preferences(source, clip_ids))
        preferences = [saved.preference for saved in kept]
        require_labels(preferences, source.path)
        labels = newest_labels(preferences, window)
        wanted = {clip_id for label in labels for clip_id in (label.left_id, label.right_id)}
        return labels, {clip_id: clip for clip_id, clip in source.clips() if clip_id in wanted}


def require_labels(preferences: Sequence[Preference], path: Path) -> None:
    """Raise PreferenceStoreError where none of the preferences in `path` can be trained on."""
    if not any(preference.answer.mu_left is not None for preference in preferences):
        raise PreferenceStoreError(
            f"{path} holds {len(preferences)} preferences and not one label; expected answers that can be trained on: "
            "left, right or equal. Name another source."
        )
