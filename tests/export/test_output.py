from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edgevoice.errors import EdgeVoiceError, Misused
from edgevoice_export.output import check_free, new_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_folder_is_there_when_all_went_well(tmp_path: Path) -> None:
    with new_folder(tmp_path / "out") as draft:
        (draft / "model").write_text("new")
        assert not (tmp_path / "out").exists()
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "model").read_text() == "new"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError, EdgeVoiceError("no")])
def test_nothing_is_left_when_it_stopped(
    tmp_path: Path, stop: BaseException | type[BaseException]
) -> None:
    def half_way() -> None:
        with new_folder(tmp_path / "out") as draft:
            (draft / "model").write_text("half")
            raise stop

    with pytest.raises((KeyboardInterrupt, ValueError, EdgeVoiceError)):
        half_way()
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "half").touch()
    with new_folder(tmp_path / "out") as draft:
        assert names(draft) == []
    assert names(tmp_path) == ["out"]


def test_a_full_disk_is_said_as_such(tmp_path: Path) -> None:
    with pytest.raises(EdgeVoiceError, match="disk became full"), new_folder(tmp_path / "out"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def bundle(folder: Path) -> Path:
    folder.mkdir()
    (folder / "bundle.json").write_text("{}")
    return folder


def test_a_bundle_is_replaced_only_if_asked(tmp_path: Path) -> None:
    old = bundle(tmp_path / "out")
    with pytest.raises(Misused, match="bundle already"), new_folder(old):
        pass
    with new_folder(old, replace=True) as draft:
        (draft / "model").touch()
    assert names(old) == ["model"]


def test_the_old_bundle_stays_when_the_new_one_fails(tmp_path: Path) -> None:
    old = bundle(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt), new_folder(old, replace=True):
        raise KeyboardInterrupt
    assert names(old) == ["bundle.json"]


def test_what_is_no_bundle_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters").touch()
    (tmp_path / "file").touch()
    for name in ("home", "file"):
        with pytest.raises(Misused, match="no bundle"):
            check_free(tmp_path / name, replace=True)


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    with new_folder(tmp_path) as draft:
        (draft / "model").touch()
    assert names(tmp_path) == ["model"]
