"""One fresh process that counts one batch; it prints its peak memory in bytes.

    python -m benchmarks.speed.consumer_probe <driftline|pandas> <folder>

The folder holds `event.json` and the bundle's files.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from benchmarks.speed.batch import MODEL, VERSION
from benchmarks.speed.machine import peak_bytes
from drift_core.bundle import BASELINE_FILE, MANIFEST_FILE, bundle_prefix


def main(library: str, folder: Path) -> int:
    """Count the batch; each library imports only what it needs."""
    event = json.loads((folder / "event.json").read_bytes())
    if library == "pandas":
        consumer = importlib.import_module("benchmarks.speed.consumer_pandas")
        baseline = importlib.import_module("drift_core.baseline").Baseline
        consumer.runner(event, baseline.from_json((folder / BASELINE_FILE).read_bytes()))()
        return peak_bytes()
    consumer = importlib.import_module("benchmarks.speed.consumer_driftline")
    prefix = bundle_prefix(MODEL, VERSION)
    files = {prefix + name: (folder / name).read_bytes() for name in (BASELINE_FILE, MANIFEST_FILE)}
    consumer.runner(event, files)()
    return peak_bytes()


if __name__ == "__main__":
    print(main(sys.argv[1], Path(sys.argv[2])))
