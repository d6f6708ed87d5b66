"""Clips in bounded portions: the NPZ files of an export, and the transactions in which a database is filled."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.envs.clip_origin import ClipOrigin
from rlhp_ray.errors import PreferenceStoreError, RewardDataError

MAX_BATCH_CLIPS = 1024  # ours
MAX_BATCH_BYTES = 64 * 2**20  # ours: 340 clips of 25 steps of 84 x 84 pixels, 64 MB before compression
SHARD_ARRAYS = ("clip_id", "observations", "actions", "teacher_rewards", "env_steps")
HAS_NEXT, NEXT = "has_next_observation", "next_observation"  # since format 2; the second only where a clip has it
ORIGIN_SIZE, ORIGINS = "origin_bytes", "origins"  # since format 3; likewise


def bounded_batches(clips: Iterable[Clip]) -> Iterator[list[Clip]]:
    """Clips in batches of at most `MAX_BATCH_CLIPS`, and of no more than one clip beyond `MAX_BATCH_BYTES`."""
    batch: list[Clip] = []
    size = 0
    for clip in clips:
        batch.append(clip)
        arrays = (clip.observations, clip.actions, clip.teacher_rewards, clip.next_observation)
        size += sum(array.nbytes for array in arrays if array is not None)
        size += 0 if clip.origin is None else clip.origin.size_bytes
        if len(batch) >= MAX_BATCH_CLIPS or size >= MAX_BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def shard_path(directory: Path, number: int) -> Path:
    """Where a shard of an export lies; they are numbered from 0."""
    return directory / f"clips-{number:05d}.npz"


def write_shard(path: Path, clips: Sequence[Clip]) -> None:
    """Write clips of one layout: arrays with one row for each clip, but for the origins, which are of any length."""
    origins = [b"" if clip.origin is None else clip.origin.to_bytes() for clip in clips]
    arrays = {
        "clip_id": np.array([clip.clip_id for clip in clips]),
        "observations": np.stack([clip.observations for clip in clips]),
        "actions": np.stack([clip.actions for clip in clips]),
        "teacher_rewards": np.stack([clip.teacher_rewards for clip in clips]),
        "env_steps": np.array([clip.env_steps for clip in clips], np.int64),
        HAS_NEXT: np.array([clip.next_observation is not None for clip in clips]),
    }
    following = [clip.next_observation for clip in clips]
    present = next((one for one in following if one is not None), None)
    if present is not None:
        arrays[NEXT] = np.stack([np.zeros_like(present) if one is None else one for one in following])
    arrays[ORIGIN_SIZE] = np.array([len(origin) for origin in origins], np.int64)
    if any(origins):
        arrays[ORIGINS] = np.frombuffer(b"".join(origins), np.uint8)
    np.savez_compressed(path, allow_pickle=False, **arrays)


def read_shard(path: Path, frame_stack: int | None) -> Iterator[tuple[str, Clip]]:
    """The clips of one shard with their ids.

    Raises:
        PreferenceStoreError: it is missing, truncated, or not one.
        RewardDataError: the origin of a clip cannot be read.
    """
    arrays = _load(path)
    origins = _origins(path, arrays)
    for row, clip_id in enumerate(arrays["clip_id"].tolist()):
        yield (
            clip_id,
            Clip(
                observations=arrays["observations"][row],
                actions=arrays["actions"][row],
                teacher_rewards=arrays["teacher_rewards"][row],
                env_steps=int(arrays["env_steps"][row]),
                frame_stack=frame_stack,
                next_observation=np.asarray(arrays[NEXT][row]) if NEXT in arrays and arrays[HAS_NEXT][row] else None,
                origin=_origin(path, clip_id, origins[row]),
            ),
        )


def _origins(path: Path, arrays: dict[str, np.ndarray]) -> list[bytes]:
    """The packed origin of each clip; empty where there is none."""
    joined = arrays.pop(ORIGINS, np.zeros(0, np.uint8))
    sizes = arrays.get(ORIGIN_SIZE, np.zeros(len(arrays["clip_id"]), np.int64))
    sound = joined.dtype == np.uint8 and joined.ndim == sizes.ndim == 1 and sizes.dtype.kind == "i"
    if not sound or (sizes < 0).any() or sizes.sum() != len(joined):
        raise PreferenceStoreError(
            f"{path} has {ORIGINS} of {joined.shape} {joined.dtype} and {ORIGIN_SIZE} of {sizes.shape} {sizes.dtype}; "
            "expected uint8 in one row, as many as the sizes come to. Restore a copy of the export."
        )
    stops = np.cumsum(sizes).tolist()
    return [joined[start:stop].tobytes() for start, stop in zip([0, *stops], stops, strict=False)]


def _origin(path: Path, clip_id: str, packed: bytes) -> ClipOrigin | None:
    try:
        return ClipOrigin.from_bytes(packed) if packed else None
    except RewardDataError as error:
        raise RewardDataError(f"{path}, clip {clip_id}: {error} Restore a copy of the export.") from error


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            has_next = HAS_NEXT in stored and stored[HAS_NEXT].any()
            names = (*SHARD_ARRAYS, HAS_NEXT, NEXT) if has_next else SHARD_ARRAYS
            later = [name for name in (ORIGIN_SIZE, ORIGINS) if name in stored]
            arrays = {name: stored[name] for name in (*names, *later)}
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, BadZipFile, zlib.error) as error:
        raise PreferenceStoreError(
            f"{path} is missing, truncated or damaged ({error}); expected the arrays {', '.join(SHARD_ARRAYS)} of a "
            "preference export. Restore a copy of the export."
        ) from error
    rows = {name: array.shape[:1] for name, array in arrays.items() if name != ORIGINS}
    if len(set(rows.values())) != 1 or () in rows.values() or arrays["clip_id"].dtype.kind != "U":
        raise PreferenceStoreError(
            f"{path} has arrays that do not belong together (rows: {rows}); expected one row for each clip in every "
            "array, and texts in clip_id. Restore a copy of the export."
        )
    if arrays["env_steps"].ndim != 1 or arrays["env_steps"].dtype.kind != "i":
        raise PreferenceStoreError(f"{path} has env_steps of {arrays['env_steps'].dtype}; expected whole numbers.")
    return arrays
