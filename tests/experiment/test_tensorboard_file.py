"""What TensorBoard is given to read."""

import math
import struct

import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.tensorboard_file import TensorBoardFile


def events(directory) -> list[Event]:
    (path,) = directory.iterdir()
    content, found = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("Q", content[:8])
        found.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return found


def test_points_are_written_with_their_step_and_earlier_ones_from_there_on_are_purged(tmp_path):
    board = TensorBoardFile(tmp_path / "tensorboard", purge_step=4001)
    board.add({"rlhp/labels": 5, "rlhp/loss": math.nan}, step=4000)
    board.close()
    _, purge, points = events(tmp_path / "tensorboard")
    assert (purge.step, purge.session_log.status) == (4001, SessionLog.START)
    assert points.step == 4000
    assert [(value.tag, value.simple_value) for value in points.summary.value] == [("rlhp/labels", 5.0)]


def test_a_disk_that_fails_is_one_clear_error(tmp_path, monkeypatch):
    board = TensorBoardFile(tmp_path, purge_step=None)

    def full(event) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(board._file, "write_event", full)
    with pytest.raises(ArchiveError, match="No space left on device"):
        board.add({"rlhp/labels": 5}, step=1)
