"""What no recording offers, said by two synthetic voices: assents, short orders, replies.

Asterisk's prompts hold no "yes", "okay" or "mhm", so the backchannels of the test set, and
half of its interruptions, are synthetic, and marked as such. The assistant's own voice is
synthetic by nature.
"""

from __future__ import annotations

import hashlib

import numpy as np
import onnxruntime as ort
import soxr

from edgevoice.backends import engines
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.cancel import CancelScope
from edgevoice.runtime.bundles.store import Store
from edgevoice_quantize.speech import cache_folder

ASSISTANT = "hibari-heart"
USERS = ("piper-joe", "hibari-heart")

BACKCHANNELS = (
    "Mm-hmm.",
    "Uh-huh.",
    "Yeah.",
    "Yes.",
    "Okay.",
    "Right.",
    "I see.",
    "Oh, really?",
    "Sure.",
    "Got it.",
    "Wow.",
    "Oh, nice.",
    "Exactly.",
    "Good.",
    "Hm.",
    "That's right.",
    "Yeah, okay.",
    "All right.",
)

INTERRUPTIONS = (
    "Stop.",
    "Wait.",
    "No, wait.",
    "Hold on a second.",
    "That's enough.",
    "Never mind.",
    "What about tomorrow?",
    "Actually, tell me about Paris.",
    "Why?",
    "Please stop.",
    "Say that again.",
    "No, I meant the other one.",
)


def say(voice: str, texts: tuple[str, ...]) -> list[Samples]:
    """Return ``texts`` (16 kHz) as ``voice`` says them.

    They are made together: a voice that adds noise of its own makes the same ones only when
    it begins with the same seed and says the same texts in the same order.
    """
    bundle = Store().get(voice)
    hashes = [file.sha256 for file in bundle.files]
    key = hashlib.sha256("\n".join([*hashes, *texts]).encode()).hexdigest()[:12]
    file = cache_folder().parent / "bench" / f"{voice}-{key}.npz"
    if not file.exists():
        ort.set_seed(0)
        tts = engines.load(bundle)
        said = []
        for text in texts:
            sound = np.concatenate(list(tts.synthesize(text, CancelScope())))
            said.append(soxr.resample(sound, tts.sample_rate, EARS_RATE).astype(np.float32))
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, *said)
    with np.load(file) as saved:
        return [saved[name] for name in saved.files]
