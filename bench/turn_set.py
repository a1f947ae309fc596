"""A test set for turn-taking: recorded human speech, with pauses and noises put into it.

    python -m bench.turn_set [--listen FOLDER] [--json FILE]

The recordings are those of ``edgevoice_quantize.speech`` (Asterisk's prompts, CC-BY-SA-3.0, and
LibriVox, public domain); what they lack comes from ``bench.turn_set_voices`` and is marked as
synthetic. They are gated in the studio, so the noise of a quiet room lies under each whole item,
pauses included, and each is said at a loudness of its own.

The same on every machine. Half of it is held back from fitting: no text is in both halves.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.random import Generator

from bench import turn_set_sounds as sounds
from bench import turn_set_voices as voices
from bench import turn_set_words
from bench.dialogue import end_of_speech_s, from_first_sound
from bench.report import parser, table, write
from bench.turn_set_item import OVER_THE_REPLY, Item, Kind, Said, split_of
from bench.turn_set_pauses import false_start, own_pauses, paused
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.runtime.wav import WavWriter
from edgevoice_quantize.speech import Clip, asterisk, librivox

LEAD_S = 0.5
"""Room before the first word of a turn."""

TAIL_S = 4.0
"""Room after the last one, for decisions that come late."""

GAIN_DB = (-14.0, 0.0)
"""How much less loud than recorded the items are: speakers sit near and far."""

ROOM_DB = (-68.0, -50.0)
"""The room's noise in dB of full scale; the speech has about -20 before its gain."""

LONGEST_S = 22.0

UNFINISHED = frozenset(
    "conf-enteringno queue-holdtime queue-thereare vm-num-i-have vm-theperson "
    "vm-from-phonenumber priv-callpending".split()
)
"""Prompts that wait for a number or a name, beside those that end on an ellipsis."""

SHORT = frozenset(
    "hello goodbye cancelled transfer auth-thankyou activated please-try-again agent-loginok "
    "dictate/record dictate/pause digits/5 digits/20 digits/day-2 digits/today digits/tomorrow "
    "digits/yesterday one-moment-please im-sorry vm-no vm-undeleted speed-dial do-not-disturb "
    "call-waiting conf-errormenu digits/mon-3 digits/p-m removed sorry telephone-number "
    "vm-incorrect vm-nomore vm-then-pound hello-world calling enabled".split()
)
"""Prompts that answer a question, or order something, in one to three words."""

INTERRUPTIONS = frozenset(
    "vm-no dictate/pause cancelled hello please-try-again one-moment-please im-sorry "
    "do-not-disturb vm-nomore goodbye vm-changeto vm-savefolder vm-sorry invalid "
    "something-terribly-wrong pm-invalid-option vm-tooshort auth-incorrect conf-invalidpin "
    "vm-nonumber to-listen-to-it vm-repeat vm-advopts number-not-answering".split()
)
"""Recorded prompts that can stand for interruptions."""

ECHO_DB = (-6, -10, -15, -20, -25, -30)
"""Loudness of the assistant's voice in the microphone against that of a user."""

RESIDUAL_DB = -30
"""The same, under every other backchannel and interruption; under the rest there is none."""

REPLIES = Path(__file__).with_name("replies.txt").read_text("utf-8").splitlines()


def main() -> None:
    """Say what the set consists of; write it as WAV files for those who want to listen."""
    made = parser(str(__doc__))
    made.add_argument("--listen", type=Path, metavar="FOLDER")
    options = made.parse_args()
    found = items()
    counts = Counter((item.kind, item.split) for item in found)
    synthetic = Counter(item.kind for item in found if item.said.synthetic)
    rows = [[kind, counts[kind, "fit"], counts[kind, "held"], synthetic[kind]] for kind in Kind]
    table("Test set for turn-taking", ["", "to fit", "held back", "synthetic user"], rows)
    if options.listen:
        _save(found, options.listen)
    write(options.json, {"bench": "turn_set", "kinds": {str(row[0]): row[1:] for row in rows}})


def items() -> list[Item]:
    """Return the whole set. Fetches recordings; needs the bundles of both voices."""
    turns = [own_pauses(clip) for clip in [*asterisk(), *librivox()] if is_turn(clip)]
    sentences = [said for said in turns if not has_more(said.text)]
    fluent = [said for said in sentences if not said.pauses]
    several = [said for said in turns if has_more(said.text)]
    return [
        *(in_room(Kind.PLAIN, said) for said in fluent),
        *(
            in_room(Kind.SHORT, Said(c.name, c.samples, c.text))
            for c in asterisk(1)
            if c.name in SHORT
        ),
        *(in_room(Kind.OWN_PAUSES, said) for said in sentences if said.pauses),
        *_hesitations(fluent),
        *(with_noise_after(said, n) for n, said in enumerate(fluent[::2])),
        *(in_room(Kind.SENTENCES, said) for said in several),
        *_over_the_reply(),
    ]


def is_turn(clip: Clip) -> bool:
    """Whether the clip could be somebody's turn: not a half that something is put into."""
    unfinished = "..." in clip.text or clip.name in UNFINISHED
    return not unfinished and len(clip.samples) <= LONGEST_S * EARS_RATE


