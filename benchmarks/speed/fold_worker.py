"""One library that profiles or judges one frame again and again, in its own environment's interpreter.

    .venv-peers/bin/python -m benchmarks.speed.fold_worker evidently <folder>

The folder is a job of `benchmarks.detection.peers.job` with one window. The worker answers each line of its
input with the processor time of one repetition, in seconds. It runs on Python 3.11 as well.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.detection.peers.job import read_reference, read_windows
from benchmarks.detection.peers.worker import SILENT


def whylogs(reference: Any, window: Any) -> Callable[[], object]:
    """A profile of the window, as `whylogs.log` makes it."""
    import whylogs as why  # noqa: PLC0415 - each library lives in another environment

    return lambda: why.log(window)


def evidently(reference: Any, window: Any) -> Callable[[], object]:
    """The drift preset's report; the frames are described beforehand."""
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    numbers = [name for name in window.columns if name.startswith("f")]
    texts = [name for name in window.columns if name not in numbers]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
    current, before = (Dataset.from_pandas(frame, definition) for frame in (window, reference))
    return lambda: Report([DataDriftPreset()]).run(current, before).dict()


def driftline_fold(reference: Any, window: Any) -> Callable[[], object]:
    """The window's state from the columns as the consumer has decoded them."""
    return _driftline(reference, window)[0]


def driftline_verdict(reference: Any, window: Any) -> Callable[[], object]:
    """The state and the verdict on it."""
    return _driftline(reference, window)[1]


def _driftline(reference: Any, window: Any) -> tuple[Callable[[], object], Callable[[], object]]:
    import numpy as np  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    from drift_consumer.slices import codes  # noqa: PLC0415
    from drift_core.freeze import freeze  # noqa: PLC0415
    from drift_core.monitor import Monitor  # noqa: PLC0415
    from drift_core.monitor_settings import MonitorSettings  # noqa: PLC0415
    from drift_core.schema import Feature, FeatureSchema, Kind  # noqa: PLC0415
    from drift_core.span import Span  # noqa: PLC0415
    from drift_core.window import WindowState, hash_event_ids  # noqa: PLC0415

    features = [
        Feature(name=name, kind=Kind.NUMERIC)
        if name.startswith("f")
        else Feature(name=name, kind=Kind.CATEGORICAL, categories=tuple(reference[name].value_counts().index))
        for name in reference.columns
    ]

    def matrix(table: Any) -> Any:
        return np.column_stack([codes(f, table[f.name].combine_chunks()) for f in features])

    tables = [pa.Table.from_pandas(frame, preserve_index=False) for frame in (reference, window)]
    baseline = freeze(
        model_name="m", model_version="v", schema=FeatureSchema(tuple(features)), matrix=matrix(tables[0])
    )
    monitor = Monitor(baseline=baseline, settings=MonitorSettings())
    times = np.zeros(len(window), np.int64)
    ids = np.array([f"{i:036}" for i in range(len(window))], "S36")
    memory = monitor.start()

    def fold() -> WindowState:
        return WindowState.of(baseline.layout, matrix(tables[1]), times, hash_event_ids(ids))

    def judge() -> object:
        return monitor.judge(fold(), span=Span.WINDOW, start=0, end=300_000, memory=memory)

    return fold, judge


LIBRARIES = {
    "whylogs": whylogs,
    "evidently": evidently,
    "driftline_fold": driftline_fold,
    "driftline_verdict": driftline_verdict,
}


def main() -> None:
    """Read the job, then repeat on demand."""
    os.environ.update(SILENT)
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    folder = Path(sys.argv[2])
    [window] = read_windows(folder)
    repeat = LIBRARIES[sys.argv[1]](read_reference(folder), window)
    for _ in sys.stdin:
        started = time.process_time()
        repeat()
        print(time.process_time() - started, file=answers, flush=True)


if __name__ == "__main__":
    main()
