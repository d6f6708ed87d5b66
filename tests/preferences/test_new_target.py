"""What is written appears whole or not at all, and replaces nothing."""

import pytest

from rlhp_ray.errors import ConfigError, PreferenceStoreError
from rlhp_ray.preferences.new_target import new_directory, new_file, require_free


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_directory_appears_when_it_is_whole(tmp_path):
    with new_directory(tmp_path / "made") as temporary:
        (temporary / "file").write_text("content")
        assert not (tmp_path / "made").exists()
    assert names(tmp_path) == ["made"] and (tmp_path / "made" / "file").read_text() == "content"


def test_an_empty_directory_may_stand_there(tmp_path):
    (tmp_path / "made").mkdir()
    with new_directory(tmp_path / "made") as temporary:
        (temporary / "file").touch()
    assert names(tmp_path / "made") == ["file"]


def test_a_file_appears_when_it_is_whole_and_alone(tmp_path):
    with new_file(tmp_path / "made") as temporary:
        temporary.write_text("content")
        temporary.with_name("made-wal").touch()
        assert not (tmp_path / "made").exists()
    assert names(tmp_path) == ["made"] and (tmp_path / "made").read_text() == "content"


@pytest.mark.parametrize("new", [new_directory, new_file])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_fails_leaves_nothing(tmp_path, new, error):
    with pytest.raises(error), new(tmp_path / "made") as temporary:
        (temporary if temporary.is_dir() else temporary.parent).joinpath("half").touch()
        raise error
    assert names(tmp_path) == []


@pytest.mark.parametrize("new", [new_directory, new_file])
def test_what_has_appeared_meanwhile_is_left_alone(tmp_path, new):
    refused = pytest.raises(PreferenceStoreError, match=r"cannot be written .* nothing was left there")
    with refused, new(tmp_path / "made") as temporary:
        if not temporary.exists():
            temporary.touch()
        (tmp_path / "made").write_text("dear")
    assert names(tmp_path) == ["made"] and (tmp_path / "made").read_text() == "dear"


@pytest.mark.parametrize("kind", ["file", "broken link", "full directory", "link to an empty directory"])
def test_what_stands_there_is_refused(tmp_path, kind):
    path = tmp_path / "made"
    if kind == "file":
        path.touch()
    elif kind == "broken link":
        path.symlink_to("nowhere")
    elif kind == "full directory":
        path.mkdir()
        (path / "file").touch()
    else:
        (tmp_path / "empty").mkdir()
        path.symlink_to("empty")
    with pytest.raises(ConfigError, match="exists and nothing is overwritten"):
        require_free(path, empty_directory_allowed=True)


def test_an_empty_directory_is_no_place_for_a_file(tmp_path):
    with pytest.raises(ConfigError, match="exists and nothing is overwritten"):
        require_free(tmp_path)


def test_a_directory_around_it_has_to_exist(tmp_path):
    with pytest.raises(ConfigError, match=f"make {tmp_path / 'no'}"):
        require_free(tmp_path / "no" / "where")