def has_more(text: str) -> bool:
    """Whether the text is more than one sentence; a list of options is one for each."""
    options = len(re.findall(r"\bpress\b", text.lower())) + len(re.findall(r", \d", text))
    return options > 1 or re.search(r"[.!?:;]\s+\S", text) is not None


def in_room(kind: Kind, said: Said, variant: str = "") -> Item:
    """Return ``said`` as a microphone hears it."""
    rng = _rng(kind, said.clip, said.text, variant)
    begin_s = rng.uniform(1.0, 2.0) if kind in OVER_THE_REPLY else LEAD_S
    voice = said.samples * np.float32(10 ** (rng.uniform(*GAIN_DB) / 20))
    noise = sounds.room(rng, begin_s + len(voice) / EARS_RATE + TAIL_S)
    spoken = bool(voice.any())
    return Item(
        kind=kind,
        split=split_of(said.text),
        samples=sounds.mixed(sounds.at_db(noise, rng.uniform(*ROOM_DB)), voice, begin_s),
        begin_s=begin_s,
        end_s=begin_s + end_of_speech_s(voice) if spoken else 0.0,
        said=said,
        variant=variant,
    )


def with_noise_after(said: Said, number: int) -> Item:
    """Return ``said`` with a noise behind it, or a fan in the room."""
    variant = ("breath", "typing", "fan")[number % 3]
    item = in_room(Kind.NOISE, said, variant)
    rng = _rng(item.name)
    begin_s, level = item.end_s + rng.uniform(0.1, 0.5), rng.uniform(-45, -28)
    if variant == "breath":
        noise = sounds.at_db(sounds.breath(rng), level)
    elif variant == "typing":
        noise = sounds.at_db(sounds.typing(rng, 2.0), level - 8)
    else:
        begin_s, noise = 0.0, sounds.room(rng, len(item.samples) / EARS_RATE)
        noise = sounds.at_db(noise, rng.uniform(-52, -42))
    return replace(item, samples=sounds.mixed(item.samples, noise, begin_s))


def _hesitations(fluent: Sequence[Said]) -> Iterator[Item]:
    """Yield each sentence in two of three kinds, so that most turns of the set have no pause."""
    words = turn_set_words.read()
    kinds = (Kind.PAUSES, Kind.LONG_PAUSES, Kind.FALSE_START)
    for (number, said), kind in product(enumerate(fluent), kinds):
        if said.clip not in words or kind is kinds[number % 3]:
            continue
        rng = _rng(kind, said.clip)
        if kind is Kind.FALSE_START:
            yield in_room(kind, false_start(said, words[said.clip], rng))
        elif found := paused(said, words[said.clip], rng, long=kind is Kind.LONG_PAUSES):
            yield in_room(kind, found)


def _over_the_reply() -> Iterator[Item]:
    replies = voices.say(voices.ASSISTANT, tuple(REPLIES))
    spoken = [(Kind.INTERRUPTION, said) for said in _named(INTERRUPTIONS)]
    for voice in voices.USERS:
        for kind, texts in (
            (Kind.BACKCHANNEL, voices.BACKCHANNELS),
            (Kind.INTERRUPTION, voices.INTERRUPTIONS),
        ):
            made = zip(texts, voices.say(voice, texts), strict=True)
            spoken += [(kind, Said(voice, sound, text, synthetic=True)) for text, sound in made]
    for number, (kind, recorded) in enumerate(spoken):
        said = replace(recorded, samples=from_first_sound(recorded.samples))
        item = in_room(kind, said, f"{RESIDUAL_DB} dB" if number % 2 else "no echo")
        yield _over(item, replies[number % len(replies) :], RESIDUAL_DB if number % 2 else None)
    for number, (level, turn) in enumerate(product(ECHO_DB, range(6))):
        nobody = Said(
            voices.ASSISTANT, sounds.silence(4.0), REPLIES[(number + turn) % len(REPLIES)]
        )
        item = in_room(Kind.ECHO, nobody, f"{level} dB")
        yield _over(item, replies[(number + turn) % len(replies) :], level)


def _named(names: frozenset[str]) -> list[Said]:
    return [Said(c.name, c.samples, c.text) for c in asterisk(1) if c.name in names]


def _over(item: Item, replies: Sequence[Samples], level: float | None) -> Item:
    """Return ``item`` with the assistant speaking all the while, heard at ``level`` dB or not."""
    reply = np.resize(np.concatenate(replies), len(item.samples))
    heard = item.samples
    if level is not None:
        heard = heard + sounds.echo(_rng(item.name), reply, level)
    return replace(item, samples=heard, loudspeaker=reply)


def _rng(*names: object) -> Generator:
    digest = hashlib.sha256(" ".join(map(str, names)).encode()).digest()
    return np.random.default_rng(list(digest[:8]))


def _save(found: Sequence[Item], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, item in enumerate(found):
        with WavWriter(folder / f"{number:03} {item.kind}.wav", EARS_RATE) as writer:
            writer.write(item.samples)


if __name__ == "__main__":
    main()
