"""whylogs' drift algorithms over its profiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from whylogs.core import DatasetProfile, DatasetProfileView
from whylogs.viz.drift.column_drift_algorithms import Hellinger, calculate_drift_scores

from benchmarks.detection.peers.judgement import Judgement, surprise, text_columns


class Whylogs:
    """The drift scores of whylogs' summary report, from sketches and not from rows.

    whylogs has no verdict of its own on a window; it ships drift algorithms with thresholds for its reports.
    Its default is Kolmogorov-Smirnov over quantile sketches for numbers and χ² over frequent items for text;
    "DRIFT" is p < 0.05. `algorithm="hellinger"` is its other one for numbers: "DRIFT" is a distance of 0.4 or
    more. There is no verdict on the dataset; drift of any column stands for it.
    """

    def __init__(self, algorithm: str = "default") -> None:
        if algorithm not in {"default", "hellinger"}:
            raise ValueError(f"algorithm {algorithm!r} is unknown: take 'default' or 'hellinger'")
        self._hellinger = algorithm == "hellinger"

    def fit(self, reference: pd.DataFrame, window_rows: int) -> None:
        """Profile the reference."""
        self._names = [str(name) for name in reference.columns]
        text = set(text_columns(reference))
        self._algorithms = {name: Hellinger() for name in self._names if self._hellinger and name not in text}
        self._reference = profile(reference)

    def judge(self, windows: Sequence[pd.DataFrame]) -> Judgement:
        """-log10 p, or the distance, of each column."""
        scores = np.full((len(windows), len(self._names)), np.nan)
        flags = np.zeros(scores.shape, dtype=np.bool_)
        for w, window in enumerate(windows):
            found = calculate_drift_scores(
                profile(window), self._reference, drift_map=self._algorithms, with_thresholds=True
            )
            for j, name in enumerate(self._names):
                result = found.get(name)
                if result is None:
                    continue
                p_value = result["pvalue"]
                scores[w, j] = result["statistic"] if p_value is None else surprise(p_value)
                flags[w, j] = result["drift_category"] == "DRIFT"
        return Judgement(scores=scores, flags=flags, dataset_flags=flags.any(axis=1))


def profile(frame: pd.DataFrame) -> DatasetProfileView:
    """A profile of these rows."""
    dataset = DatasetProfile()
    dataset.track(frame)
    return dataset.view()
