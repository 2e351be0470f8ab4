"""River's ADWIN and Page-Hinkley, one detector for each numeric feature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from river import drift

from benchmarks.detection.peers.judgement import Judgement, text_columns

PARAMETERS = {
    "adwin": {"delta": 0.002, "clock": 32, "min_window_length": 5, "grace_period": 10},
    "page_hinkley": {"delta": 0.005, "threshold": 50.0},
}
"""River's own defaults of the parameters that may be set."""

WHOLE = ("clock", "min_window_length", "grace_period")
"""ADWIN's parameters that are whole numbers."""


class River:
    """Detectors of a change of the mean, fed with window means or with records.

    Values are in the reference's σ, and means in their standard errors, because ADWIN's bound is made for
    values of about unit range. A detector that has not seen the reference would have to learn from the
    windows what is normal, so it is fed with the reference first (`warm`). As shipped, ADWIN looks for a cut
    at every 32nd value only: fed with means, at every 32nd window, and never before 5 windows after a
    change. `clock` = 1 and `min_window_length` = 1 look at each. Page-Hinkley says nothing of its first 30.

    There is no score: sensitivity is `delta` (smaller is less sensitive), or Page-Hinkley's `threshold`
    (larger is). A feature is flagged in a window when its detector fired in it; the detector then goes on
    with the values after the change. Text is not judged; missing values are left out.
    """

    def __init__(
        self, detector: str = "adwin", feed: str = "means", *, warm: bool = True, **parameters: float
    ) -> None:
        known = PARAMETERS.get(detector, {})
        if (
            detector not in PARAMETERS
            or feed not in {"means", "records"}
            or not set(parameters) <= set(known)
        ):
            raise ValueError(
                f"detector {detector!r} fed with {feed!r} and parameters {sorted(parameters)} is unknown: "
                f"take one of {sorted(PARAMETERS)}, 'means' or 'records', and of {sorted(known)}"
            )
        chosen: dict[str, Any] = known | parameters
        self._new: Callable[[], Any] = {
            "adwin": lambda: drift.ADWIN(
                delta=chosen["delta"], **{name: int(chosen[name]) for name in WHOLE if name in chosen}
            ),
            "page_hinkley": lambda: drift.PageHinkley(**chosen),
        }[detector]
        self._by_record = feed == "records"
        self._warm = warm

    def fit(self, reference: pd.DataFrame, window_rows: int) -> None:
        """Start one detector a feature, warm from the reference."""
        text = set(text_columns(reference))
        self._width = len(reference.columns)
        self._numeric = [j for j, name in enumerate(reference.columns) if name not in text]
        values = reference.iloc[:, self._numeric].to_numpy(dtype=np.float64)
        self._centre, self._scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        self._scale[self._scale == 0] = 1.0
        self._detectors = [self._new() for _ in self._numeric]
        if self._warm:
            for start in range(0, len(values) - window_rows + 1, window_rows):
                self._step(values[start : start + window_rows])

    def judge(self, windows: Sequence[pd.DataFrame]) -> Judgement:
        """Which detectors fired in which window."""
        flags = np.zeros((len(windows), self._width), dtype=np.bool_)
        for w, window in enumerate(windows):
            flags[w, self._numeric] = self._step(window.iloc[:, self._numeric].to_numpy(dtype=np.float64))
        scores = np.full(flags.shape, np.nan)
        return Judgement(scores=scores, flags=flags, dataset_flags=flags.any(axis=1))

    def _step(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Feed one window."""
        standardised = (values - self._centre) / self._scale
        fired = np.zeros(len(self._detectors), dtype=np.bool_)
        for j, detector in enumerate(self._detectors):
            present = standardised[:, j][np.isfinite(standardised[:, j])]
            if not len(present):
                continue
            fed = present.tolist() if self._by_record else [float(present.mean() * np.sqrt(len(present)))]
            for value in fed:
                detector.update(value)
                fired[j] |= detector.drift_detected
        return fired
