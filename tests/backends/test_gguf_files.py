"""GGUF files before they are loaded: damaged ones, wrong options, and the memory they need."""

import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgevoice.backends import gguf
from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.errors import ModelDamaged, ModelError, ModelMissing
from edgevoice.runtime.bundles.requantize import requantize

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def smollm(bundle: Callable[[str], Bundle]) -> Bundle:
    return bundle("smollm2-135m")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kv_type": "q3"}, "q3"),
        ({"min_p": "much"}, "'much', not a number"),
        ({"opening": "Hello."}, "ends with the user's words"),
    ],
)
def test_an_option_that_does_not_exist(smollm: Bundle, options: dict[str, str], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        gguf.load(replace(smollm, options=options))


def elsewhere(folder: Path, data: bytes | None) -> Bundle:
    if data is not None:
        (folder / "m.gguf").write_bytes(data)
    return Bundle("m", Role.LLM, "gguf", folder, (ModelFile("m.gguf", "", 0),), "", "")


@pytest.mark.parametrize("use", [gguf.need_mb, gguf.load])
def test_a_damaged_file_is_named(
    smollm: Bundle, tmp_path: Path, use: Callable[[Bundle], object]
) -> None:
    with smollm.path(smollm.files[0].name).open("rb") as file:
        beginning = file.read(2_500_000)
    for data in (b"", b"GGUF", beginning, b"GGUF" + struct.pack("<IQQ", 3, 0, 0)):
        with pytest.raises(ModelDamaged, match=r"m\.gguf"):
            use(elsewhere(tmp_path, data))
    (tmp_path / "m.gguf").unlink()
    with pytest.raises(ModelMissing):
        use(elsewhere(tmp_path, None))
    with pytest.raises(ModelError, match=r"no \.gguf"):
        use(replace(smollm, files=()))


def test_asking_for_the_need_does_not_load_the_library(smollm: Bundle) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from edgevoice.backends import gguf; from edgevoice.runtime.bundles import manifest\n"
        f"gguf.need_mb(manifest.read(Path({str(smollm.folder)!r})))\n"
        "assert 'llama_cpp' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("options", [{}, {"kv_type": "q8_0"}])
@pytest.mark.parametrize("context", [512, 4096])
def test_the_need_is_foretold(smollm: Bundle, options: dict[str, str], context: int) -> None:
    """Within a tenth: too little would fail on a small device, too much would refuse a model."""
    foretold = gguf.need_mb(replace(smollm, options=options), context)
    path = smollm.path(smollm.files[0].name)
    assert foretold == pytest.approx(taken_mb(path, options, context), rel=0.1)


def test_weights_that_are_laid_out_anew_are_held_once(smollm: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    assert requantize(str(smollm.path(smollm.files[0].name)), str(path), "Q4_0") == 0
    assert gguf.mapped_mb(elsewhere(tmp_path, None)) == 0 < gguf.mapped_mb(smollm) < 145
    foretold = gguf.need_mb(elsewhere(tmp_path, None))
    assert foretold == pytest.approx(taken_mb(path, {}, 2048), rel=0.1)


def taken_mb(path: Path, options: dict[str, str], context: int) -> float:
    """Return the resident memory in MB that a talk takes in a process of its own."""
    code = (
        "import re, sys; from pathlib import Path\n"
        "from edgevoice.backends import gguf; from edgevoice.cancel import CancelScope\n"
        "from edgevoice.core.bundle import Bundle, ModelFile, Role\n"
        "from edgevoice.core.history import Message\n"
        "def resident_mb():  # all of the mapped file, also what another process maps\n"
        "    status = Path('/proc/self/status').read_text()\n"
        "    return int(re.search(r'VmRSS:\\s+(\\d+)', status)[1]) * 1024 / 1e6\n"
        f"path = Path({str(path)!r})\n"
        "files = (ModelFile(path.name, '', 0),)\n"
        "bundle = Bundle('m', Role.LLM, 'gguf', path.parent, files, '', '',"
        f" options={options})\n"
        "before = resident_mb()\n"
        f"llm = gguf.load(bundle, context_tokens={context})\n"
        "list(llm.reply([Message('user', 'Tell me a story.')], 20, CancelScope()))\n"
        "print(resident_mb() - before)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(run.stdout)
