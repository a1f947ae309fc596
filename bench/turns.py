"""Whose turn is it? Cut-offs, waits, barge-ins and echo on the test set of ``bench.turn_set``.

    python -m bench.turns [--fit] [--json FILE]

Every item is heard by the real detector and conversation in virtual time, with the answers of
the real models; what is said over the reply, and the reply's echo, go through the echo canceller
first. The constants are fitted on one half of the set, by text: ``--fit`` does it and prints
them. The figures are those of the other half.

"cut off": a reply was audible before the user was done, when it takes the lanes ``LANES_S`` to
make one; "decided early": the same with lanes that take no time. "wait": from the true end until
the turn is held to be over. Turns of several sentences are told, and not counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bench.report import parser, percentile_ms, table, write
from bench.turn_set import items
from bench.turn_set_item import OVER_THE_REPLY, Item, Kind
from bench.turns_evidence import Evidence, Models, cleaned
from bench.turns_fit import fit
from bench.turns_talk import FRAME_S, Outcome, VirtualTalk, listen
from edgevoice.core.speech_detector import SpeechDetector
from edgevoice.core.turn_taking import TurnTaking
from edgevoice.runtime.bundles.store import Store

COUNTED = tuple(kind for kind in Kind if kind not in (*OVER_THE_REPLY, Kind.SENTENCES))

CURVE = ((0.16, 0.6), (0.16, 0.8), (0.16, 0.88), (0.2, 0.88), (0.25, 0.88), (0.3, 0.92))
"""``sure_s`` and ``sure_above`` along the trade of cut-offs for waits."""

Result = tuple[Item, Outcome]


def main() -> None:
    """Measure, print, write."""
    options = _options()
    models = Models(Store())
    found = [(item, Evidence(cleaned(item), models)) for item in items()]
    if options.fit:
        fit([pair for pair in found if pair[0].split == "fit"])
        return
    held = [pair for pair in found if pair[0].split == "held"]
    results = run(held, TurnTaking())
    turns = {str(kind): figures(only(results, kind)) for kind in (*COUNTED, Kind.SENTENCES)}
    turns["all"] = figures(only(results, *COUNTED))
    _print("Turns", turns)
    curve = {
        f"{sure_s} s, {above}": figures(only(run(held, rules(sure_s, above)), *COUNTED))
        for sure_s, above in CURVE
    }
    _print("All, by the silence when sure and the probability for it", curve)
    over = over_the_reply(results)
    _print("Over the reply", over)
    for _, evidence in held:
        evidence.save()
    write(options.json, {"bench": "turns", "turns": turns, "curve": curve, "over": over})


def rules(sure_s: float, sure_above: float) -> TurnTaking:
    """Return the rules with two of them changed, and the unsure end moved along."""
    return replace(
        TurnTaking(),
        sure_s=sure_s,
        sure_above=sure_above,
        unsure_below=sure_above - (TurnTaking().sure_above - TurnTaking().unsure_below),
    )


def run(pairs: Iterable[tuple[Item, Evidence]], taken: TurnTaking) -> list[Result]:
    """Return what comes of each item by these rules."""
    return [
        (item, VirtualTalk(item, evidence, listen(evidence.frames, _detector()), taken).run())
        for item, evidence in pairs
    ]


def only(results: Iterable[Result], *kinds: Kind) -> list[Result]:
    """Return those of these kinds."""
    return [result for result in results if result[0].kind in kinds]


def figures(results: Sequence[Result]) -> dict[str, object]:
    """Return what is to be reported of some turns."""
    waits = [
        outcome.decided_at - item.end_s
        for item, outcome in results
        if outcome.decided_at is not None and not outcome.cut_off
    ]
    return {
        "items": len(results),
        "cut_off": _share(outcome.cut_off for _, outcome in results),
        "decided_early": _share(outcome.decided_early for _, outcome in results),
        "wait_p50_ms": percentile_ms(waits, 50),
        "wait_p95_ms": percentile_ms(waits, 95),
        "falls": round(sum(outcome.falls for _, outcome in results) / len(results), 2),
        "unanswered": sum(outcome.decided_at is None for _, outcome in results),
    }


def over_the_reply(results: Sequence[Result]) -> dict[str, dict[str, object]]:
    """Return what is to be reported of what was heard over the reply."""
    rows = {"backchannels": only(results, Kind.BACKCHANNEL)}
    rows["interruptions"] = only(results, Kind.INTERRUPTION)
    echoes = only(results, Kind.ECHO)
    for level in dict.fromkeys(item.variant for item, _ in echoes):
        rows[f"echo at {level}"] = [pair for pair in echoes if pair[0].variant == level]
    return {
        name: {
            "items": len(pairs),
            "held": _share(outcome.held_at is not None for _, outcome in pairs),
            "stopped": _share(outcome.cancelled_at is not None for _, outcome in pairs),
            "until_held_p50_ms": percentile_ms(
                [o.held_at - i.begin_s for i, o in pairs if o.held_at and i.end_s], 50
            ),
        }
        for name, pairs in rows.items()
        if pairs
    }


def _detector() -> SpeechDetector:
    return SpeechDetector(FRAME_S)


def _share(facts: Iterable[bool]) -> float:
    listed = list(facts)
    return round(sum(listed) / len(listed), 3)


def _print(title: str, rows: dict[str, dict[str, object]]) -> None:
    columns = next(iter(rows.values()))
    table(
        title,
        ["", *(column.replace("_", " ") for column in columns)],
        [[name, *row.values()] for name, row in rows.items()],
    )


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--fit", action="store_true", help="fit the constants on the other half")
    return made.parse_args()


if __name__ == "__main__":
    main()
