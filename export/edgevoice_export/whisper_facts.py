"""What a Whisper checkpoint says of itself in its JSON files: sizes, tokens, and their numbers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgevoice.errors import ModelError

MULTILINGUAL_VOCABULARY = 51865
"""Multilingual models have at least so many tokens; the English ones have 51864."""


@dataclass(frozen=True, slots=True)
class WhisperSizes:
    """The numbers that the graphs are built from."""

    mels: int
    width: int
    encoder_layers: int
    encoder_heads: int
    decoder_layers: int
    decoder_heads: int
    vocabulary: int
    audio_context: int
    text_context: int
    suppressed: tuple[int, ...] = ()
    suppressed_at_first: tuple[int, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any], generation: Mapping[str, Any]) -> WhisperSizes:
        """Read them from the contents of config.json and generation_config.json."""

        def suppressed(key: str) -> tuple[int, ...]:
            tokens = generation.get(key) or config.get(key) or ()
            return tuple(token for token in tokens if 0 <= token < config["vocab_size"])

        return cls(
            mels=config["num_mel_bins"],
            width=config["d_model"],
            encoder_layers=config["encoder_layers"],
            encoder_heads=config["encoder_attention_heads"],
            decoder_layers=config["decoder_layers"],
            decoder_heads=config["decoder_attention_heads"],
            vocabulary=config["vocab_size"],
            audio_context=config["max_source_positions"],
            text_context=config["max_target_positions"],
            suppressed=suppressed("suppress_tokens"),
            suppressed_at_first=suppressed("begin_suppress_tokens"),
        )

    @property
    def multilingual(self) -> bool:
        """Whether the model was trained on more languages than English."""
        return self.vocabulary >= MULTILINGUAL_VOCABULARY


class WhisperTokens:
    """The tokenizer.json of a Whisper checkpoint."""

    def __init__(self, tokenizer: Mapping[str, Any]) -> None:
        """Take the contents of tokenizer.json."""
        self._words: dict[str, int] = tokenizer["model"]["vocab"]
        self._special = {word["content"]: word["id"] for word in tokenizer["added_tokens"]}

    def special(self, name: str) -> int:
        """Return the number of the special token ``<|name|>``.

        Raises:
            ModelError: the tokenizer has none, so it is no Whisper tokenizer.

        """
        try:
            return int(self._special[f"<|{name}|>"])
        except KeyError:
            raise ModelError(
                f"tokenizer.json has no token <|{name}|>: it is not Whisper's.",
                hint="take the tokenizer.json of the checkpoint this one was fine-tuned from",
            ) from None

    @property
    def languages(self) -> dict[str, int]:
        """Language code -> token, in the order of tokens: those between the start and the tasks."""
        first, end = self.special("startoftranscript") + 1, self.special("translate")
        found = {word[2:-2]: n for word, n in self._special.items() if first <= n < end}
        return dict(sorted(found.items(), key=lambda item: item[1]))

    @property
    def silent(self) -> int:
        """The token that says that nobody speaks; its name changed over the years."""
        names = ("nospeech", "nocaptions")
        known = [name for name in names if f"<|{name}|>" in self._special]
        return self.special(known[0] if known else names[0])

    @property
    def blank(self) -> int:
        """The token of a single space."""
        return self._words["Ġ"]

    @property
    def prompt(self) -> list[int]:
        """What a transcription begins with, before <|notimestamps|>; English unless told else."""
        start = [self.special("startoftranscript")]
        if len(self.languages) < 2 or "en" not in self.languages:
            return start
        return [*start, self.languages["en"], self.special("transcribe")]

    def lines(self) -> str:
        """Return the text of tokens.txt: base64 of the bytes, a space, the number."""
        byte_of = byte_level_alphabet()
        ordered = sorted(self._words.items(), key=lambda item: item[1])
        return "".join(
            f"{base64.b64encode(bytes(byte_of[letter] for letter in word)).decode()} {number}\n"
            for word, number in ordered
            if word not in self._special
        )


def byte_level_alphabet() -> dict[str, int]:
    """Return the letters by which GPT-2's tokenizers write bytes.

    Printable bytes of Latin-1 stand for themselves; the others, in order, are the letters from
    U+0100 on (Radford et al. 2019, the released encoder).
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = (byte for byte in range(256) if byte not in printable)
    return {chr(byte): byte for byte in printable} | {
        chr(0x100 + place): byte for place, byte in enumerate(hidden)
    }


def metadata(sizes: WhisperSizes, tokens: WhisperTokens) -> dict[str, object]:
    """Return what sherpa-onnx reads from the encoder's file, and ends the process without."""
    prompt = tokens.prompt if sizes.multilingual else tokens.prompt[:1]
    return {
        "model_type": "whisper",
        "version": "1",
        "n_mels": sizes.mels,
        "n_audio_ctx": sizes.audio_context,
        "n_audio_state": sizes.width,
        "n_audio_head": sizes.encoder_heads,
        "n_audio_layer": sizes.encoder_layers,
        "n_vocab": sizes.vocabulary,
        "n_text_ctx": sizes.text_context,
        "n_text_state": sizes.width,
        "n_text_head": sizes.decoder_heads,
        "n_text_layer": sizes.decoder_layers,
        "sot_sequence": ",".join(map(str, prompt)),
        "all_language_tokens": ",".join(map(str, tokens.languages.values())),
        "all_language_codes": ",".join(tokens.languages),
        "sot": tokens.special("startoftranscript"),
        "sot_index": 0,
        "eot": tokens.special("endoftext"),
        "blank_id": tokens.blank,
        "is_multilingual": int(sizes.multilingual),
        "no_speech": tokens.silent,
        "transcribe": tokens.special("transcribe"),
        "translate": tokens.special("translate"),
        "sot_prev": tokens.special("startofprev"),
        "sot_lm": tokens.special("startoflm"),
        "no_timestamps": tokens.special("notimestamps"),
    }
