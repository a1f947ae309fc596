"""What quantizing leaves of real models: every recipe of a role, side by side.

    python -m bench.quantize --role stt|llm|tts [--source NAME] [--recipe NAME ...]
                             [--budget BUDGET] [--search] [--every N] [--work DIR]
                             [--report DIR] [--json FILE]

The checkpoints of ``bench.checkpoints`` are exported, each bundle goes through all recipes for
its engine, and what comes of it is measured on held-out data as ``edgevoice quantize`` does.
With ``--search``, the smallest model that the search finds within the budget stands beside them.
The JSON has the first source's figures as "source", "best" and "all", and those of every source
under its name. Needs edgevoice[bench]; exporting needs edgevoice[export] and is done once.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from bench import checkpoints
from bench.report import parser, table, write
from edgevoice.core.bundle import Role
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.bundles.manifest import MANIFEST
from edgevoice.runtime.bundles.store import Store
from edgevoice_export.lines import Lines
from edgevoice_quantize import recipe
from edgevoice_quantize.outcome import Outcome
from edgevoice_quantize.quantize import Wish, quantize
from edgevoice_quantize.report import COMMON
from edgevoice_quantize.workspace import usual_folder


@dataclass(frozen=True, slots=True)
class Source:
    """A bundle to be made smaller: an exported checkpoint, or with no target an installed one."""

    name: str
    target: str = ""
    options: tuple[tuple[str, str], ...] = ()
    """Of the engine: CTranslate2 would multiply in int8 whatever it is given."""

    def folder(self, work: Path) -> Path:
        """Return the bundle's folder, exported now if it is not there."""
        if not self.target:
            return Store().get(self.name).folder
        folder = work / f"{self.name}-{self.target}"
        if not (folder / MANIFEST).is_file():
            from edgevoice_export.checkpoint import open_checkpoint
            from edgevoice_export.export import export

            checkpoint = open_checkpoint(checkpoints.cached(self.name))
            bundle = export(checkpoint, self.target, folder, Lines())
            manifest.write(replace(bundle, options={**bundle.options, **dict(self.options)}))
        return folder


ROLES = {
    Role.STT: (
        Source("whisper-tiny.en", "sherpa-onnx"),
        Source("whisper-base", "sherpa-onnx"),
        Source("whisper-tiny.en", "ctranslate2", (("compute_type", "float32"),)),
    ),
    Role.LLM: (
        Source("smollm2-135m-instruct", "gguf"),
        Source("smollm2-135m-instruct", "onnx"),
    ),
    Role.TTS: (Source("piper-joe"),),
}
"""The first of a role is the one whose figures stand for it."""

BUDGETS = {Role.STT: "wer+0.5, size<=55%, time<=75%"}
"""Stricter than the gate's own: what a smaller ear is worth the trouble for."""


def main() -> None:
    """Export, quantize, measure, print, write."""
    options = _options()
    role = Role(options.role)
    found: dict[str, Outcome] = {}
    for source in ROLES[role]:
        name = "-".join(filter(None, (source.name, source.target)))
        if options.source in {"", name}:
            wish = Wish(
                recipes=tuple(map(recipe.load, options.recipe)),
                budget=options.budget or BUDGETS.get(role, ""),
                search=options.search,
                every=options.every,
                work=options.work,
            )
            found[name], _ = quantize(source.folder(options.work), wish, Lines())
            show(name, found[name])
            if options.report:
                from edgevoice_quantize import report

                report.write(options.report / name, found[name])
    if not found:
        names = ", ".join("-".join(filter(None, (s.name, s.target))) for s in ROLES[role])
        raise SystemExit(f"There is no source {options.source!r}. Try: {names}")
    flat = {name: outcome.flat() for name, outcome in found.items()}
    first = next(iter(flat.values()))
    write(options.json, {"bench": "quantize", "role": str(role), **first, "sources": flat})


def show(name: str, outcome: Outcome) -> None:
    """Print one source's table."""
    columns = COMMON | {key: (key, form) for key, form in outcome.columns.items()}
    rows = [
        ("source", outcome.source, ""),
        *((r.name, r.measures, r.verdict) for r in outcome.rows),
    ]
    cells = [
        (
            *(f"* {label}" if outcome.best and label == outcome.best.name else label,),
            *(f"{m.values[key]:{form}}" if m else "" for key, (_, form) in columns.items()),
            verdict,
        )
        for label, m, verdict in rows
    ]
    title = f"{name}, {outcome.items} held-out items"
    table(title, ("", *(heading for heading, _ in columns.values()), "verdict"), cells)


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--role", choices=[str(role) for role in ROLES], required=True)
    made.add_argument("--source", default="", help="only this one, as NAME-TARGET")
    made.add_argument("--recipe", nargs="+", default=[], metavar="NAME", help="only these")
    made.add_argument("--budget", default="", help="what the gate allows, as edgevoice quantize")
    made.add_argument("--search", action="store_true", help="search too, within the budget")
    made.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth item")
    made.add_argument("--work", type=Path, default=usual_folder(), help="where bundles are kept")
    made.add_argument("--report", type=Path, metavar="DIR", help="tables, pictures, JSON")
    return made.parse_args()


if __name__ == "__main__":
    main()
