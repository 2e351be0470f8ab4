"""Driftline and its peers on the same streams: what they say of quiet windows, how soon they see a change."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.detection.changes import (
    CATEGORIES,
    CHANGES,
    NUMERIC,
    REFERENCE,
    ROWS,
    WINDOW_MS,
    mixed_baseline,
    mixed_rows,
    state_of,
)
from benchmarks.detection.peers.job import read_answer, write_job
from drift_core.bundle import MonitorSettings
from drift_core.monitor import Monitor
from drift_core.schema import Matrix
from drift_core.span import Span

PROJECT = Path(__file__).parents[2]

QUIET, BEFORE, CHANGED = 200, 5, 40
"""Windows of a stream without drift; of one with a change before and after it."""

DELTAS = (2e-3, 1e-4, 1e-6, 1e-9, 1e-13, 1e-18)
"""Sensitivities of ADWIN that are tried; the first is as shipped."""

EVERY_WINDOW = {"clock": 1, "min_window_length": 1}

NEW = ".venv-peers"
OLD = ".venv-peers-older"

RIVALS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "Evidently": (NEW, "evidently", {}),
    "NannyML": (NEW, "nannyml", {}),
    "NannyML data quality": (NEW, "nannyml_quality", {}),
    "whylogs": (OLD, "whylogs", {}),
    "alibi-detect": (OLD, "alibi_detect", {}),
    "river Page-Hinkley": (NEW, "page_hinkley", {}),
    "river ADWIN on means": (NEW, "adwin_means", {}),
    "river ADWIN on records": (NEW, "adwin_records", {}),
    **{
        f"river ADWIN on means, every window, δ {delta:g}": (
            NEW,
            "adwin_means",
            {"delta": delta, **EVERY_WINDOW},
        )
        for delta in DELTAS
    },
    **{
        f"river ADWIN on records, δ {delta:g}": (NEW, "adwin_records", {"delta": delta})
        for delta in DELTAS[1:]
    },
}
"""By name: environment, peer and parameters."""

DRIFTLINE = "Driftline"


def rivals(seed: int) -> dict[str, Any]:
    """All detectors on the streams of one baseline.

    Returns
    -------
    By detector and stream, for each window the largest score (NaN is None), whether any feature is flagged,
    what the detector says of the window as a whole, and the feature with the largest score or first flag;
    with the share of features flagged, seconds for a window, and versions.
    """
    streams = {"quiet": _stream(None, seed), **{name: _stream(name, seed) for name in CHANGES}}
    found: dict[str, Any] = {DRIFTLINE: _driftline(seed, streams)}
    with tempfile.TemporaryDirectory() as folder:
        jobs = {name: Path(folder) / str(i) for i, name in enumerate(streams)}
        reference = mixed_rows(REFERENCE, np.random.default_rng([seed, 10]))
        for name, rows in streams.items():
            write_job(
                jobs[name],
                reference=reference[:, :NUMERIC],
                windows=rows[:, :, :NUMERIC].reshape(-1, NUMERIC),
                rows=np.full(len(rows), ROWS),
                reference_text=_text(reference[:, NUMERIC:]),
                windows_text=_text(rows[:, :, NUMERIC:].reshape(-1, 1)),
            )
        for label, (environment, peer, parameters) in RIVALS.items():
            found[label] = _peer(environment, peer, parameters, jobs)
    return {"seed": seed, "found": found}


def _stream(change: str | None, seed: int) -> Matrix:
    """Rows of shape (windows, n, columns)."""
    windows = QUIET if change is None else BEFORE + CHANGED
    # The quiet stream is held out; the others share their rows, so that changes and detectors are paired.
    rng = np.random.default_rng([seed, 20 if change is None else 21])
    rows = mixed_rows(windows * ROWS, rng).reshape(windows, ROWS, -1)
    if change is not None:
        for window in range(BEFORE, windows):
            CHANGES[change][0](rows[window], np.random.default_rng([seed, 22, window]))
    return rows


def _text(codes: Matrix) -> npt.NDArray[np.str_]:
    names = np.array([*CATEGORIES, "new"])
    found: npt.NDArray[np.str_] = names[np.where(codes < 0, len(CATEGORIES), codes).astype(int)]
    return found


def _driftline(seed: int, streams: dict[str, Matrix]) -> dict[str, Any]:
    # A large budget, so that scores reach the level at which all detectors are compared.
    monitors = {
        "loud": Monitor(baseline=mixed_baseline(seed), settings=MonitorSettings(false_alarms_per_month=100)),
    }
    monitors["shipped"] = Monitor(baseline=monitors["loud"].baseline, settings=MonitorSettings())
    told: dict[str, Any] = {}
    for name, rows in streams.items():
        memories = {kind: monitor.start() for kind, monitor in monitors.items()}
        scores, flags, first, share = [], [], [], 0
        for i, window in enumerate(rows):
            state, start = state_of(monitors["loud"], window), (REFERENCE // ROWS + i) * WINDOW_MS
            judged = {
                kind: monitor.judge(
                    state, span=Span.WINDOW, start=start, end=start + WINDOW_MS, memory=memories[kind]
                )
                for kind, monitor in monitors.items()
            }
            memories = {kind: judgement.memory for kind, judgement in judged.items()}
            loud, shipped = judged["loud"].verdict, judged["shipped"].verdict
            columns = dict(loud.features)
            scores.append(loud.drift_score)
            flags.append(shipped.drift)
            first.append(int(max(columns, key=lambda column: columns[column].score)[1:]))
            share += sum(column.drift for column in shipped.features.values())
        told[name] = {
            "top": scores,
            "any": flags,
            "dataset": flags,
            "first": first,
            "flagged": share / rows.shape[0] / rows.shape[2],
        }
    return told


def _peer(environment: str, peer: str, parameters: dict[str, Any], jobs: dict[str, Path]) -> dict[str, Any]:
    """One peer's answers; an environment that is not there is an error of the caller."""
    command = [str(PROJECT / environment / "bin" / "python"), "-m", "benchmarks.detection.peers.worker", peer]
    command += ["--name", "answer", "--parameters", json.dumps(parameters), *map(str, jobs.values())]
    subprocess.run(command, check=True, cwd=PROJECT)
    told: dict[str, Any] = {}
    for name, job in jobs.items():
        answer = read_answer(job, "answer")
        scores, flags = answer.judgement.scores, answer.judgement.flags
        ranked = np.where(np.isnan(scores), flags.astype(float), scores)
        top = ranked.max(1)
        told[name] = {
            "top": None
            if np.isnan(scores).all()
            else [float(value) for value in np.nan_to_num(top, posinf=1e300)],
            "any": flags.any(1).tolist(),
            "dataset": answer.judgement.dataset_flags.tolist(),
            "first": ranked.argmax(1).tolist(),
            "flagged": float(flags.mean()),
        }
        told["seconds"] = answer.judge_seconds / len(scores)
        told["versions"] = answer.about["versions"]
        (job / "answer.npz").unlink()
    return told
