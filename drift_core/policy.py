"""What a user wants done about a model's quality: when labels are judged, and when it is trained again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from drift_core.described import Described

HOURS = (1, 2, 3, 4, 6, 8, 12, 24)
"""Hours that divide a day."""

_HOUR = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityPolicy:
    """How labels are judged.

    Attributes
    ----------
    window_hours : length of a window of predictions whose labels are judged together; it divides a day.
    label_grace_seconds : quiet time after which the labels of a window are judged; more may come later.
    min_labels : a window with fewer labels is carried into the next.
    """

    window_hours: int = 1
    label_grace_seconds: int = 3600
    min_labels: int = 100

    def __post_init__(self) -> None:
        if self.window_hours not in HOURS:
            raise ValueError(f"window_hours is {self.window_hours}; give one of {', '.join(map(str, HOURS))}")
        if self.label_grace_seconds < 0:
            raise ValueError(f"label_grace_seconds is {self.label_grace_seconds}; give 0 or more")
        if self.min_labels < 1:
            raise ValueError(f"min_labels is {self.min_labels}; give at least 1")

    def windows(self, times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """A number for the window that each time is in.

        Parameters
        ----------
        times : any shape, UTC milliseconds.

        >>> QualityPolicy(window_hours=24).windows(np.array([0, 86_399_999, 86_400_000])).tolist()
        [0, 0, 1]
        """
        return times // (self.window_hours * _HOUR)

    def overridden(self, changes: Mapping[str, Any]) -> QualityPolicy:
        """The policy with some values replaced.

        >>> QualityPolicy().overridden({"window_hours": 24}).window_hours
        24
        """
        return QualityPolicy(**{**asdict(self), **changes})

    @classmethod
    def read(cls, read: Described) -> QualityPolicy:
        """From a manifest; what is absent has its default."""
        names = ("window_hours", "label_grace_seconds", "min_labels")
        return cls().overridden({name: read.whole(name) for name in names if read.has(name)})


class RetrainingMode(StrEnum):
    """What an incident may lead to: nothing, a challenger that waits for approval, or its promotion."""

    OFF = "off"
    APPROVE = "approve"
    AUTOMATIC = "automatic"


_LEAST = {"drift_hours": 0, "min_labels": 200, "cool_down_hours": 0, "train_days": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingPolicy:
    """When a model is trained again and what its challenger must reach.

    Attributes
    ----------
    mode : see `RetrainingMode`.
    quality : whether degraded quality is an incident.
    drift_hours : hours in a row with a verdict of drift that are an incident; 0 for never.
    min_labels : labelled predictions that a challenger needs, to learn from and to be judged on.
    cool_down_hours : from one retraining to the next.
    margin : share of the champion's mean absolute error by which a challenger must be better.
    train_days : days of labelled predictions that a challenger learns from, at most.
    """

    mode: RetrainingMode = RetrainingMode.OFF
    quality: bool = True
    drift_hours: int = 6
    min_labels: int = 2_000
    cool_down_hours: int = 24
    margin: float = 0.02
    train_days: int = 90

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; give at least {least}")
        if not 0 <= self.margin < 1:
            raise ValueError(f"margin is {self.margin}; give a share from 0, below 1")

    @classmethod
    def read(cls, read: Described) -> RetrainingPolicy:
        """From a manifest; what is absent has its default."""
        given: dict[str, Any] = {name: read.whole(name) for name in _LEAST if read.has(name)}
        if read.has("mode"):
            if read.text("mode") not in set(RetrainingMode):
                read.refuse("mode", " or ".join(repr(mode.value) for mode in RetrainingMode))
            given["mode"] = RetrainingMode(read.text("mode"))
        if read.has("quality"):
            given["quality"] = read.truth("quality")
        if read.has("margin"):
            given["margin"] = read.number("margin")
        return cls(**given)
