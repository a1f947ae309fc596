"""The catalogue itself, and what it promises of the bundles on this device."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from edgevoice.core.bundle import Bundle, Role
from edgevoice.runtime.bundles import catalogue
from edgevoice.runtime.bundles.catalogue import Recipe
from edgevoice.runtime.bundles.prepare import STEPS
from edgevoice.runtime.bundles.store import Store

RECIPES = list(catalogue.catalogue().values())
every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)


@every_recipe
def test_the_pieces_make_up_the_files(recipe: Recipe) -> None:
    sizes: Counter[str] = Counter()
    for wheel in recipe.wheels:
        for piece in wheel.pieces:
            assert piece.start == sizes[piece.file]
            sizes[piece.file] += piece.size_bytes
    assert sizes == {file.name: file.size_bytes for file in recipe.files}


@every_recipe
def test_hashes_are_whole(recipe: Recipe) -> None:
    hashes = [file.sha256 for file in recipe.files] + [wheel.sha256 for wheel in recipe.wheels]
    assert {len(bytes.fromhex(text)) for text in hashes} == {32}


@every_recipe
def test_what_a_listener_must_know_is_told(recipe: Recipe) -> None:
    assert recipe.title
    assert recipe.licence
    assert recipe.source.startswith("https://")
    assert recipe.memory_mb > 0
    assert (recipe.sample_rate > 0) == (recipe.role is not Role.LLM)
    assert bool(recipe.languages) == (recipe.role in {Role.STT, Role.LLM, Role.TTS})


@every_recipe
def test_preparations_work_on_files_that_come(recipe: Recipe) -> None:
    for step in recipe.prepare:
        assert step.step in STEPS
        assert step.source in {file.name for file in recipe.files}


@every_recipe
def test_packages_are_pinned(recipe: Recipe) -> None:
    for wheel in recipe.wheels:
        assert wheel.package.count("==") == 1


def test_the_default_set_has_one_bundle_for_each_role_of_a_talk() -> None:
    roles = [catalogue.find(name).role for name in catalogue.defaults()]
    assert sorted(roles) == sorted({*Role} - {Role.WAKE})


def test_no_registry_is_named() -> None:
    """Packages are found through the user's own pip, wherever that looks."""
    text = (Path(catalogue.__file__).parent / "catalogue.toml").read_text()
    assert "://py" not in text
    assert "pythonhosted" not in text


@pytest.mark.models
@pytest.mark.parametrize("name", catalogue.defaults())
def test_the_default_bundles_are_whole_to_the_last_byte(
    name: str, bundle: Callable[[str], Bundle]
) -> None:
    found = bundle(name)
    store = Store(found.folder.parent)
    assert store.get(name, every_byte=True) == found
    recipe = catalogue.find(name)
    used_up = {step.source for step in recipe.prepare}
    made = {step.target for step in recipe.prepare}
    assert {f.name for f in found.files} == {f.name for f in recipe.files} - used_up | made
