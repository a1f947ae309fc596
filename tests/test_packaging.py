"""What is committed, and what of it a user installs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]

LONGEST = 400
"""Lines. A longer file has more than one job."""

SOURCES = {".py", ".md", ".sh", ".java", ".html", ".js", ".css"}

LARGEST = 2_000_000
"""Bytes. Recordings for tests stay below; models do not."""

MODELS = {".gguf", ".onnx", ".ort", ".safetensors", ".pt", ".pth", ".tflite", ".bin", ".whl"}

ELSEWHERE = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|\bdebian[.]org"  # registries
    r"|/hom[e]/(?!someone\b)\w|/roo[t]/|/wor[k]/|/tm[p]/\w"  # one machine's folders
)
"""Names that hold on one network or one machine. No name matches its own pattern here."""


def committed() -> list[Path]:
    """Every file that is in git or would be with the next commit of all."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = (ROOT / name for name in names.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


def relative(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = f"import hatchling.build; print(hatchling.build.build_wheel({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", build], cwd=ROOT, check=True)
    (path,) = folder.glob("*.whl")
    return ZipFile(path)


def test_the_wheel_holds_every_file_of_the_three_packages(wheel: ZipFile) -> None:
    inside = set(wheel.namelist())
    for package in ("edgevoice", "export/edgevoice_export", "quantize/edgevoice_quantize"):
        parent = (ROOT / package).parent
        files = [path for path in committed() if path.is_relative_to(ROOT / package)]
        assert {str(path.relative_to(parent)) for path in files} <= inside
    assert "edgevoice/runtime/bundles/catalogue.toml" in inside


def test_the_wheel_holds_nothing_else(wheel: ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    (info,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops == {"edgevoice", "edgevoice_export", "edgevoice_quantize", info}
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    assert "edgevoice = edgevoice.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()


def test_every_requirement_has_a_lower_and_an_upper_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    requirements = [Requirement(line) for group in groups for line in group]
    for requirement in requirements:
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators in ({">=", "<"}, {"=="}) or requirement.name == "edgevoice", requirement


@pytest.mark.parametrize("extra", ["", "dev"])
def test_neither_the_runtime_nor_the_tests_install_torch(extra: str) -> None:
    seen: set[tuple[str, str]] = set()
    ahead = {("edgevoice", extra)}
    while ahead:
        name, extra = ahead.pop()
        seen.add((name, extra))
        try:
            lines = requires(name) or []
        except PackageNotFoundError:  # for another platform, so not installed here
            continue
        for requirement in map(Requirement, lines):
            if not requirement.marker or requirement.marker.evaluate({"extra": extra}):
                wanted = {(requirement.name.lower(), more) for more in ("", *requirement.extras)}
                ahead |= wanted - seen
    names = {name for name, _ in seen}
    assert "numpy" in names
    assert "torch" not in names


def test_no_source_file_is_long() -> None:
    sources = [path for path in committed() if path.suffix in SOURCES]
    assert relative([path for path in sources if path.read_text().count("\n") > LONGEST]) == []


def test_no_model_and_nothing_large_is_committed() -> None:
    refused = [
        path
        for path in committed()
        if path.suffix in MODELS or path.stat().st_size > LARGEST or path.is_symlink()
    ]
    assert relative(refused) == []


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in committed()
        for match in ELSEWHERE.finditer(path.read_text(errors="ignore"))
    ]
    assert found == []
