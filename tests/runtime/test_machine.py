"""What a machine has, read from a folder that is laid out like one."""

from pathlib import Path

import pytest

from edgevoice.runtime.machine import Memory, Processor, memory, processor

GB = 1_000_000_000


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def meminfo(total: int, available: int) -> str:
    return f"MemTotal: {total // 1024} kB\nMemFree: 1 kB\nMemAvailable: {available // 1024} kB\n"


PI5 = {
    "proc/cpuinfo": "".join(
        f"processor\t: {core}\nBogoMIPS\t: 108.00\n"
        "Features\t: fp asimd evtstrm aes asimdhp cpuid asimddp\n\n"
        for core in range(4)
    )
    + "Revision\t: c04170\n",
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "proc/meminfo": meminfo(4 * GB, 3 * GB),
    "proc/self/cgroup": "0::/user.slice/session-1.scope\n",
    "proc/self/status": "Name:\tpython\nCpus_allowed:\tf\nCpus_allowed_list:\t0-3\n",
}


def test_a_raspberry_pi(tmp_path: Path) -> None:
    features = frozenset("fp asimd evtstrm aes asimdhp cpuid asimddp".split())
    root = lay_out(tmp_path, PI5)
    assert processor(root) == Processor("Raspberry Pi 5 Model B Rev 1.0", 4, None, features)
    found = memory(root)
    assert found
    assert (round(found.total_mb), round(found.free_mb), found.limited) == (4000, 3000, False)


def test_a_laptop_is_called_by_its_processor(tmp_path: Path) -> None:
    cpuinfo = "processor\t: 0\nmodel name\t: Core i5\nflags\t\t: fpu avx avx2\n"
    found = processor(lay_out(tmp_path, {"proc/cpuinfo": cpuinfo}))
    assert found == Processor("Core i5", 1, None, frozenset({"fpu", "avx", "avx2"}))


@pytest.mark.parametrize(("mask", "cores"), [("3", 2), ("00000000,0000000d", 3), ("ff", 4)])
def test_a_process_may_have_fewer_cores(tmp_path: Path, mask: str, cores: int) -> None:
    root = lay_out(tmp_path, {**PI5, "proc/self/status": f"Cpus_allowed:\t{mask}\n"})
    assert processor(root).cores == cores


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n"}, 1.5),
        ({"sys/fs/cgroup/user.slice/cpu.max": "max 100000\n"}, None),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/box\n0::/\n",
                "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            0.5,
        ),
    ],
    ids=["version 2, of a group above", "version 2, no limit", "version 1"],
)
def test_a_cgroup_may_grant_a_share(
    tmp_path: Path, files: dict[str, str], share: float | None
) -> None:
    assert processor(lay_out(tmp_path, {**PI5, **files})).share == share


V2 = "sys/fs/cgroup/user.slice/session-1.scope/"
V1 = "sys/fs/cgroup/memory/"
NO_LIMIT = "9223372036854771712\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({V2 + "memory.max": "max\n", V2 + "memory.current": "5\n"}, (4000, 3000, False)),
        (
            {V2 + "memory.max": f"{GB}\n", V2 + "memory.current": "300000000\n"},
            (1000, 700, True),
        ),
        (
            {
                V2 + "memory.max": f"{GB}\n",
                V2 + "memory.current": "300000000\n",
                V2 + "memory.stat": "anon 1\ninactive_file 200000000\n",
            },
            (1000, 900, True),
        ),
        (
            {
                V2 + "memory.max": f"{GB}\n",
                V2 + "memory.current": "0\n",
                "sys/fs/cgroup/user.slice/memory.max": "500000000\n",
                "sys/fs/cgroup/user.slice/memory.current": "100000000\n",
            },
            (500, 400, True),
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/box\n0::/\n",
                V1 + "box/memory.limit_in_bytes": "800000000\n",
                V1 + "box/memory.usage_in_bytes": "300000000\n",
                V1 + "box/memory.stat": "inactive_file 1\ntotal_inactive_file 100000000\n",
                V1 + "memory.limit_in_bytes": NO_LIMIT,
                V1 + "memory.usage_in_bytes": "3000000000\n",
            },
            (800, 600, True),
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/../../outside/box\n",
                V1 + "memory.limit_in_bytes": "800000000\n",
                V1 + "memory.usage_in_bytes": "900000000\n",
            },
            (800, 0, True),
        ),
        (
            {V2 + "memory.max": f"{3 * GB}\n", V2 + "memory.current": "0\n"}
            | {"proc/meminfo": meminfo(4 * GB, GB)},
            (4000, 1000, False),
        ),
    ],
    ids=[
        "version 2, no limit",
        "version 2",
        "what the kernel would drop is free",
        "a tighter limit above",
        "version 1",
        "a container, over its limit",
        "less is available than the limit allows",
    ],
)
def test_the_tightest_limit_counts(
    tmp_path: Path, files: dict[str, str], expected: tuple[int, int, bool]
) -> None:
    found = memory(lay_out(tmp_path, {**PI5, **files}))
    assert found
    assert (round(found.total_mb), round(found.free_mb), found.limited) == expected


def test_a_system_that_tells_nothing(tmp_path: Path) -> None:
    assert memory(tmp_path) is None
    assert processor(tmp_path).cores >= 1
    assert processor(tmp_path).features == frozenset()


def test_this_machine() -> None:
    found = memory()
    assert isinstance(found, Memory)
    assert 0 < found.free_mb <= found.total_mb
    assert processor().cores >= 1
    assert processor().name
