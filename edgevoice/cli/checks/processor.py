"""The processor, and whether llama.cpp was built for it."""

from __future__ import annotations

from edgevoice.cli.checks.finding import Finding, ok, problem, warning
from edgevoice.runtime.machine import Processor

INSTRUCTIONS = {
    "AVX": "avx",
    "AVX2": "avx2",
    "AVX512": "avx512f",
    "AVX512_VNNI": "avx512_vnni",
    "AVX_VNNI": "avx_vnni",
    "AMX_INT8": "amx_int8",
    "F16C": "f16c",
    "FMA": "fma",
    "NEON": "asimd",
    "DOTPROD": "asimddp",
    "MATMUL_INT8": "i8mm",
    "SVE": "sve",
}
"""llama.cpp's name of each extension that matters for speed, with the kernel's."""

WANTED = {"AVX2": "avx2", "DOTPROD": "asimddp"}
"""Without the one that its family has, int8 products take several times as long."""

REBUILD = (
    "pip install --force-reinstall --no-cache-dir --no-deps --no-binary llama-cpp-python "
    "llama-cpp-python, on this machine"
)

SMALLER = "--set llm.bundle=smollm2-135m, the smallest language model"


def check(processor: Processor, llama_system: str) -> list[Finding]:
    """Compare the processor with what llama.cpp says that it was built for, "" if nothing."""
    has = processor.features
    known = [feature for feature in INSTRUCTIONS.values() if feature in has]
    cores = f"{processor.cores} core{'s' if processor.cores > 1 else ''}"
    share = f", {processor.share:g} of them granted" if _is_short(processor) else ""
    findings = [ok("processor", f"{processor.name}, {cores}{share}", " ".join(known))]
    if processor.cores < 2 or (_is_short(processor) and (processor.share or 0) < 2):
        findings.append(
            warning("processor", "Speech and language models share one core: replies come late.")
        )
    if has and not has & set(WANTED.values()):
        missing = "DOTPROD (asimddp)" if "asimd" in has else "AVX2"
        findings.append(warning("processor", f"It lacks {missing}: replies come late.", SMALLER))
    return findings + _llama(has, llama_system)


def _is_short(processor: Processor) -> bool:
    return processor.share is not None and processor.share < processor.cores


def _llama(has: frozenset[str], system: str) -> list[Finding]:
    # It reads "CPU : SSE3 = 1 | AVX2 = 1 | LLAMAFILE = 1 |".
    entries = (part.split(":")[-1].split("=") for part in system.split("|"))
    built = {entry[0].strip() for entry in entries if entry[-1].strip() == "1"}
    uses = [name for name in INSTRUCTIONS if name in built]
    if not system or not has:
        return []
    if strange := [name for name in uses if INSTRUCTIONS[name] not in has]:
        said = f"It was built for {', '.join(strange)}, which this processor lacks; it may crash."
        return [problem("llama.cpp", said, REBUILD)]
    if idle := [name for name, feature in WANTED.items() if feature in has and name not in built]:
        said = f"It was built without {', '.join(idle)} and is slow."
        return [warning("llama.cpp", said, REBUILD)]
    return [ok("llama.cpp", f"built for {', '.join(uses) or 'any processor'}")]
