"""Model files from the Hugging Face hub, or from a mirror named by ``HF_ENDPOINT``.

Names, tokens, metadata and the cache under ``HF_HOME`` are huggingface_hub's; the bytes are
brought by ``download``, because huggingface_hub drops what an interrupted process had of a file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from edgevoice.core.bundle import ModelFile
from edgevoice.errors import BackendMissing, DownloadFailed, Misused
from edgevoice.runtime.bundles.catalogue import Recipe
from edgevoice.runtime.bundles.download import RETRY, download
from edgevoice.runtime.bundles.kinds import recognize
from edgevoice.runtime.bundles.progress import Progress

PREFIX = "hf:"


@dataclass(frozen=True, slots=True)
class Place:
    """A repository on the hub, and a file or folder in it ("" for all of it)."""

    repo: str
    path: str
    revision: str = "main"


def parse(text: str) -> Place:
    """Read ``[hf:]org/repo[@revision][/path]``.

    Raises:
        Misused: it has another form.

    """
    org, _, rest = text.removeprefix(PREFIX).partition("/")
    repo, _, path = rest.partition("/")
    repo, _, revision = repo.partition("@")
    if not org or not repo:
        raise Misused(f"{text!r} names nothing on the hub.", hint="hf:ORG/REPO[@REVISION][/FILE]")
    return Place(f"{org}/{repo}", path.strip("/"), revision or "main")


def recipe(place: Place, name: str, *, role: str = "", engine: str = "") -> Recipe:
    """Return the recipe of what lies at ``place``, told from the names of its files.

    Raises:
        DownloadFailed: the hub cannot be reached, or has no such place.
        Misused: the files are not those of a model, or several could be meant.

    """
    with _hub_errors(place):
        from huggingface_hub import HfApi

        info = HfApi().model_info(place.repo, revision=place.revision, files_metadata=True)
    listed = {s.rfilename: s for s in info.siblings or () if _meant(s.rfilename, place.path)}
    paths = {PurePosixPath(path).name: path for path in sorted(listed, reverse=True)}
    where = f"{PREFIX}{place.repo}/{place.path}".rstrip("/")
    kind, chosen = recognize(sorted(paths), where=where, role=role, engine=engine)
    return Recipe(
        name=name,
        title=where,
        role=kind.role,
        engine=kind.engine,
        licence=str(getattr(info.card_data, "license", None) or "unknown"),
        source=where,
        files=tuple(_promised(file, listed[paths[file]]) for file in chosen),
        hub={file: f"{place.repo}@{info.sha}/{paths[file]}" for file in chosen},
        languages=_languages(getattr(info.card_data, "language", None)),
        sample_rate=kind.sample_rate,
    )


def fetch(recipe: Recipe, work: Path, progress: Progress) -> None:
    """Bring the files of ``recipe`` into ``work``, going on where an earlier attempt stopped.

    Raises:
        DownloadFailed: the hub cannot be reached, or has not the file that was promised.

    """
    here = sum(_length(work / file.name) for file in recipe.files)
    progress.begin(recipe.name, sum(file.size_bytes for file in recipe.files), here)
    for file in recipe.files:
        if _length(work / file.name) != file.size_bytes:
            _bring(parse(recipe.hub[file.name]), file, work / file.name, progress)


def _bring(place: Place, file: ModelFile, target: Path, progress: Progress) -> None:
    with _hub_errors(place):
        import huggingface_hub as hub

        cached = hub.try_to_load_from_cache(place.repo, place.path, revision=place.revision)
        if isinstance(cached, str) and _length(Path(cached)) == file.size_bytes:
            progress.advance(file.size_bytes - _length(target))
            _link_or_copy(Path(cached).resolve(), target)
            return
        url = hub.hf_hub_url(place.repo, place.path, revision=place.revision)
        found = hub.get_hf_file_metadata(url)
        headers = hub.utils.build_hf_headers()  # type: ignore[attr-defined]  # exported at run time
    if urlsplit(found.location).netloc != urlsplit(url).netloc:
        # A token is for the hub alone, not for the storage that the hub sends us to.
        headers.pop("authorization", None)
    download(found.location, target, file.size_bytes, progress.advance, headers)


def _meant(path: str, wanted: str) -> bool:
    """Whether ``path`` is the file asked for, its description, or in the folder asked for."""
    if not wanted:
        return "/" not in path
    return path in {wanted, f"{wanted}.json"} or str(PurePosixPath(path).parent) == wanted


def _promised(name: str, sibling: Any) -> ModelFile:
    """Return what the hub says of a file; it knows SHA-256 of the large ones only."""
    return ModelFile(name, sibling.lfs.sha256 if sibling.lfs else "", sibling.size or 0)


def _languages(told: object) -> tuple[str, ...]:
    if isinstance(told, str):
        return (told,)
    return tuple(map(str, told)) if isinstance(told, list) else ()


def _link_or_copy(source: Path, target: Path) -> None:
    """Take a file of the hub's cache, which nobody writes to, without a second copy of it."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def _hub_errors(place: Place) -> Iterator[None]:
    try:
        from huggingface_hub import errors
    except ModuleNotFoundError as missing:
        raise BackendMissing("huggingface_hub", extra="hub") from missing
    try:
        yield
    except errors.GatedRepoError as error:
        raise DownloadFailed(
            f"The hub gives {place.repo} only to those who accepted its terms.",
            hint="accept them on its page, then hf auth login",
        ) from error
    except errors.HfHubHTTPError as error:
        raise _refusal(place, error.response.status_code) from error
    except errors.HFValidationError as error:
        raise Misused(f"{place.repo!r} names nothing on the hub: {error}") from error
    except (errors.HTTPError, OSError) as error:  # type: ignore[attr-defined]  # as above
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DownloadFailed(
            f"The hub could not be asked for {place.repo}: {reason}", hint=RETRY
        ) from error


def _refusal(place: Place, status: int) -> DownloadFailed:
    """Return what an HTTP status of the hub means: it hides what is private behind 401 and 404."""
    where = f"{place.repo}/{place.path}".rstrip("/")
    if status == HTTPStatus.NOT_FOUND:
        return DownloadFailed(
            f"The hub has no {where} at {place.revision}.", hint="check the name, or hf auth login"
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return DownloadFailed(
            f"The hub has no {where}, or not for everybody.",
            hint="check the name, or hf auth login",
        )
    return DownloadFailed(f"The hub answered {status} for {where}.", hint=RETRY)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
