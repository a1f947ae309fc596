import ctypes
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llama_cpp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgevoice.backends.gguf_header import BLOCKS, GgufHeader, read_header
from edgevoice.core.bundle import Bundle
from edgevoice.errors import ModelDamaged

Bundles = Callable[[str], Bundle]
Pair = tuple[str, int, bytes]

U32, STRING, ARRAY = 4, 8, 9
F32, Q8_0 = 0, 8


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def u32(key: str, value: int) -> Pair:
    return key, U32, struct.pack("<I", value)


def strings(key: str, *values: str) -> Pair:
    return key, ARRAY, struct.pack("<IQ", STRING, len(values)) + b"".join(map(text, values))


def numbers(key: str, *values: int) -> Pair:
    return key, ARRAY, struct.pack(f"<IQ{len(values)}I", U32, len(values), *values)


def tensor(name: str, kind: int, offset: int, *shape: int) -> bytes:
    sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + sizes + struct.pack("<IQ", kind, offset)


def gguf(
    pairs: list[Pair], tensors: list[bytes], data: int = 0, version: int = 3, **lies: int
) -> bytes:
    """Lay out a GGUF file whose tensors take ``data`` bytes."""
    n_tensors, n_pairs = lies.get("n_tensors", len(tensors)), lies.get("n_pairs", len(pairs))
    head = b"GGUF" + struct.pack("<IQQ", version, n_tensors, n_pairs)
    for key, kind, value in pairs:
        head += text(key) + struct.pack("<I", kind) + value
    head += b"".join(tensors)
    return head + bytes(-len(head) % 32) + bytes(data)


SIZES = [
    ("general.architecture", STRING, text("tiny")),
    u32("tiny.block_count", 3),
    u32("tiny.embedding_length", 64),
    u32("tiny.attention.head_count", 4),
    u32("tiny.attention.head_count_kv", 2),
]
TENSORS = [tensor("a", Q8_0, 0, 64, 2), tensor("b", F32, 160, 10)]
WHOLE = gguf([*SIZES, strings("tokenizer.ggml.tokens", "a", "b")], TENSORS, data=200)


def read(folder: Path, data: bytes) -> GgufHeader:
    path = folder / "model.gguf"
    path.write_bytes(data)
    return read_header(path)


def test_it_tells_sizes_and_vocabulary(tmp_path: Path) -> None:
    header = read(tmp_path, WHOLE)
    assert header.type_bytes == {Q8_0: 136, F32: 40}
    assert header.tensor_bytes == 176
    assert header.vocabulary == 2
    assert header.size("block_count") == 3


@pytest.mark.parametrize(
    ("changes", "per_token"),
    [
        ([], 3 * 2 * (16 + 16) * 2),
        ([u32("tiny.attention.key_length", 8)], 3 * 2 * (8 + 16) * 2),
        ([u32("tiny.attention.value_length", 4)], 3 * 2 * (16 + 4) * 2),
        ([numbers("tiny.attention.head_count_kv", 2, 0, 1)], 3 * (16 + 16) * 2),
    ],
    ids=["heads of equal width", "narrow keys", "narrow values", "heads differ by layer"],
)
def test_the_cache_takes_keys_and_values_of_every_layer(
    tmp_path: Path, changes: list[Pair], per_token: int
) -> None:
    changed = {key for key, _, _ in changes}
    pairs = [pair for pair in SIZES if pair[0] not in changed] + changes
    assert read(tmp_path, gguf(pairs, [])).kv_bytes_per_token(2) == per_token


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"GG", "cut off at byte 2"),
        (b"RIFF" + bytes(60), "not a GGUF"),
        (gguf([], [], version=1), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version 50331648"),
        (gguf([], [], n_tensors=10**15), "1000000000000000 tensors"),
        (gguf([], [], n_pairs=2**63), "settings in"),
        (gguf(SIZES, [], n_pairs=6), "cut off"),
        (gguf([("k", 99, b"1234")], []), "unknown type 99"),
        (gguf([("k", ARRAY, struct.pack("<IQ", ARRAY, 1))], []), "array of the unknown type 9"),
        (gguf([("k", ARRAY, struct.pack("<IQ", U32, 2**62))], []), "cut off"),
        (gguf([("k", ARRAY, struct.pack("<IQ", STRING, 2**62))], []), "cut off"),
        (gguf([("k", STRING, struct.pack("<Q", 2**64 - 1))], []), "cut off"),
        (gguf([u32("general.alignment", 0)], []), "alignment is 0"),
        (gguf([], [tensor("t", 4, 0, 1)], data=32), "unknown type 4"),
        (gguf([], [tensor("t", F32, 0, 1, 1, 1, 1, 1)], data=32), "5 dimensions"),
        (gguf([], [tensor("t", F32, 0, 2**60)], data=32), "is cut off"),
        (WHOLE[:-1], "is cut off"),
    ],
)
def test_a_damaged_file_is_told_in_words(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(ModelDamaged, match=says):
        read(tmp_path, data)


@given(cut=st.integers(0, len(WHOLE) - 1))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_off_anywhere_is_damaged(tmp_path: Path, cut: int) -> None:
    with pytest.raises(ModelDamaged):
        read(tmp_path, WHOLE[:cut])


@given(at=st.integers(0, len(WHOLE) - 201), new=st.binary(min_size=1, max_size=9))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_header_is_read_or_damaged(tmp_path: Path, at: int, new: bytes) -> None:
    try:
        read(tmp_path, WHOLE[:at] + new + WHOLE[at + len(new) :])
    except ModelDamaged as damaged:
        assert "model.gguf" in str(damaged)  # noqa: PT017 - both outcomes are right


def test_block_sizes_are_those_of_the_library() -> None:
    ggml: Any = ctypes.CDLL(str(Path(llama_cpp.__file__).parent / "lib" / "libggml-base.so"))
    ggml.ggml_blck_size.restype = ctypes.c_int64
    ggml.ggml_type_size.restype = ctypes.c_size_t
    known = {kind: (ggml.ggml_blck_size(kind), ggml.ggml_type_size(kind)) for kind in range(43)}
    assert {kind: block for kind, block in known.items() if block[0]} == BLOCKS


@pytest.mark.models
def test_the_header_of_a_real_model_agrees_with_the_library(bundle: Bundles) -> None:
    smollm = bundle("smollm2-135m")
    header = read_header(smollm.path(smollm.files[0].name))
    assert header.kv_bytes_per_token(2) == 23_040  # llama.cpp: 45 MiB for 2048 tokens
    assert header.vocabulary == 49_152
    assert 0 < smollm.files[0].size_bytes - header.tensor_bytes < 2e6
