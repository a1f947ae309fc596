"""Devices laid out in a folder: what ``/proc`` and ``/sys`` say, which programs there are."""

from __future__ import annotations

import json
from pathlib import Path

ZONE = "sys/class/thermal/thermal_zone0/"
POLICY = "sys/devices/system/cpu/cpufreq/policy0/"
GROUP = "sys/fs/cgroup/talk/"

CPUINFO = "".join(f"processor\t: {core}\nFeatures\t: fp asimd asimddp\n\n" for core in range(4))


def stat(busy: int, idle: int, cores: int = 4) -> str:
    """``/proc/stat`` after so many ticks of work and of rest, over all cores."""
    return f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\n" + "".join(
        f"cpu{i} 0 0 0 0\n" for i in range(cores)
    )


PI5 = {
    "proc/cpuinfo": CPUINFO,
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "proc/meminfo": "MemTotal: 7812500 kB\nMemAvailable: 5859375 kB\n",
    "proc/self/cgroup": "0::/talk\n",
    "proc/stat": stat(1000, 3000),
    "proc/vmstat": "workingset_refault_anon 10\nworkingset_refault_file 500\n",
    "proc/pressure/memory": "some avg10=2.50 avg60=0.10 avg300=0.00 total=9\nfull avg10=0.00\n",
    "proc/pressure/cpu": "some avg10=40.00 avg60=1.00 avg300=0.00 total=9\n",
    ZONE + "type": "cpu-thermal\n",
    ZONE + "temp": "61500\n",
    ZONE + "trip_point_0_type": "critical\n",
    ZONE + "trip_point_0_temp": "110000\n",
    ZONE + "trip_point_1_type": "active\n",
    ZONE + "trip_point_1_temp": "50000\n",
    POLICY + "related_cpus": "0 1 2 3\n",
    POLICY + "cpuinfo_max_freq": "2400000\n",
    POLICY + "scaling_max_freq": "1800000\n",
    POLICY + "scaling_cur_freq": "1500000\n",
}
"""A Raspberry Pi 5 that is warm, and whose clock is limited."""

PI5_PROGRAMS = {
    "vcgencmd": 'case "$1" in get_throttled) echo throttled=0x50005;; pmic_read_adc) '
    'printf "  VDD_CORE_A current(7)=2.0A\\n  VDD_CORE_V volt(15)=1.0V\\n'
    '  DDR_A current(1)=0.5A\\n  DDR_V volt(9)=2.0V\\n  EXT5V_V volt(24)=5.1V\\n";; esac'
}

PHONE = {
    "proc/meminfo": "MemTotal: 5859375 kB\nMemAvailable: 1953125 kB\n",
    **{
        f"sys/devices/system/cpu/cpufreq/policy{first}/{name}": value
        for first, cores, khz in ((0, "0 1 2 3", 1804800), (4, "4 5 6", 2419200), (7, "7", 2841600))
        for name, value in (("related_cpus", cores), ("cpuinfo_max_freq", str(khz)))
    },
}
"""A phone: it denies what is not in here."""

BATTERY = {
    "present": True,
    "plugged": "UNPLUGGED",
    "status": "DISCHARGING",
    "temperature": "34.5",
    "voltage": 4000,
    "current": -820000,
    "percentage": 85,
}

PHONE_PROGRAMS = {"termux-battery-status": f"echo '{json.dumps(BATTERY)}'"}


def lay_out(root: Path, files: dict[str, str], programs: dict[str, str] | None = None) -> Path:
    """Write ``files`` under ``root``, and shell scripts into its ``bin``."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for name, script in (programs or {}).items():
        path = root / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return root
