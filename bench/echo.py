"""Does the assistant hear itself? Half an hour of its talk, its own voice in the microphone.

    python -m bench.echo [--minutes N] [--db LEVEL] [--json FILE]

The real runtime in the time of its audio, as fast as it can: real VAD, echo canceller, turn end
and STT. The replies are canned, so that the loudspeaker is hardly ever silent; what it plays
comes back from a furnished room at LEVEL dB, and from another room every minute. Nobody speaks:
whatever is taken for a user is false.

Then, in a fifth of the time, the same with a recorded interruption over each reply: how long it
takes from its first sound until the loudspeaker is silent, besides the sound device's own buffer.
"""

from __future__ import annotations

import argparse

from bench.dialogue import from_first_sound
from bench.echo_talk import Outcome, Talk
from bench.report import parser, percentile_ms, table, write
from bench.turn_set import INTERRUPTIONS
from edgevoice_quantize.speech import asterisk

INTERRUPTED_SHARE = 0.2


def main() -> None:
    """Measure, print, write."""
    options = _options()
    seconds = 60 * options.minutes
    alone = Talk(options.db).run(seconds)
    spoken = [from_first_sound(clip.samples) for clip in asterisk(1) if clip.name in INTERRUPTIONS]
    interrupted = Talk(options.db, spoken).run(INTERRUPTED_SHARE * seconds)
    found: dict[str, object] = {
        "minutes": options.minutes,
        "echo_db": options.db,
        **figures(alone, interrupted),
    }
    table("Its own voice", ["", ""], [(key.replace("_", " "), found[key]) for key in found])
    write(options.json, {"bench": "echo", **found})


def figures(alone: Outcome, interrupted: Outcome) -> dict[str, object]:
    """Return what is to be reported of the two talks."""
    waits = [at - since for since, at in interrupted.interruptions if at is not None]
    return {
        "replies": alone.replies,
        "false_turns": alone.turns,
        "replies_held": alone.holds,
        "replies_stopped": alone.cancelled,
        "replies_interrupted": len(interrupted.interruptions),
        "interruptions_missed": len(interrupted.interruptions) - len(waits),
        "speech_to_silence_p50_ms": percentile_ms(waits, 50),
        "speech_to_silence_p95_ms": percentile_ms(waits, 95),
    }


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--minutes", type=float, default=30.0)
    made.add_argument("--db", type=float, default=-10.0, metavar="LEVEL")
    return made.parse_args()


if __name__ == "__main__":
    main()
