"""From the user's word for a checkpoint to a source on this device."""

from __future__ import annotations

import re
from pathlib import Path

from edgevoice.errors import BackendMissing, DownloadFailed, ModelError
from edgevoice.runtime.bundles.hub import PREFIX
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export.checkpoint import CONFIG, open_checkpoint
from edgevoice_export.sources import Source

WANTED = ["*.safetensors", "*.json", "*.txt", "*.model", "README.md", "LICENSE*"]
"""What an export reads. Other formats of the same weights are not downloaded."""

_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(@[\w./-]+)?")


def locate(name: str, progress: Progress) -> Source:
    """Return the source called ``name``: a path, or [hf:]ORG/REPO[@REVISION] on the hub.

    Raises:
        ModelError: there is nothing there, or it is no checkpoint.
        DownloadFailed: the hub cannot be reached, or does not have it.

    """
    path = Path(name).expanduser()
    if name.startswith(PREFIX) or not path.exists():
        name = name.removeprefix(PREFIX)
        if not _HUB_NAME.fullmatch(name):
            raise ModelError(f"There is nothing at {path}.", hint="the folder of a checkpoint")
        path = _download(name, progress)
    if voice := _piper_voice(path):
        return voice
    return open_checkpoint(path)


def _piper_voice(path: Path) -> Source | None:
    if path.suffix == ".ckpt":
        raise ModelError(
            f"{path} is a training checkpoint of Piper, which only Piper's own code can read.",
            hint="python -m piper_train.export_onnx, then the .onnx file that it writes",
        )
    described = path.is_dir() and not (path / CONFIG).exists() and any(path.glob("*.onnx.json"))
    if not described and path.suffix != ".onnx":
        return None
    try:
        from edgevoice_export.piper_voice import find_voice, open_voice
    except ModuleNotFoundError as missing:
        raise BackendMissing(str(missing.name), extra="export") from missing
    return open_voice(find_voice(path))


def _download(name: str, progress: Progress) -> Path:
    """Bring a repository into the hub's cache (``HF_HOME``), and return its folder."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ModuleNotFoundError as missing:
        raise BackendMissing("huggingface_hub", extra="export") from missing
    repo, _, revision = name.partition("@")
    progress.say(f"fetching {repo} from the hub")
    try:
        return Path(snapshot_download(repo, revision=revision or None, allow_patterns=WANTED))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DownloadFailed(
            f"{repo} could not be fetched from the hub: {reason}",
            hint="check the name and the network, or give the folder of a checkpoint",
        ) from error
