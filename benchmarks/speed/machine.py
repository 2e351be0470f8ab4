"""The machine that measures: what it is, its memory, and one thread for all."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "ARROW_NUM_THREADS": "1",
    "POWERTOOLS_LOG_LEVEL": "WARNING",
}
"""Variables that NumPy, Arrow and Powertools read when they are imported."""

MIB = 2**20


def described(packages: Sequence[str]) -> dict[str, Any]:
    """Date, machine and versions, as JSON.

    Parameters
    ----------
    packages : distributions whose versions count.
    """
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _first(Path("/proc/cpuinfo"), r"model name\s*: (.*)") or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(_first(Path("/proc/meminfo"), r"MemTotal:\s*(\d+)") or 0) / 2**20),
        "system": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 2),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def peak_bytes() -> int:
    """Peak memory of this process, from Linux; `getrusage` would count the parent's, too."""
    return int(_first(Path("/proc/self/status"), r"VmHWM:\s*(\d+)")) * 1024


def forget_peak() -> None:
    """Let the peak begin anew at what is in use now."""
    Path("/proc/self/clear_refs").write_text("5")


def _first(file: Path, pattern: str) -> str:
    found = re.search(pattern, file.read_text())
    return found[1] if found else ""
