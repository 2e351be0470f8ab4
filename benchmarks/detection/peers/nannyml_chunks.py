"""NannyML's univariate drift and its checks of data quality, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nannyml as nml
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.detection.peers.judgement import Judgement, text_columns


class NannyMLDrift:
    """Jensen-Shannon distance of each column; alert above mean + 3 standard deviations over reference chunks.

    All as shipped: the method, the thresholds and chunks of the windows' size. There is no verdict on the
    dataset; an alert on any column stands for it. Missing values are dropped by the library.
    """

    def fit(self, reference: pd.DataFrame, window_rows: int) -> None:
        """Cut the reference into chunks of a window's rows and learn the thresholds from them."""
        self._names = [str(name) for name in reference.columns]
        self._rows = window_rows
        self._calculator = nml.UnivariateDriftCalculator(
            column_names=self._names,
            treat_as_categorical=text_columns(reference),
            chunk_size=window_rows,
        ).fit(reference)

    def judge(self, windows: Sequence[pd.DataFrame]) -> Judgement:
        """Distances and alerts of one `calculate` over all windows."""
        frame = together(windows, self._rows)
        answer = self._calculator.calculate(frame).filter(period="analysis").to_df(multilevel=True)
        scores = columns(answer, [(name, "jensen_shannon", "value") for name in self._names]).astype(float)
        alerts = columns(answer, [(name, "jensen_shannon", "alert") for name in self._names]).astype(bool)
        return Judgement(scores=scores, flags=alerts, dataset_flags=alerts.any(axis=1))


class NannyMLQuality:
    """Share of missing values of each column, and share of unseen values of each text column.

    All as shipped: missing values alert outside mean ± 3 standard deviations over reference chunks, unseen
    values alert above 0. The score is the distance of the share of missing values from the reference's, plus
    the share of unseen values.
    """

    def fit(self, reference: pd.DataFrame, window_rows: int) -> None:
        """Learn the thresholds."""
        self._names = [str(name) for name in reference.columns]
        self._text = text_columns(reference)
        self._rows = window_rows
        self._usual = reference.isna().mean().to_numpy()
        self._missing = nml.MissingValuesCalculator(column_names=self._names, chunk_size=window_rows)
        self._missing.fit(reference)
        self._unseen = None
        if self._text:
            self._unseen = nml.UnseenValuesCalculator(column_names=self._text, chunk_size=window_rows)
            self._unseen.fit(reference)

    def judge(self, windows: Sequence[pd.DataFrame]) -> Judgement:
        """Shares and alerts of one `calculate` over all windows."""
        frame = together(windows, self._rows)
        answer = self._missing.calculate(frame).filter(period="analysis").to_df(multilevel=True)
        share = columns(answer, [(name, "value") for name in self._names]).astype(float)
        scores = np.abs(share - self._usual)
        alerts = columns(answer, [(name, "alert") for name in self._names]).astype(bool)
        if self._unseen is not None:
            answer = self._unseen.calculate(frame).filter(period="analysis").to_df(multilevel=True)
            at = [self._names.index(name) for name in self._text]
            scores[:, at] += columns(answer, [(name, "value") for name in self._text]).astype(float)
            alerts[:, at] |= columns(answer, [(name, "alert") for name in self._text]).astype(bool)
        return Judgement(scores=scores, flags=alerts, dataset_flags=alerts.any(axis=1))


def together(windows: Sequence[pd.DataFrame], rows: int) -> pd.DataFrame:
    """The windows as one frame, which the library cuts again at the same places."""
    for window in windows:
        if len(window) != rows:
            raise ValueError(
                f"a window has {len(window)} rows and NannyML learnt thresholds for {rows}: "
                "give it windows of one size"
            )
    return pd.concat(windows, ignore_index=True)


def columns(answer: pd.DataFrame, names: list[Any]) -> npt.NDArray[Any]:
    """Columns of a result, in the features' order."""
    return np.column_stack([answer[name].to_numpy() for name in names])
