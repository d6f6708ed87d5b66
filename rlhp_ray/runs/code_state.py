"""The code that a run ran with, as its archive tells: a commit, a difference to it, and what that leaves out."""

import re
from dataclasses import dataclass
from pathlib import Path

from rlhp_ray.experiment.archive_files import read_text
from rlhp_ray.experiment.run_archive import RunArchive

_INDEX_LINE = re.compile(rb"^index [0-9a-f]+\.\.[0-9a-f]+.*\n", re.MULTILINE)
_LEFT_OUT = "left out of diff.patch: "
_HEX_DIGITS = 40  # of a commit; 64 where a repository uses SHA-256


@dataclass(frozen=True)
class CodeState:
    """What `RUN/code` holds.

    Args:
        commit: full name of the commit; None where the package was no git checkout.
        patch_file: the difference to it, empty or missing where there was none.
        changed_files: that the difference touches, new ones included.
        left_out: files that differed too and whose content was not archived: secret-looking, large, or too many.
    """

    commit: str | None
    patch_file: Path
    changed_files: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def described(self) -> str:
        """`commit 1234... with 2 changed files`; of a run without a commit, that there is none."""
        if self.commit is None:
            return "no git checkout: only the version in versions.txt is known"
        count = len(self.changed_files)
        changed = f"with {count} changed file{'' if count == 1 else 's'}" if count else "unchanged"
        return f"commit {self.commit}, {changed}"

    @property
    def has_changes(self) -> bool:
        """Whether there is a difference to apply."""
        return self.patch_file.is_file() and self.patch_file.stat().st_size > 0


def read_code_state(archive: RunArchive) -> CodeState:
    """The code state of a run. Raises ArchiveError where it cannot be read."""
    lines = read_text(archive.code_dir / "commit.txt").splitlines()
    first = lines[0].strip() if lines else ""
    is_commit = len(first) >= _HEX_DIGITS and all(character in "0123456789abcdef" for character in first)
    left_out = tuple(line.removeprefix(_LEFT_OUT) for line in lines[1:] if line.startswith(_LEFT_OUT))
    patch = archive.code_dir / "diff.patch"
    return CodeState(first if is_commit else None, patch, tuple(file for file, _ in patch_parts(patch)), left_out)


def patch_parts(patch: Path) -> list[tuple[str, bytes]]:
    """Each file that a patch touches, with its part of it; none where there is no patch.

    Left out are lines `index 1234..abcd`: how much git shortens these names depends on the repository.
    """
    if not patch.is_file():
        return []
    parts = _INDEX_LINE.sub(b"", b"\n" + patch.read_bytes()).split(b"\ndiff --git ")[1:]
    return [(_file_of(part), part) for part in parts]


def _file_of(part: bytes) -> str:
    names = part.split(b"\n", 1)[0].decode(errors="replace")  # a/NAME b/NAME, both the same: renames are off
    return names[(len(names) + 1) // 2 :].strip('"').removeprefix("b/")
