import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import llama_cpp
import pytest

from edgevoice.backends import gguf, gguf_state_file
from edgevoice.backends.gguf_llm import GgufLlm
from edgevoice.backends.gguf_native import NativeContext
from edgevoice.cancel import Cancelled, CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.core.history import Message
from edgevoice.errors import BackendFailed

pytestmark = pytest.mark.models

Bundles = Callable[[str], Bundle]

SYSTEM = Message("system", "You are a helpful AI assistant. Answer in one or two short sentences.")
FRANCE = [SYSTEM, Message("user", "What is the capital of France?")]
WHALE = [SYSTEM, Message("user", "What is the largest animal in the world?")]
PICNIC = (
    "We want to go to the lake on Sunday with our two children and their grandmother, who cannot "
    "walk very far. There is a small train, and there are boats for hire. We would like to eat "
    "outside if the weather is fine, and somewhere dry if it is not. "
)


@pytest.fixture(scope="module")
def smollm(bundle: Bundles) -> Bundle:
    """The model without the opening that its bundle brings along."""
    return replace(bundle("smollm2-135m"), options={})


@pytest.fixture(scope="module")
def shared(smollm: Bundle) -> GgufLlm:
    return gguf.load(smollm)


@pytest.fixture
def llm(shared: GgufLlm) -> GgufLlm:
    """A model whose cache is empty."""
    shared._cache._clear()
    return shared


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all pieces that a context evaluates from now on."""
    sizes: list[int] = []
    decode = NativeContext.decode

    def counting(context: NativeContext, tokens: Sequence[int], *, output: bool) -> bool:
        sizes.append(len(tokens))
        return decode(context, tokens, output=output)

    monkeypatch.setattr(NativeContext, "decode", counting)
    return sizes


def says(llm: GgufLlm, talk: Sequence[Message], max_tokens: int = 40) -> str:
    return "".join(llm.reply(talk, max_tokens, CancelScope()))


def says_afresh(llm: GgufLlm, talk: Sequence[Message], max_tokens: int = 40) -> str:
    llm._cache._clear()
    return says(llm, talk, max_tokens)


def test_it_answers(llm: GgufLlm) -> None:
    assert "Paris" in says(llm, FRANCE)


def test_a_reply_is_text_without_markup_and_ends_by_itself(llm: GgufLlm) -> None:
    pieces = list(llm.reply(FRANCE, 200, CancelScope()))
    assert 3 < len(pieces) < 100
    assert all(pieces)
    assert "<|" not in "".join(pieces)
    assert not pieces[0][0].isspace()


def test_the_same_talk_gets_the_same_reply(llm: GgufLlm) -> None:
    assert says(llm, WHALE) == says(llm, WHALE) == says_afresh(llm, WHALE)


@pytest.mark.parametrize(
    "text", ["", " ", "a b", "\n\nx", "end<|im_end|>", "é🙂", "\ud83d", "x\0y"]
)
def test_message_by_message_the_tokens_are_those_of_the_whole(llm: GgufLlm, text: str) -> None:
    talk = [SYSTEM, *WHALE[1:], Message("assistant", text), Message("user", f"{text} Why?")]
    prompts = llm._prompts
    assert prompts._end == "<|im_end|>"
    assert prompts.tokens(talk) == llm._model.tokenize(prompts._render(talk), markup=True)


def test_the_system_prompt_is_evaluated_once(llm: GgufLlm, evaluated: list[int]) -> None:
    says(llm, FRANCE, 1)
    whole = sum(evaluated)
    assert whole == llm.count_tokens(FRANCE)
    evaluated.clear()
    says(llm, WHALE, 1)
    assert sum(evaluated) < whole - 20


def test_prefill_leaves_little_to_the_reply(llm: GgufLlm, evaluated: list[int]) -> None:
    assert llm.prefill(FRANCE, CancelScope()) > 25
    assert llm.prefill(FRANCE, CancelScope()) == 0
    evaluated.clear()
    reply = says(llm, FRANCE)
    assert evaluated[0] <= 8  # the last word, the message's end, and the reply's beginning
    assert reply == says_afresh(llm, FRANCE)


def test_prefill_follows_words_as_they_are_heard(llm: GgufLlm, evaluated: list[int]) -> None:
    words = FRANCE[-1].text.split()
    for count in range(len(words) + 1):
        llm.prefill([SYSTEM, Message("user", " ".join(words[:count]))], CancelScope())
    assert sum(evaluated) == len(llm._prompts.open_tokens(FRANCE))


def test_a_correction_rewinds_to_the_last_word_in_common(
    llm: GgufLlm, evaluated: list[int]
) -> None:
    llm.prefill([SYSTEM, Message("user", "What is the capitol of France ")], CancelScope())
    evaluated.clear()
    reply = says(llm, FRANCE)
    assert evaluated[0] < 14
    assert reply == says_afresh(llm, FRANCE)


def test_prefill_takes_the_history_before_the_user_speaks(
    llm: GgufLlm, evaluated: list[int]
) -> None:
    history = [*FRANCE, Message("assistant", says(llm, FRANCE))]
    llm.prefill(history, CancelScope())
    evaluated.clear()
    says(llm, [*history, Message("user", "And of Spain?")], 1)
    assert sum(evaluated) < 12


def test_a_reply_cancelled_at_any_token_leaves_the_cache_in_order(llm: GgufLlm) -> None:
    talk = [*WHALE, Message("assistant", "It is the blue"), Message("user", "How long is it?")]
    expected = says_afresh(llm, talk)
    first = list(llm.reply(WHALE, 40, CancelScope()))
    for heard in range(1, len(first)):
        scope = CancelScope()
        reply = llm.reply(WHALE, 40, scope)
        assert [next(reply) for _ in range(heard)] == first[:heard]
        scope.cancel()
        with pytest.raises(Cancelled):
            next(reply)
        assert says(llm, talk) == expected


@pytest.mark.parametrize("piece", range(4))
def test_a_prompt_cancelled_at_any_piece_leaves_the_cache_in_order(
    llm: GgufLlm, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    long = [SYSTEM, Message("user", PICNIC * 2 + "What is the capital of France?")]
    monkeypatch.setattr(llm._cache, "_piece_tokens", 32)
    expected = says_afresh(llm, long, 12)
    llm._cache._clear()
    scope = CancelScope()
    decode = NativeContext.decode
    begun: list[int] = []

    def cancelling(context: NativeContext, tokens: Sequence[int], *, output: bool) -> bool:
        begun.append(len(tokens))
        if len(begun) > piece:
            scope.cancel()
        return decode(context, tokens, output=output)

    with monkeypatch.context() as patch:
        patch.setattr(NativeContext, "decode", cancelling)
        with pytest.raises(Cancelled):
            llm.prefill(long, scope)
    assert len(llm._cache.tokens) == piece * 32
    assert says(llm, long, 12) == expected


def test_a_prompt_is_stopped_inside_a_native_call(llm: GgufLlm) -> None:
    long = [SYSTEM, Message("user", PICNIC * 20)]
    scope = CancelScope()
    threading.Timer(0.03, scope.cancel).start()
    with pytest.raises(Cancelled):
        llm.prefill(long, scope)
    assert says(llm, FRANCE) == says_afresh(llm, FRANCE)


def test_a_cancelled_scope_starts_nothing(llm: GgufLlm, evaluated: list[int]) -> None:
    scope = CancelScope()
    scope.cancel()
    with pytest.raises(Cancelled):
        llm.prefill(FRANCE, scope)
    with pytest.raises(Cancelled):
        next(iter(llm.reply(FRANCE, 5, scope)))
    assert evaluated == []


def test_a_scope_of_an_earlier_call_stops_no_later_one(llm: GgufLlm) -> None:
    earlier = CancelScope()
    llm.prefill(FRANCE, earlier)
    reply = llm.reply(FRANCE, 40, CancelScope())
    first = next(iter(reply))
    earlier.cancel()
    assert first + "".join(reply) == says_afresh(llm, FRANCE)


def test_dropped_turns_are_not_paid_for(llm: GgufLlm, evaluated: list[int]) -> None:
    oldest = [Message("user", PICNIC), Message("assistant", "That sounds like a fine day.")]
    newer = [Message("user", "What is the capital of France?"), Message("assistant", "Paris.")]
    newer += [Message("user", PICNIC[:160]), Message("assistant", "Take the train, then.")]
    question = Message("user", "And what is the capital of Italy?")
    says(llm, [SYSTEM, *oldest, *newer], 8)
    evaluated.clear()
    reply = says(llm, [SYSTEM, *newer, question])
    assert evaluated[0] < 20 < llm.count_tokens(newer)
    assert "Rome" in reply


def test_moved_tokens_close_up(llm: GgufLlm, evaluated: list[int]) -> None:
    turn = [Message("user", PICNIC), Message("assistant", "Yes.")]
    llm.prefill([SYSTEM, *WHALE[1:], Message("assistant", "A whale."), *turn], CancelScope())
    evaluated.clear()
    llm.prefill([SYSTEM, *turn], CancelScope())
    assert evaluated == []
    last = llama_cpp.llama_memory_seq_pos_max(llm._context._memory, 0)
    assert last == len(llm._cache.tokens) - 1


@pytest.mark.parametrize("refusing", ["rewind", "close_hole"])
def test_a_model_that_cannot_go_back_begins_anew(
    llm: GgufLlm, monkeypatch: pytest.MonkeyPatch, refusing: str
) -> None:
    turn = [Message("user", PICNIC), Message("assistant", "Yes.")]
    expected = says_afresh(llm, [SYSTEM, *turn, *FRANCE[1:]])
    says_afresh(llm, [SYSTEM, *WHALE[1:], Message("assistant", "A whale."), *turn], 8)
    monkeypatch.setattr(NativeContext, refusing, lambda *args: False)
    assert says(llm, [SYSTEM, *turn, *FRANCE[1:]]) == expected


def test_a_talk_that_does_not_fit_is_refused(smollm: Bundle) -> None:
    small = gguf.load(smollm, context_tokens=256)
    assert small.context_tokens == 256
    with pytest.raises(BackendFailed, match=r"The talk is \d+ tokens long, and 256 fit"):
        says(small, [SYSTEM, Message("user", PICNIC * 6)])
    assert small.prefill([SYSTEM, Message("user", PICNIC * 6)], CancelScope()) == 255
    assert "Paris" in says(small, FRANCE)


def test_a_reply_ends_where_the_context_is_full(smollm: Bundle) -> None:
    small = gguf.load(smollm, context_tokens=256)
    nearly = [SYSTEM, Message("user", PICNIC * 3 + "Go on. " * 15 + "Tell me a long story.")]
    assert 4 < 256 - small.count_tokens(nearly) < 12
    assert says(small, nearly, 200)
    assert len(small._cache.tokens) == 255  # the last token is said and needs no evaluation


def test_a_reply_ends_at_its_longest(llm: GgufLlm) -> None:
    story = [SYSTEM, Message("user", "Tell me a long story about a dog.")]
    assert len(list(llm.reply(story, 7, CancelScope()))) == 7


@pytest.mark.parametrize(("asked", "given"), [(1, 256), (300, 512), (10**6, 8192)])
def test_a_context_is_a_multiple_of_256_up_to_what_was_trained(
    smollm: Bundle, asked: int, given: int
) -> None:
    assert gguf.load(smollm, context_tokens=asked).context_tokens == given


def test_a_saved_prefix_spares_a_new_process_its_evaluation(
    smollm: Bundle, llm: GgufLlm, tmp_path: Path, evaluated: list[int]
) -> None:
    path = tmp_path / "cache" / "prefix.kv"
    expected = says(llm, FRANCE)
    llm._cache._clear()
    saved = llm.prefill([SYSTEM], CancelScope())
    llm.save_prefix(path)
    assert path.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == ["prefix.kv"]
    again = gguf.load(smollm)
    assert again.load_prefix(path) == saved
    evaluated.clear()
    assert says(again, FRANCE) == expected
    assert evaluated[0] < 16


def test_the_systems_words_and_nothing_else_are_kept_for_the_next_start(
    smollm: Bundle, tmp_path: Path, evaluated: list[int]
) -> None:
    path = tmp_path / "cache" / "smollm.prefix"
    first = gguf.load(smollm, prefix_file=path)
    first.prefill([SYSTEM], CancelScope())
    kept = path.read_bytes()
    says(first, FRANCE)
    first.prefill([*FRANCE, Message("assistant", "Paris.")], CancelScope())
    assert path.read_bytes() == kept
    again = gguf.load(smollm, prefix_file=path)
    evaluated.clear()
    assert again.prefill([SYSTEM], CancelScope()) == 0
    assert evaluated == []


def test_a_prefix_that_cannot_be_kept_is_done_without(smollm: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    llm = gguf.load(smollm, prefix_file=tmp_path / "file" / "smollm.prefix")
    assert llm.prefill([SYSTEM], CancelScope()) > 0


@pytest.mark.parametrize("damage", ["absent", "empty", "cut", "head", "tokens", "state"])
def test_a_damaged_prefix_is_ignored(llm: GgufLlm, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "prefix.kv"
    llm.prefill([SYSTEM], CancelScope())
    llm.save_prefix(path)
    data = bytearray(path.read_bytes())
    if damage in {"head", "tokens", "state"}:
        data[{"head": 3, "tokens": 100, "state": -5}[damage]] ^= 1
    path.write_bytes({"empty": b"", "cut": bytes(data[:-1])}.get(damage, bytes(data)))
    if damage == "absent":
        path.unlink()
    before = list(llm._cache.tokens)
    assert llm.load_prefix(path) == 0
    assert llm._cache.tokens == before
    assert "Paris" in says(llm, FRANCE)


def test_a_prefix_of_another_model_is_ignored(smollm: Bundle, llm: GgufLlm, tmp_path: Path) -> None:
    llm.prefill([SYSTEM], CancelScope())
    llm.save_prefix(tmp_path / "prefix.kv")
    others = replace(smollm, files=tuple(replace(f, sha256="0" * 64) for f in smollm.files))
    narrow = replace(smollm, options={"kv_type": "q8_0"})
    for other in (others, narrow):
        assert gguf.load(other, context_tokens=256).load_prefix(tmp_path / "prefix.kv") == 0


def test_a_prefix_that_the_library_refuses_leaves_an_empty_cache(
    llm: GgufLlm, tmp_path: Path
) -> None:
    llm.prefill([SYSTEM], CancelScope())
    gguf_state_file.write_state(tmp_path / "prefix.kv", llm._key, [1, 2, 3], b"no such state")
    assert llm.load_prefix(tmp_path / "prefix.kv") == 0
    assert says(llm, FRANCE) == says_afresh(llm, FRANCE)


def test_a_narrow_cache_answers_as_well_and_takes_half(smollm: Bundle) -> None:
    narrow = replace(smollm, options={"kv_type": "q8_0"})
    spared = gguf.need_mb(smollm, 4096) - gguf.need_mb(narrow, 4096)
    assert spared == pytest.approx(4096 * 23_040 / 1e6 * (1 - 17 / 32))
    assert "Paris" in says(gguf.load(narrow), FRANCE)


def test_the_seed_decides_where_there_is_a_choice(smollm: Bundle) -> None:
    story = [SYSTEM, Message("user", "Tell me a short story about a dog.")]
    replies = [
        says(gguf.load(smollm, temperature=1.0, seed=seed, context_tokens=512), story)
        for seed in (1, 1, 2)
    ]
    assert replies[0] == replies[1] != replies[2]


def test_a_phrase_is_not_said_again_and_again(smollm: Bundle) -> None:
    question = [SYSTEM, Message("user", "What can I cook with rice and eggs?")]
    lame = gguf.load(replace(smollm, options={"loop_penalty": "0"}), context_tokens=512)
    good = gguf.load(smollm, context_tokens=512)
    assert 4 * repeats(says(good, question, 120)) < repeats(says(lame, question, 120))


def repeats(text: str) -> int:
    """How many of the phrases of five words have been said before."""
    words = text.split()
    phrases = [tuple(words[at : at + 5]) for at in range(len(words) - 4)]
    return len(phrases) - len(set(phrases))


def test_a_bundle_may_bring_an_opening(smollm: Bundle) -> None:
    opening = "What is the capital of Spain?\nMadrid."
    llm = gguf.load(replace(smollm, options={"opening": opening}), context_tokens=512)
    assert says(llm, FRANCE) == "Paris."


def test_threads_can_be_changed_between_replies(llm: GgufLlm) -> None:
    for threads, prompt_threads, as_set in ((2, 0, (2, 2)), (1, 0, (1, 1)), (1, 2, (1, 2))):
        llm.set_threads(threads, prompt_threads)
        pointer = llm._context._pointer
        much = f"{as_set} and " * 20
        for text, readers in ((much, as_set[1]), (f"{much} more ", as_set[0])):
            llm.prefill([Message("user", text)], CancelScope())  # a few are read as one is written
            assert llama_cpp.llama_n_threads(pointer) == as_set[0]
            assert llama_cpp.llama_n_threads_batch(pointer) == readers
        assert "Paris" in says(llm, FRANCE)


def test_nothing_is_printed(smollm: Bundle, capfd: pytest.CaptureFixture[str]) -> None:
    says(gguf.load(smollm, context_tokens=256), FRANCE)
    assert capfd.readouterr() == ("", "")
