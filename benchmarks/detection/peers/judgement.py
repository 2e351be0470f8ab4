"""What every peer answers, and the little that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One peer's word on W windows of J features.

    Attributes
    ----------
    scores : shape (W, J), larger is more drift. NaN: this peer has no score for this feature.
    flags : shape (W, J), what the library's own defaults say of each feature.
    dataset_flags : shape (W,), what they say of the window as a whole.
    """

    scores: npt.NDArray[np.float64]
    flags: npt.NDArray[np.bool_]
    dataset_flags: npt.NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[Judgement]) -> Judgement:
        """The judgements of consecutive windows as one."""
        return cls(
            scores=np.concatenate([part.scores for part in parts]),
            flags=np.concatenate([part.flags for part in parts]),
            dataset_flags=np.concatenate([part.dataset_flags for part in parts]),
        )


class Peer(Protocol):
    """A library's way from a reference and windows to flags.

    Columns of floats are numeric, NaN is a missing value; columns of objects are text, None is missing.
    """

    def fit(self, reference: pd.DataFrame, window_rows: int) -> None:
        """Learn the reference; `window_rows` is the usual number of rows of a window."""

    def judge(self, windows: Sequence[pd.DataFrame]) -> Judgement:
        """Judge the next windows, in the order of time."""


def text_columns(frame: pd.DataFrame) -> list[str]:
    """Names of the columns that hold text."""
    return [str(name) for name in frame.columns if frame[name].dtype == object]


def surprise(p_value: float) -> float:
    """-log10 of a p-value; one that underflowed counts as 1e-300."""
    return -float(np.log10(max(p_value, 1e-300)))
