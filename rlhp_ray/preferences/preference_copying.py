"""Preferences into a new database: an export as it was, several sources as one, or what a run starts with."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

from rlhp_ray.preferences.clip_check import ClipCheck
from rlhp_ray.preferences.clip_shards import bounded_batches
from rlhp_ray.preferences.new_target import new_file
from rlhp_ray.preferences.preference_export import ExportSource
from rlhp_ray.preferences.preference_reading import CopyReport, Renumbering, require_labels
from rlhp_ray.preferences.preference_source import PreferenceSource, SavedPreference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.preference_subject import PreferenceSubject
from rlhp_ray.preferences.referred_clips import checked_clips, checked_preferences
from rlhp_ray.preferences.source_location import open_source
from rlhp_ray.preferences.source_weights import WITHDRAWN

_ROWS_AT_ONCE = 4096


def import_preferences(directory: Path, database: Path) -> CopyReport:
    """Make a database of an export, with the same queries under the same numbers.

    Args:
        directory: of the export.
        database: to be made.

    Raises:
        ConfigError: `database` exists.
        PreferenceStoreError: the export is damaged or of a newer version, or nothing can be written.
        RewardDataError: a clip holds NaN, or does not fit the others.
    """
    report = CopyReport()
    with ExportSource(directory) as source, new_file(database) as temporary:
        _fill(temporary, ClipCheck(source.subject), source.subject, [source], report, iter)
    return report


def merge_preferences(database: Path, paths: Sequence[Path]) -> CopyReport:
    """Make one database of several sources, in their order; queries are numbered anew, from 0.

    A preference is a duplicate where the same source said the same of the same pair of clips (by content, whichever way
    round) in one that was stored before; the first one stays.

    Args:
        database: to be made.
        paths: run directories, databases or exports.

    Raises:
        ConfigError: `database` exists.
        PreferenceStoreError: a source is damaged or of a newer version, is about something else than the first one,
            or nothing can be written.
        RewardDataError: a clip holds NaN, or does not fit the others.
    """
    report = CopyReport()
    with ExitStack() as stack:
        sources = [stack.enter_context(open_source(path)) for path in paths]
        subject, named_by = sources[0].subject, sources[0].path
        for source in sources[1:]:
            subject.require_fit(named_by, source.subject, source.path)
            if subject.env_version is None and source.subject.env_version is not None:
                subject, named_by = replace(subject, env_version=source.subject.env_version), source.path
        with new_file(database) as temporary:
            _fill(temporary, ClipCheck(subject), subject, sources, report, Renumbering(report).apply)
    return report


def open_run_store(
    path: Path, metadata: dict[str, str], load: Path | None, needs_next_observations: bool = False
) -> PreferenceStore:
    """The preference store of a run; where it is yet to be made, with saved preferences in it.

    They take the first query numbers, in their order and without duplicates; the run's own queries follow. The store
    appears whole, so that a run that is killed and resumed neither loads them twice nor needs `load` again.

    Args:
        path: of the database.
        metadata: what the preferences of the run are about.
        load: run directory, database or export to start with; None for none.
        needs_next_observations: refuse a `load` with clips that lack the observation after their last action.

    Raises:
        PreferenceStoreError: `load` or the database is damaged, of a newer version or about something else, or `load`
            holds no label.
        RewardDataError: a clip holds NaN, does not fit the others, or lacks what is needed.
    """
    if load is not None and not path.exists():
        with open_source(load) as source, new_file(path) as temporary:
            subject = PreferenceSubject.from_metadata(metadata, path)
            subject.require_fit("this configuration", source.subject, source.path)
            report = CopyReport()
            check = ClipCheck(subject, needs_next_observations)
            _fill(temporary, check, subject, [source], report, Renumbering(report).apply)
            with closing(PreferenceStore(temporary, metadata)) as store:
                require_labels(store.preferences(), source.path)
                store.mark_as_loaded()
    return PreferenceStore(path, metadata)


def _fill(
    path: Path,
    check: ClipCheck,
    subject: PreferenceSubject,
    sources: Sequence[PreferenceSource],
    report: CopyReport,
    keep: Callable[[Iterable[SavedPreference]], Iterator[SavedPreference]],
) -> None:
    """Source by source: its clips, then the preferences that refer to them; one batch of clips in memory at a time."""
    clip_ids: set[str] = set()
    with closing(PreferenceStore(path, subject.to_metadata())) as store:
        for source in sources:
            for batch in bounded_batches(checked_clips(source, check, clip_ids)):
                store.record([], batch)
            kept = keep(checked_preferences(source, clip_ids))
            while portion := list(islice(kept, _ROWS_AT_ONCE)):
                store.record([saved.preference for saved in portion], [], [saved.answered_unix_s for saved in portion])
                report.preferences += len(portion)
            for name, weight in source.weights.items():
                if weight != WITHDRAWN:  # those were left out
                    store.weigh(name, weight)
    report.clips = len(clip_ids)
