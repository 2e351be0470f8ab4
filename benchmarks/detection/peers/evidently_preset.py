"""Evidently's DataDriftPreset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType

from benchmarks.detection.peers.judgement import Judgement, surprise, text_columns

DRIFT_SHARE = 0.5
"""DataDriftPreset's default: the dataset has drifted when this share of its columns has."""

P_VALUES = {"ks", "chisquare", "z"}
"""Default tests whose score is a p-value; those of a large reference return distances."""

DISTINCT = 5
"""More distinct values than these make a number continuous."""


class Evidently:
    """The default test of each column with its default threshold, chosen by the library from type and rows.

    A reference of more than 1,000 rows is compared by Wasserstein distance in σ (numbers) and Jensen-Shannon
    distance (text), both with the threshold 0.1; a smaller one by Kolmogorov-Smirnov and χ² with p < 0.05.
    The tests are called as the preset calls them, without the plots that it draws beside them; the worker's
    test compares both. Missing values are dropped, as the preset does, so it cannot see them.
    """

    def fit(self, reference: pd.DataFrame, window_rows: int) -> None:
        """Keep the reference; sorted columns give the same distances sooner."""
        text = set(text_columns(reference))
        self._types = {
            str(name): ColumnType.Categorical if name in text else ColumnType.Numerical
            for name in reference.columns
        }
        self._reference = {
            name: clean(reference[name]).sort_values(ignore_index=True) for name in self._types
        }
        # The library counts distinct values of reference and window together, and asks only whether they are
        # more than 5 (numbers) or 2 (text): once the reference has more, the choice is made for all windows.
        self._settled = {
            name: get_stattest(column, column.iloc[:0], self._types[name], None)
            for name, column in self._reference.items()
            if column.nunique() > DISTINCT
        }

    def judge(self, windows: Sequence[pd.DataFrame]) -> Judgement:
        """Distance or -log10 p of each column."""
        scores = np.full((len(windows), len(self._types)), np.nan)
        flags = np.zeros(scores.shape, dtype=np.bool_)
        for w, window in enumerate(windows):
            for j, (name, kind) in enumerate(self._types.items()):
                current = clean(window[name])
                if current.empty:  # the preset gives up here; we do not let it lose the other columns
                    continue
                reference = self._reference[name]
                test = self._settled.get(name) or get_stattest(reference, current, kind, None)
                result = test(reference, current, kind, None)
                p_value = test.name in P_VALUES
                scores[w, j] = surprise(result.drift_score) if p_value else result.drift_score
                flags[w, j] = result.drifted
        return Judgement(scores=scores, flags=flags, dataset_flags=flags.mean(axis=1) >= DRIFT_SHARE)


def clean(column: pd.Series) -> pd.Series:
    """Drop what is missing or infinite, as the preset does."""
    return column.replace([-np.inf, np.inf], np.nan).dropna()
