"""A token cache on disk: whose it is, its tokens, and the native library's bytes.

They are checked before the native library sees them: it trusts what it reads.
"""

from __future__ import annotations

import hashlib
import os
import struct
from array import array
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

_LAYOUT = struct.Struct("<16s32s32sQ")
"""Name of the format, hash of all that follows the hash, hash of the key, number of tokens."""

_MAGIC = b"edgevoice-kv-1\n\0"


def write_state(path: Path, key: str, tokens: Sequence[int], state: bytes) -> None:
    """Write the file whole or not at all; only its owner can read it: it may hold a talk."""
    body = array("i", tokens).tobytes() + state
    key_hash, count = hashlib.sha256(key.encode()).digest(), len(tokens)
    head = _LAYOUT.pack(_MAGIC, _checksum(key_hash, count, body), key_hash, count)
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
        try:
            file.write(head)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def read_state(path: Path, key: str) -> tuple[list[int], bytes] | None:
    """Return the tokens and the state in the file; None when it is absent, stale or damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) < _LAYOUT.size:
        return None
    magic, checksum, key_hash, count = _LAYOUT.unpack_from(data)
    body = memoryview(data)[_LAYOUT.size :]
    tokens = array("i")
    stale = magic != _MAGIC or key_hash != hashlib.sha256(key.encode()).digest()
    if stale or checksum != _checksum(key_hash, count, body):
        return None
    split = count * tokens.itemsize
    tokens.frombytes(body[:split])
    return tokens.tolist(), bytes(body[split:])


def _checksum(key_hash: bytes, count: int, body: bytes | memoryview) -> bytes:
    hashed = hashlib.sha256(key_hash + count.to_bytes(8, "little"))
    hashed.update(body)
    return hashed.digest()
