"""Preferences as open files: Parquet for the answers, NPZ for the clips, JSON for what they are about.

The format is described field by field in docs/preference_files.md.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.clip_check import ClipCheck
from rlhp_ray.preferences.clip_shards import bounded_batches, read_shard, shard_path, write_shard
from rlhp_ray.preferences.export_header import ExportHeader
from rlhp_ray.preferences.new_target import new_directory
from rlhp_ray.preferences.preference_source import PreferenceSource, SavedPreference
from rlhp_ray.preferences.referred_clips import checked_clips, checked_preferences

PREFERENCES_FILE = "preferences.parquet"
PREFERENCE_COLUMNS = pa.schema(
    [
        pa.field("query_index", pa.int64(), nullable=False),
        pa.field("left_id", pa.string(), nullable=False),
        pa.field("right_id", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("env_steps", pa.int64(), nullable=False),
        pa.field("answered_unix_s", pa.float64(), nullable=False),
    ]
)
_ROWS_AT_ONCE = 4096


def write_export(source: PreferenceSource, directory: Path) -> ExportHeader:
    """Write preferences and their clips; no more than one shard of clips is in memory at a time.

    Args:
        source: to read from.
        directory: to be made; it appears when all of it is written.

    Raises:
        ConfigError: `directory` exists and is not empty.
        PreferenceStoreError: the source is damaged, or nothing can be written.
        RewardDataError: a clip holds NaN, or does not fit the others.
    """
    with new_directory(directory) as temporary:
        check = ClipCheck(source.subject)
        clip_ids: set[str] = set()
        num_shards = 0
        for batch in bounded_batches(checked_clips(source, check, clip_ids)):
            write_shard(shard_path(temporary, num_shards), batch)
            num_shards += 1
        header = ExportHeader(
            subject=source.subject,
            frame_stack=check.layout.frame_stack if check.layout else None,
            num_preferences=_write_preferences(source, clip_ids, temporary / PREFERENCES_FILE),
            num_clips=len(clip_ids),
            num_shards=num_shards,
        )
        header.write(temporary)
    return header


def _write_preferences(source: PreferenceSource, clip_ids: set[str], path: Path) -> int:
    rows = (
        (p.query_index, p.left_id, p.right_id, p.answer.value, p.source, p.env_steps, saved.answered_unix_s)
        for saved in checked_preferences(source, clip_ids)
        for p in (saved.preference,)
    )
    written = 0
    with pq.ParquetWriter(path, PREFERENCE_COLUMNS) as writer:
        while portion := list(islice(rows, _ROWS_AT_ONCE)):
            columns = zip(zip(*portion, strict=True), PREFERENCE_COLUMNS, strict=True)
            arrays = [pa.array(column, field.type) for column, field in columns]
            writer.write_batch(pa.record_batch(arrays, schema=PREFERENCE_COLUMNS))
            written += len(portion)
    return written


class ExportSource:
    """A directory that `write_export` wrote.

    Args:
        path: the directory.

    Raises:
        PreferenceStoreError: it is not one, is truncated, or of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._header = ExportHeader.read(path)
        self.subject = self._header.subject
        self.num_clips = self._header.num_clips
        self.weights: Mapping[str, float] = {}  # an export has none, and was written without what was withdrawn
        self._table = path / PREFERENCES_FILE
        with self._errors_explained(), pq.ParquetFile(self._table) as table:
            rows, missing = table.metadata.num_rows, set(PREFERENCE_COLUMNS.names) - set(table.schema_arrow.names)
        if missing or rows != self._header.num_preferences:
            raise PreferenceStoreError(
                f"{self._table} has {rows} rows and lacks {len(missing)} columns {sorted(missing)}; expected "
                f"{self._header.num_preferences} rows of {PREFERENCE_COLUMNS.names}. Restore a copy of the export."
            )

    def __enter__(self) -> "ExportSource":
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is kept open."""

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, pa.ArrowException) as error:
            raise PreferenceStoreError(
                f"{self._table} is missing, truncated or damaged ({' '.join(str(error).split())}); expected the table "
                "of a preference export. Restore a copy of the export."
            ) from error

    def preferences(self) -> Iterator[SavedPreference]:
        """In the order of the table, which is that of the queries."""
        names = PREFERENCE_COLUMNS.names
        with self._errors_explained(), pq.ParquetFile(self._table) as table:
            for batch in table.iter_batches(_ROWS_AT_ONCE, columns=names):
                columns = pa.Table.from_batches([batch]).select(names).cast(PREFERENCE_COLUMNS).to_pydict()
                for row in zip(*(columns[name] for name in names), strict=True):
                    yield SavedPreference.from_row(row, self._table)

    def clips(self) -> Iterator[tuple[str, Clip]]:
        """Each clip with its id, one shard after another."""
        read = 0
        for number in range(self._header.num_shards):
            for clip_id, clip in read_shard(shard_path(self.path, number), self._header.frame_stack):
                read += 1
                yield clip_id, clip
        if read != self.num_clips:
            raise PreferenceStoreError(
                f"{self.path} has {read} clips in its {self._header.num_shards} shards; expected {self.num_clips} as "
                "its header says. Restore a copy of the export."
            )

    def size_bytes(self) -> int:
        """Size on disk of all files in the directory."""
        return sum(file.stat().st_size for file in self.path.iterdir() if file.is_file())
