"""A tokenizer's vocabulary as sherpa-onnx reads it for Moonshine: base64 of each token's bytes."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from edgevoice.errors import ModelError

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def lines(tokenizer: Mapping[str, Any]) -> str:
    """Return the text of tokens.txt from the contents of a tokenizer.json with byte fallback.

    Raises:
        ModelError: the tokenizer writes its tokens in another way.

    """
    model = tokenizer.get("model", {})
    words: dict[str, int] = model.get("vocab", {})
    if not isinstance(words, dict) or not model.get("byte_fallback"):
        raise ModelError(
            "tokenizer.json is not a BPE tokenizer with byte fallback, as Moonshine's is.",
            hint="take the tokenizer.json of the checkpoint this one was fine-tuned from",
        )
    added = {word["content"]: word["id"] for word in tokenizer.get("added_tokens", ())}
    ordered = sorted((words | added).items(), key=lambda item: item[1])
    return "".join(
        f"{base64.b64encode(_bytes(word)).decode()}\t{number}\n" for word, number in ordered
    )


def _bytes(word: str) -> bytes:
    byte = _BYTE.fullmatch(word)
    return bytes.fromhex(byte[1]) if byte else word.encode()
