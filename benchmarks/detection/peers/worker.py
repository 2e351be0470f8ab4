"""Judge jobs with one peer, inside the peer's environment.

    .venv-peers/bin/python -m benchmarks.detection.peers.worker evidently FOLDER...
    .venv-peers/bin/python -m benchmarks.detection.peers.worker adwin_means --name tuned \
        --parameters '{"delta": 1e-6, "clock": 1}' FOLDER...

Started in the project's folder. Each folder is a job and gets its answer, both described in `job`; the name
of the answer is the peer's, or `--name`. Importing a library takes seconds, so give many folders at once.
What a library warns of is silenced here, and no library may report its use.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import itertools
import json
import logging
import os
import platform
import time
import warnings
from pathlib import Path
from typing import Any

from benchmarks.detection.peers.job import Answer, read_reference, read_rows, read_windows, write_answer
from benchmarks.detection.peers.judgement import Judgement, Peer

PEERS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "evidently": ("evidently_preset", "Evidently", {}, "evidently"),
    "nannyml": ("nannyml_chunks", "NannyMLDrift", {}, "nannyml"),
    "nannyml_quality": ("nannyml_chunks", "NannyMLQuality", {}, "nannyml"),
    "adwin_means": ("river_sequential", "River", {"detector": "adwin", "feed": "means"}, "river"),
    "adwin_records": ("river_sequential", "River", {"detector": "adwin", "feed": "records"}, "river"),
    "page_hinkley": ("river_sequential", "River", {"detector": "page_hinkley", "feed": "means"}, "river"),
    "whylogs": ("whylogs_drift", "Whylogs", {}, "whylogs"),
    "whylogs_hellinger": ("whylogs_drift", "Whylogs", {"algorithm": "hellinger"}, "whylogs"),
    "alibi_detect": ("alibi_tests", "AlibiDetect", {}, "alibi-detect"),
}
"""Name, module, class, its parameters, and the distribution whose version counts."""

BLOCK = 200
"""Windows judged at once: enough for NannyML, whose every call costs as much as many windows."""

SILENT = {
    "DO_NOT_TRACK": "1",  # Evidently
    "NML_DISABLE_USAGE_LOGGING": "1",  # NannyML
    "WHYLOGS_NO_ANALYTICS": "True",  # whylogs
    "TRANSFORMERS_VERBOSITY": "error",  # alibi-detect imports it
}


def answer(folder: Path, peer_name: str, parameters: dict[str, Any]) -> Answer:
    """Let a peer judge one job."""
    module, class_name, defaults, distribution = PEERS[peer_name]
    chosen = defaults | parameters
    peer: Peer = getattr(importlib.import_module(f"benchmarks.detection.peers.{module}"), class_name)(
        **chosen
    )
    reference = read_reference(folder)
    rows = read_rows(folder)
    started = time.perf_counter()
    peer.fit(reference, int(rows[0]))
    fitted = time.perf_counter()
    parts: list[Judgement] = []
    windows = read_windows(folder)
    while block := list(itertools.islice(windows, BLOCK)):
        parts.append(peer.judge(block))
    return Answer(
        judgement=Judgement.joined(parts),
        features=tuple(str(name) for name in reference.columns),
        fit_seconds=fitted - started,
        judge_seconds=time.perf_counter() - fitted,
        about={
            "peer": peer_name,
            "parameters": chosen,
            "python": platform.python_version(),
            "versions": {
                name: importlib.metadata.version(name) for name in (distribution, "numpy", "scipy", "pandas")
            },
        },
    )


def main() -> None:
    """Read the command line and judge every folder."""
    parser = argparse.ArgumentParser(description="Judge jobs with one peer.")
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--name", help="name of the answer; by default the peer's")
    parser.add_argument("--parameters", type=json.loads, default={}, help="a JSON object")
    chosen = parser.parse_args()
    os.environ.update(SILENT)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for folder in chosen.folders:
        write_answer(folder, chosen.name or chosen.peer, answer(folder, chosen.peer, chosen.parameters))


if __name__ == "__main__":
    main()
