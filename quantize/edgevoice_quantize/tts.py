"""How a voice is measured: mel-cepstral distance, length, speed, memory, and what an ear hears."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from edgevoice.core.bundle import Bundle, Role
from edgevoice.errors import EdgeVoiceError, Misused
from edgevoice.runtime.bundles.local import bundle_in_place
from edgevoice.runtime.bundles.progress import Progress
from edgevoice.runtime.bundles.store import Store
from edgevoice_quantize import child
from edgevoice_quantize.held_out import Calibration, Item
from edgevoice_quantize.measures import Measures, Space
from edgevoice_quantize.mel_cepstrum import Distance
from edgevoice_quantize.mel_cepstrum import compare as compare_sounds
from edgevoice_quantize.word_errors import compare as compare_words
from edgevoice_quantize.word_errors import error_rate

LINES = Path(__file__).parent / "data" / "voice_lines.txt"
"""What an assistant says, a line each; written for this project."""

EAR = "moonshine-tiny-en"
"""Hears the voices where it is installed; else the first speech-to-text that is."""

SOURCE_SOUNDS = "source-sounds"
"""Folder, among what is kept of a source, with what it said."""


class TtsMeasure:
    """Fulfils ``Measure``.

    Distance and length are the source's against the variant's, both without the noise that such
    models add of their own. ``seconds`` are of CPU time, on one thread, for all lines.
    """

    version = 1
    budget = "mcd<=1.0"
    columns: Mapping[str, str] = {
        "mcd_db": ".2f",
        "length_drift": ".2%",
        "rtf": ".4f",
        "first_audio_ms": ".0f",
        "wer": ".1%",
    }

    def items(self, data: Path | None) -> list[Item]:
        """Return the lines of the text files in the folder ``data``, or the package's own.

        Raises:
            EdgeVoiceError: there are none, or one is not text.

        """
        lines: list[str] = []
        for file in [LINES] if data is None else sorted(data.glob("*.txt")):
            try:
                lines += map(str.strip, file.read_text("utf-8").splitlines())
            except (OSError, UnicodeDecodeError) as error:
                raise EdgeVoiceError(f"{file} is not a text in UTF-8: {error}.") from error
        # Named by what they say, the same lines are on the same side in every set.
        items = [Item(line, line) for line in dict.fromkeys(lines) if line]
        if not items:
            raise EdgeVoiceError(f"There is no text in {data}.", hint="--data with .txt files")
        return items

    def measure(
        self, bundle: Path, items: Sequence[Item], source: Path, work: Path, progress: Progress
    ) -> Measures:
        """Let ``bundle`` speak ``items``, and an ear hear them.

        Raises:
            ModelError: the engine refuses it.
            EdgeVoiceError: no speech-to-text is installed that could hear it.

        """
        progress.say(f"{bundle.name} speaks {len(items)} lines")
        ear = ear_bundle()
        texts = [item.text for item in items]
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=work) as draft:
            folder = Path(draft, SOURCE_SOUNDS)
            said = speak(bundle, texts, folder)
            rate: int = said["rate"]
            job = {"ear": str(ear.folder), "sounds": str(folder), "rate": rate}
            heard: list[str] = child.run("edgevoice_quantize.tts_ear_child", job)["texts"]
            if bundle == source:
                shutil.rmtree(work / SOURCE_SOUNDS, ignore_errors=True)
                folder = folder.rename(work / SOURCE_SOUNDS)
            apart = distances(work / SOURCE_SOUNDS, folder, rate)
            audio_s = sum(len(np.load(file, mmap_mode="r")) for file in folder.iterdir()) / rate
            own = own_noise(bundle, texts, Path(draft)) if bundle == source else {}
        wrong = [compare_words(text, found) for text, found in zip(texts, heard, strict=True)]
        wer, low, high = error_rate(wrong)
        return Measures(
            values={
                "mb": round(bundle_in_place(bundle, role=str(Role.TTS)).size_mb, 3),
                "seconds": round(said["seconds"], 3),
                "pss_mb": said["pss_mb"],
                "mcd_db": round(fmean(each.mcd_db for each in apart), 4),
                "length_drift": round(fmean(abs(each.drift) for each in apart), 5),
                "rtf": round(said["seconds"] / audio_s, 5),
                "first_audio_ms": round(1000 * median(said["first_s"]), 1),
                "wer": wer,
            },
            noise={
                "seconds": round(said["noise_s"], 3),
                "rtf": round(said["noise_s"] / audio_s, 5),
            },
            details={
                "lines": len(items),
                "audio_s": round(audio_s, 1),
                "mcd_worst_db": round(max(each.mcd_db for each in apart), 3),
                "repeat_same": said["repeat_same"],
                "wer_low": low,
                "wer_high": high,
                "ear": ear.name,
                **own,
            },
        )

    def space(
        self, source: Path, calibration: Calibration, work: Path, progress: Progress
    ) -> Space:
        """Return what the weights of a voice may become.

        Raises:
            Misused: it is no voice whose graph is known here.

        """
        if bundle_in_place(source).engine not in {"piper", "vits"}:
            raise Misused("Of voices, the search knows those of Piper and VITS alone.")
        from edgevoice_quantize import tts_space  # onnx is not needed to measure

        return tts_space.space(source, calibration, work, progress)


def speak(
    bundle: Path, texts: Sequence[str], folder: Path, *, noise: bool = False
) -> dict[str, Any]:
    """Let ``bundle`` speak ``texts`` in a child, which writes the sounds to ``folder``."""
    folder.mkdir()
    job = {"bundle": str(bundle), "texts": texts, "sounds": str(folder), "noise": noise}
    return child.run("edgevoice_quantize.tts_child", job)


def distances(wanted: Path, given: Path, rate: int) -> list[Distance]:
    """Return how far the sounds in ``given`` are from those in ``wanted``, in their order."""
    found = []
    for file in sorted(wanted.iterdir()):
        try:
            found.append(compare_sounds(np.load(file), np.load(given / file.name), rate))
        except ValueError as error:
            raise EdgeVoiceError(f"The sound of line {file.stem} is none: {error}.") from error
    return found


def own_noise(bundle: Path, texts: Sequence[str], work: Path) -> dict[str, float]:
    """Return how far a voice is from itself when it says the same twice, with its own noise."""
    once, again = work / "once", work / "again"
    rate: int = speak(bundle, texts, once, noise=True)["rate"]
    speak(bundle, texts, again, noise=True)
    apart = distances(once, again, rate)
    return {
        "own_noise_db": round(fmean(each.mcd_db for each in apart), 3),
        "own_noise_length": round(fmean(abs(each.drift) for each in apart), 5),
    }


def ear_bundle() -> Bundle:
    """Return the installed speech-to-text that hears the voices.

    Raises:
        EdgeVoiceError: there is none.

    """
    ears = [bundle for bundle in Store().installed() if bundle.role is Role.STT]
    if not ears:
        raise EdgeVoiceError(
            "No speech-to-text is installed that could hear the voice.",
            hint=f"edgevoice pull {EAR}",
        )
    return next((ear for ear in ears if ear.name == EAR), ears[0])


MEASURE = TtsMeasure()
