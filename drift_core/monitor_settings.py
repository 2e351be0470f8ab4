"""How a model's traffic is judged, unless the template's parameters say otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from drift_core.described import Described


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """How a model's traffic is judged; the template's parameters may override each.

    Attributes
    ----------
    window_seconds : length of a window; it divides an hour, or is whole hours that divide a day. A window
        begins at a multiple of it since 1970, UTC. Only windows up to an hour are counted on AWS.
    grace_seconds : quiet time after which a window that has ended is judged.
    min_samples : a window with fewer rows is carried into the next.
    false_alarms_per_month : the budget: how often you accept to be woken for nothing.
    drift_threshold : mean shift of a feature, in standard deviations, that alarms whatever the budget.
    """

    window_seconds: int = 300
    grace_seconds: int = 60
    min_samples: int = 100
    false_alarms_per_month: float = 1.0
    drift_threshold: float = 2.0

    def __post_init__(self) -> None:
        seconds = self.window_seconds
        if seconds < 1 or (3600 % seconds and (seconds % 3600 or 86400 % seconds)):
            raise ValueError(
                f"window_seconds is {seconds}; it must divide an hour (3600), or be whole hours that divide "
                f"a day (86400)"
            )
        for name in ("grace_seconds", "min_samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give at least 1")
        if not 0 < self.false_alarms_per_month <= 100:
            raise ValueError(
                f"false_alarms_per_month is {self.false_alarms_per_month}; give a number above 0, at most 100"
            )
        if not 0 < self.drift_threshold < math.inf:
            raise ValueError(f"drift_threshold is {self.drift_threshold}; give a number above 0")

    def overridden(self, changes: Mapping[str, Any]) -> MonitorSettings:
        """These settings with some replaced.

        >>> MonitorSettings().overridden({"window_seconds": 60}).window_seconds
        60
        """
        return MonitorSettings(**{**asdict(self), **changes})

    @classmethod
    def read(cls, read: Described) -> MonitorSettings:
        """From a manifest; what is absent has its default."""
        whole, real = (
            ("window_seconds", "grace_seconds", "min_samples"),
            ("false_alarms_per_month", "drift_threshold"),
        )
        given = {name: read.whole(name) for name in whole if read.has(name)}
        return cls().overridden(given | {name: read.number(name) for name in real if read.has(name)})
