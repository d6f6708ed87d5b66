"""Exports: one JSON and one safetensors file, written whole or not at all, read without pickle."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import NoneType

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from rlhp_ray.errors import CheckpointError

FORMAT_VERSION = 3  # 2 does not say of a policy whether it saw an Atari game's score
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    NoneType: "null",
}


def write_export(directory: Path, stem: str, header: dict, tensors: dict[str, np.ndarray]) -> None:
    """Write `stem.json` and `stem.safetensors`, each atomically."""
    directory.mkdir(parents=True, exist_ok=True)
    packed = save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
    _write_atomically(directory / f"{stem}.safetensors", packed)
    text = json.dumps({"format": f"rlhp-{stem}", "format_version": FORMAT_VERSION, **header}, indent=1)
    _write_atomically(directory / f"{stem}.json", text.encode())


def read_export(
    directory: Path, stem: str, fields: Mapping[str, tuple[type, ...]]
) -> tuple[dict, dict[str, np.ndarray]]:
    """Read what `write_export` wrote.

    Args:
        directory: that was written to.
        stem: of the two files.
        fields: types that each field of the header may have, as JSON gives them.

    Raises:
        CheckpointError: files are missing, truncated, foreign or of another version, or lack a field.
    """
    header_path, tensor_path = directory / f"{stem}.json", directory / f"{stem}.safetensors"
    for path in (header_path, tensor_path):
        if not path.is_file():
            raise CheckpointError(
                f"{directory} is not a checkpoint: {path.name} is missing. Expected the directory of a run, one of its "
                "checkpoints, or its inference export."
            )
    try:
        header = json.loads(header_path.read_text())
        tensors = load(tensor_path.read_bytes())
    except (ValueError, SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{directory} is truncated or damaged ({error}); expected what rlhp wrote. Use another checkpoint."
        ) from error
    if not isinstance(header, dict) or header.get("format") != f"rlhp-{stem}":
        raise CheckpointError(f"{header_path} was not written by rlhp; expected the format 'rlhp-{stem}'.")
    version = header.get("format_version")
    if not isinstance(version, int):
        raise CheckpointError(
            f"{header_path} has the format version {version!r}; expected a whole number. Use another checkpoint."
        )
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{header_path} was written by a newer rlhp (format {version}); this one reads format {FORMAT_VERSION}: "
            "upgrade rlhp_ray."
        )
    if version < FORMAT_VERSION:
        raise CheckpointError(
            f"{header_path} was written by an older rlhp (format {version}); this one reads format {FORMAT_VERSION}: "
            "train again, or use the version of rlhp_ray that wrote it."
        )
    _check_fields(header_path, header, fields)
    return header, tensors


def _check_fields(path: Path, header: dict, fields: Mapping[str, tuple[type, ...]]) -> None:
    for name, types in fields.items():
        if name not in header or type(header[name]) not in types:
            got = f"{header[name]!r:.80} as its {name}" if name in header else f"no {name}"
            raise CheckpointError(
                f"{path} has {got}; expected {' or '.join(_WORDS[known] for known in types)}. It was changed or "
                "damaged: use another checkpoint."
            )


def _write_atomically(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
