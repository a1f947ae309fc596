"""What the speech-to-text engines of sherpa-onnx have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.errors import BackendFailed, ModelDamaged


def build(make: Callable[[], Any], name: str) -> Any:
    """Return the recognizer that ``make`` makes of the bundle called ``name``.

    Raises:
        ModelDamaged: a file cannot be read as a model.

    """
    try:
        return make()
    except Exception as error:
        raise ModelDamaged(
            f"{name} cannot be read as a model: {error}", hint=f"edgevoice pull {name}"
        ) from error


def decode(recognizer: Any, samples: Samples) -> str:
    """Return the words of 16 kHz ``samples``; see ``decode_tokens``."""
    return decode_tokens(recognizer, samples)[0]


def decode_tokens(recognizer: Any, samples: Samples) -> tuple[str, int | None]:
    """Return the words of 16 kHz ``samples`` and of how many tokens they are, in one native call.

    The number is None where letters lie across tokens: no binding gives these out.

    Raises:
        BackendFailed: the library reported an error.

    """
    try:
        stream = recognizer.create_stream()
        stream.accept_waveform(EARS_RATE, samples)
        recognizer.decode_stream(stream)
        return _text(stream.result).strip(), _count(stream.result)
    except Exception as error:
        raise BackendFailed(f"sherpa-onnx failed: {error}") from error


def _text(result: Any) -> str:
    """Return the text without what is left of a letter that was cut in the middle."""
    try:
        return str(result.text)
    except UnicodeDecodeError as cut:
        return cut.object.decode("utf-8", errors="ignore")


def _count(result: Any) -> int | None:
    try:
        return len(result.tokens)
    except UnicodeDecodeError:
        return None
