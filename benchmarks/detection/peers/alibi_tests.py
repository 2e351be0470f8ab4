"""alibi-detect's univariate tests with its Bonferroni correction.

alibi-detect's licence allows development and forbids production: we compare with it, and ship nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from alibi_detect.cd import ChiSquareDrift, KSDrift

from benchmarks.detection.peers.judgement import Judgement, surprise, text_columns


class AlibiDetect:
    """KSDrift for numbers and ChiSquareDrift for text, each feature with a detector of its own.

    As shipped, a feature has drifted at p < 0.05 and the dataset when one p < 0.05 / J. One detector of all
    features gives the same p-values, but a single missing value would make a whole column NaN; with one each,
    missing values are left out. MMD, LSDD and the learnt kernels need PyTorch or TensorFlow, gigabytes that
    this environment does without.
    """

    P_VALUE = 0.05  # alibi-detect's default of p_val

    def fit(self, reference: pd.DataFrame, window_rows: int) -> None:
        """Give each detector its column."""
        self._codes: dict[str, dict[str, int]] = {
            name: {value: code for code, value in enumerate(sorted(reference[name].dropna().unique()))}
            for name in text_columns(reference)
        }
        self._detectors: dict[str, Any] = {}
        for name in map(str, reference.columns):
            values = self._values(reference, name)
            self._detectors[name] = (ChiSquareDrift if name in self._codes else KSDrift)(values)

    def judge(self, windows: Sequence[pd.DataFrame]) -> Judgement:
        """-log10 p of each column."""
        p_values = np.full((len(windows), len(self._detectors)), np.nan)
        for w, window in enumerate(windows):
            for j, (name, detector) in enumerate(self._detectors.items()):
                values = self._values(window, name)
                if len(values):
                    p_values[w, j] = detector.predict(values, drift_type="feature")["data"]["p_val"][0]
        return Judgement(
            scores=np.vectorize(surprise)(p_values),
            flags=p_values < self.P_VALUE,
            dataset_flags=(p_values < self.P_VALUE / p_values.shape[1]).any(axis=1),
        )

    def _values(self, frame: pd.DataFrame, name: str) -> npt.NDArray[Any]:
        """One column without what is missing, shape (n, 1); text as codes, one for all unseen values."""
        column = frame[name].dropna()
        if name in self._codes:
            codes = self._codes[name]
            return np.array([[codes.get(value, len(codes))] for value in column])
        return column.to_numpy(dtype=np.float64)[:, None]
