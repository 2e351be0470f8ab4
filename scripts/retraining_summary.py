"""What the retraining demo measured, its timeline, and whether all of it happened that should."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from scripts.demo_stack import readable

NEAR = 0.10
"""How near the error must come to what training promised."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline.

    Attributes
    ----------
    at : hour of the traffic, as "hour 12"; traffic is told to have happened in the hours before now.
    seen : what was seen.
    by : which part of the system saw it.
    """

    at: str
    seen: str
    by: str


@dataclass(slots=True, kw_only=True)
class RetrainingSummary:
    """The numbers of one run; errors are mean absolute errors in the target's unit.

    Attributes
    ----------
    quiet_drift_verdicts : of inputs, in the hours before and after the labels changed.
    alarms_before : hours with an alarm of quality before the labels changed.
    detected_after_hours : from the change to the first hour with an alarm; labels come two hours late.
    wanted : reason of the event that asked to retrain.
    """

    training_mae: float | None = None
    realised_before: float | None = None
    realised_changed: float | None = None
    estimated_changed: float | None = None
    realised_after: float | None = None
    quiet_drift_verdicts: int | None = None
    alarms_before: int | None = None
    detected_after_hours: int | None = None
    quality_alarm: str | None = None
    wanted: str | None = None
    first_version: str | None = None
    second_version: str | None = None
    quality_alarm_after: str | None = None
    benign_drift_verdicts: int | None = None
    benign_error: float | None = None
    third_version: str | None = None
    timeline: list[Moment] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    failure: str | None = None

    def tell(self, at: str, seen: str, by: str) -> None:
        """Add a line to the timeline."""
        self.timeline.append(Moment(at, seen, by))

    def table(self) -> Table:
        """The timeline."""
        table = Table(title="What happened", title_justify="left", box=None, pad_edge=False)
        table.add_column("when", no_wrap=True)
        table.add_column("what")
        table.add_column("seen by", no_wrap=True)
        for one in self.timeline:
            table.add_row(one.at, one.seen, one.by)
        return table

    def checks(self) -> dict[str, bool]:
        """Each claim of the demo with whether it held."""
        promised, after = self.training_mae or 0.0, self.realised_after or float("inf")
        return {
            "the labels' law changed and the inputs' monitor stayed quiet": self.quiet_drift_verdicts == 0,
            "no alarm of quality before the change": self.alarms_before == 0,
            "the alarm of quality was raised after it": self.quality_alarm == "ALARM"
            and self.detected_after_hours is not None,
            "an event asked to train again, because of quality": self.wanted == "quality",
            "the challenger won and is served": self.first_version is not None
            and self.second_version not in (None, self.first_version),
            f"the error is back within {NEAR:.0%} of what training promised: {readable(after)} for "
            f"{readable(promised)}": after <= (1 + NEAR) * promised,
            "the alarm of quality went back": self.quality_alarm_after == "OK",
            "an input drifted later without harm, and was seen": bool(self.benign_drift_verdicts),
            "its challenger, no better, was not served": self.third_version == self.second_version,
        }

    @property
    def passed(self) -> bool:
        """Whether all of it happened."""
        return self.failure is None and all(self.checks().values())

    def write(self, path: Path) -> None:
        """Write the numbers, the checks and whether all held, as JSON."""
        described: dict[str, Any] = {**asdict(self), "checks": self.checks(), "passed": self.passed}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(described, indent=2) + "\n")
