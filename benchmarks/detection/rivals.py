"""The peers on streams that Driftline is judged on too: what they say of quiet windows, and of a change."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.detection.mixed import CATEGORIES, CHANGES, NUMERIC, REFERENCE, ROWS, mixed_rows, stream
from benchmarks.detection.peers.job import read_answer, write_job
from drift_core.schema import Matrix

PROJECT = Path(__file__).parents[2]

NEW = ".venv-peers"
OLD = ".venv-peers-older"

DELTAS = (2e-3, 1e-5, 1e-8)
"""Sensitivities of ADWIN that are tried; the first is as shipped."""

EVERY_WINDOW = {"clock": 1, "min_window_length": 1}

RIVALS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "Evidently": (NEW, "evidently", {}),
    "NannyML": (NEW, "nannyml", {}),
    "NannyML data quality": (NEW, "nannyml_quality", {}),
    "whylogs": (OLD, "whylogs", {}),
    "alibi-detect": (OLD, "alibi_detect", {}),
    "river Page-Hinkley": (NEW, "page_hinkley", {}),
    "river ADWIN, means": (NEW, "adwin_means", {}),
    "river ADWIN, records": (NEW, "adwin_records", {}),
}
"""As shipped: environment, peer and parameters."""

TUNED: dict[str, tuple[str, str, dict[str, Any]]] = {
    **{
        f"river ADWIN, means@{delta:g}": (NEW, "adwin_means", {"delta": delta, **EVERY_WINDOW})
        for delta in DELTAS
    },
    **{f"river ADWIN, records@{delta:g}": (NEW, "adwin_records", {"delta": delta}) for delta in DELTAS[1:]},
}
"""Peers that have no score are tuned by a parameter instead."""


def rivals(seed: int, before: int, changed: int, quiet: int) -> dict[str, Any]:
    """All peers on the streams of one baseline.

    Returns
    -------
    By peer and stream what `changes.scores` says of Driftline; "top" is None for peers without a score; with
    seconds for a window, and versions.
    """
    streams = {"quiet": stream(None, seed, before=0, windows=quiet)}
    streams |= {name: stream(name, seed, before=before, windows=before + changed) for name in CHANGES}
    reference = mixed_rows(REFERENCE, np.random.default_rng([seed, 10]))
    with tempfile.TemporaryDirectory() as folder:
        jobs = {name: Path(folder) / str(i) for i, name in enumerate(streams)}
        for name, rows in streams.items():
            write_job(
                jobs[name],
                reference=reference[:, :NUMERIC],
                windows=rows[:, :, :NUMERIC].reshape(-1, NUMERIC),
                rows=np.full(len(rows), ROWS),
                reference_text=_text(reference[:, NUMERIC:]),
                windows_text=_text(rows[:, :, NUMERIC:].reshape(-1, 1)),
            )
        found = {label: _peer(*rival, jobs) for label, rival in (RIVALS | TUNED).items()}
    return {"seed": seed, "found": found}


def _text(codes: Matrix) -> npt.NDArray[np.str_]:
    names = np.array([*CATEGORIES, "new"])
    found: npt.NDArray[np.str_] = names[np.where(codes < 0, len(CATEGORIES), codes).astype(int)]
    return found


def _peer(environment: str, peer: str, parameters: dict[str, Any], jobs: dict[str, Path]) -> dict[str, Any]:
    command = [str(PROJECT / environment / "bin" / "python"), "-m", "benchmarks.detection.peers.worker", peer]
    command += ["--name", "answer", "--parameters", json.dumps(parameters), *map(str, jobs.values())]
    subprocess.run(command, check=True, cwd=PROJECT)
    told: dict[str, Any] = {}
    for name, job in jobs.items():
        answer = read_answer(job, "answer")
        scores, flags = answer.judgement.scores, answer.judgement.flags
        scored = not np.isnan(scores).all()
        ranked = np.nan_to_num(scores, posinf=1e300) if scored else flags.astype(float)
        told[name] = {
            "top": ranked.max(1).tolist() if scored else None,
            "any": flags.any(1).tolist(),
            "dataset": answer.judgement.dataset_flags.tolist(),
            "first": ranked.argmax(1).tolist(),
            "flagged": float(flags.mean()),
        }
        told["seconds"] = answer.judge_seconds / len(scores)
        told["versions"] = answer.about["versions"]
        (job / "answer.npz").unlink()
    return told
