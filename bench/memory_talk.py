"""The talk that ``bench.memory`` watches, in a process of its own: a JSON object a line."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from bench.dialogue import Talk
from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime import models
from edgevoice.runtime.settings_file import read
from edgevoice_quantize.pss import PeakPss, pss_mb


def main() -> int:
    """Talk. Returns 1 when the talk cannot begin."""
    made = argparse.ArgumentParser()
    made.add_argument("folder", type=Path)
    made.add_argument("--set", action="append", default=[])
    options = made.parse_args()
    clips = sorted(options.folder.iterdir())
    # When memory has run out, the kernel shall choose this process and no other.
    Path("/proc/self/oom_score_adj").write_text("900")
    settings = read(None, options.set)
    try:
        talk = Talk(settings, models.store_of(settings))
    except EdgeVoiceError as error:
        tell(error=str(error))
        return 1
    with PeakPss() as peak, talk:
        for number, clip in enumerate(clips, start=1):
            tell(begins=number)
            turn = talk.ask(np.load(clip))
            tell(
                turn=number,
                wait_s=turn.voice_to_voice_s,
                transcript=turn.transcript,
                cpu_s=turn.cpu_s,
                joules=turn.energy.joules if turn.energy else None,
                energy_source=turn.energy.source if turn.energy else None,
                gap_s=talk.take_gap_s(),
                pss_mb=pss_mb(),
                peak_mb=peak.mb,
                models=talk.models,
                speculation=talk.speculation,
                remembered=len(talk.conversation.history),
                notices=talk.take_notices(),
            )
    return 0


def tell(**content: object) -> None:
    """Print one line."""
    print(json.dumps(content), flush=True)


if __name__ == "__main__":
    sys.exit(main())
