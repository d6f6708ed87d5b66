"""What is copied is whole: every clip is sound, is kept once, and is there where a preference refers to it."""

from collections.abc import Iterator

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.clip_check import ClipCheck
from rlhp_ray.preferences.preference_source import PreferenceSource, SavedPreference


def checked_clips(source: PreferenceSource, check: ClipCheck, clip_ids: set[str]) -> Iterator[Clip]:
    """The clips of a source, one after another; their ids are added to `clip_ids`, and those in it are left out.

    Raises:
        RewardDataError: a clip holds NaN, or does not fit the others.
    """
    for clip_id, clip in source.clips():
        if clip_id not in clip_ids:
            check.check(clip_id, clip, source.path)
            clip_ids.add(clip_id)
            yield clip


def checked_preferences(source: PreferenceSource, clip_ids: set[str]) -> Iterator[SavedPreference]:
    """The preferences of a source, none of them twice.

    Raises:
        PreferenceStoreError: a query is there twice, or refers to a clip that is not in `clip_ids`.
    """
    seen: set[tuple[int, str, str]] = set()
    for saved in source.preferences():
        preference = saved.preference
        key = (preference.query_index, preference.left_id, preference.right_id)
        if key in seen:
            raise PreferenceStoreError(
                f"{source.path} holds query {preference.query_index} on the same clips twice; expected it once. "
                "Restore a copy of it."
            )
        seen.add(key)
        for clip_id in key[1:]:
            if clip_id not in clip_ids:
                raise PreferenceStoreError(
                    f"{source.path} lacks clip {clip_id}, to which query {preference.query_index} refers; expected "
                    "every clip of a preference to be there. Restore a copy of it."
                )
        yield saved
