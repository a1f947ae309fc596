from pathlib import Path

import pytest

from edgevoice.errors import DownloadFailed
from edgevoice.runtime.bundles.download import Refused, download
from tests.runtime.bundles.conftest import WEIGHTS
from tests.runtime.bundles.site import Page, Site


def fetch(site: Site, target: Path, size: int = len(WEIGHTS)) -> int:
    """Download the page /model and return the sum of what progress was told."""
    told: list[int] = []
    download(f"{site.url}/model", target, size, told.append)
    return sum(told)


def test_a_download_that_breaks_goes_on_where_it_stopped(site: Site, tmp_path: Path) -> None:
    site.pages["/model"] = Page(WEIGHTS, cuts=[300_000, 200_000])
    assert fetch(site, tmp_path / "model") == len(WEIGHTS)
    assert (tmp_path / "model").read_bytes() == WEIGHTS
    assert site.offsets("/model") == [0, 300_000, 500_000]


def test_what_an_earlier_attempt_brought_is_kept(site: Site, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(WEIGHTS[:400_000])
    site.pages["/model"] = Page(WEIGHTS)
    assert fetch(site, tmp_path / "model") == len(WEIGHTS) - 400_000
    assert (tmp_path / "model").read_bytes() == WEIGHTS
    assert site.offsets("/model") == [400_000]


def test_nothing_is_asked_for_when_all_is_here(site: Site, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(WEIGHTS)
    assert fetch(site, tmp_path / "model") == 0
    assert site.requests == []


def test_a_server_that_cannot_resume_is_read_from_the_start(site: Site, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"x" * 400_000)
    site.pages["/model"] = Page(WEIGHTS, resumable=False)
    assert fetch(site, tmp_path / "model") == len(WEIGHTS) - 400_000
    assert (tmp_path / "model").read_bytes() == WEIGHTS


def test_more_bytes_than_there_should_be_are_thrown_away(site: Site, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(WEIGHTS + b"more")
    site.pages["/model"] = Page(WEIGHTS)
    assert fetch(site, tmp_path / "model") == -4
    assert (tmp_path / "model").read_bytes() == WEIGHTS


def test_a_file_of_another_size_is_refused_before_it_is_read(site: Site, tmp_path: Path) -> None:
    """As a captive portal answers: 200, and a page of its own."""
    site.pages["/model"] = Page(b"<html>please log in</html>")
    with pytest.raises(DownloadFailed, match=r"should have 1,024,000 bytes and has 26"):
        fetch(site, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_file_that_changed_on_the_server_is_refused_on_resuming(
    site: Site, tmp_path: Path
) -> None:
    (tmp_path / "model").write_bytes(WEIGHTS[:100])
    site.pages["/model"] = Page(WEIGHTS + b"new")
    with pytest.raises(DownloadFailed, match="1,024,003"):
        fetch(site, tmp_path / "model")


def test_connections_that_bring_nothing_are_given_up(site: Site, tmp_path: Path) -> None:
    site.pages["/model"] = Page(WEIGHTS, cuts=[1000, 0, 0, 0, 0, 0, 0])
    with pytest.raises(DownloadFailed, match="the connection ended early") as failed:
        fetch(site, tmp_path / "model")
    assert site.offsets("/model") == [0, 1000, 1000, 1000, 1000]
    assert "goes on where it stopped" in failed.value.hint
    assert (tmp_path / "model").read_bytes() == WEIGHTS[:1000]


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.pages["/model"] = Page(b"busy", 503)
    with pytest.raises(DownloadFailed, match="answered 503"):
        fetch(site, tmp_path / "model")
    assert len(site.requests) == 4


def test_a_missing_file_is_not_asked_for_twice(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="answered 404 Not Found for model"):
        fetch(site, tmp_path / "model")
    assert len(site.requests) == 1


def test_wanted_credentials_are_told_apart(site: Site, tmp_path: Path) -> None:
    site.pages["/model"] = Page(WEIGHTS, password="open sesame")
    with pytest.raises(Refused, match="answered 401"):
        fetch(site, tmp_path / "model")


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1 could not be reached: .*refused"):
        download("http://127.0.0.1:9/model", tmp_path / "model", 5, lambda _: None)


def test_credentials_in_a_url_are_not_shown(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed) as failed:
        download("http://me:secret@127.0.0.1:9/model", tmp_path / "model", 5, lambda _: None)
    assert "secret" not in str(failed.value)


def test_a_folder_is_a_server_too(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(WEIGHTS)
    download((tmp_path / "there").as_uri(), tmp_path / "here", len(WEIGHTS), lambda _: None)
    assert (tmp_path / "here").read_bytes() == WEIGHTS
