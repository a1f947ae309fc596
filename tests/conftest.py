"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgevoice.core.bundle import Bundle
from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.bundles.store import Store


@pytest.fixture(scope="session")
def store() -> Store:
    """The store that `edgevoice pull` fills."""
    return Store()


@pytest.fixture(scope="session")
def bundle() -> Callable[[str], Bundle]:
    """Return a bundle by name; a test that needs one which is absent fails and says so."""

    def get(name: str) -> Bundle:
        try:
            return Store().get(name)
        except EdgeVoiceError as error:
            pytest.fail(str(error))

    return get
