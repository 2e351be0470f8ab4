"""What a demo measured, and whether all of it happened that should."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True, kw_only=True)
class Summary:
    """The numbers of one run; see `checks`.

    Attributes
    ----------
    events_captured : predictions that the API answered and records that the stream accepted.
    first_drift_window_start, drift_injected_at : ISO 8601, UTC; begin of a window.
    drifted_features : columns found guilty in any window, the strongest first.
    athena : rows of each answer, by question.
    seconds : by step.
    """

    requests_sent: int = 0
    responses_ok: int = 0
    events_captured: int = 0
    rows_archived: int = 0
    rows_quarantined: int = 0
    windows_judged: int = 0
    first_drift_window_start: str | None = None
    drift_injected_at: str | None = None
    feature_changed: str | None = None
    drifted_features: Sequence[str] = ()
    drift_verdicts_before_injection: int = 0
    alarm_history: Sequence[Mapping[str, str]] = ()
    notifications_received: int = 0
    rows_counted_by_athena: int = 0
    report_names_the_feature: bool = False
    athena: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failure: str | None = None

    def checks(self) -> dict[str, bool]:
        """Each claim of the demo with whether it held."""
        counted = self.rows_counted_by_athena
        stored = self.rows_archived + self.rows_quarantined
        return {
            f"{self.responses_ok:,} of {self.requests_sent:,} signed requests answered": 0
            < self.requests_sent
            == self.responses_ok,
            f"{self.events_captured:,} events captured = {self.rows_archived:,} archived + "
            f"{self.rows_quarantined:,} quarantined = {counted:,} counted by Athena": 0
            < self.events_captured
            == stored
            == counted,
            "no drift verdict in a window before the change": self.drift_verdicts_before_injection == 0,
            "the first drift verdict is on the first changed window": self.drift_injected_at is not None
            and self.first_drift_window_start == self.drift_injected_at,
            f"the changed feature is found guilty: {self.feature_changed}": self.feature_changed
            in self.drifted_features,
            "the alarm went to ALARM": any(change["to"] == "ALARM" for change in self.alarm_history),
            f"notifications received: {self.notifications_received}": self.notifications_received > 0,
            "the report names the changed feature": self.report_names_the_feature,
            f"Athena answered {len(self.athena)} questions, each with rows": bool(self.athena)
            and all(self.athena.values()),
        }

    def write(self, path: Path) -> None:
        """Write the numbers, the checks and whether all held, as JSON."""
        described: dict[str, Any] = {**asdict(self), "checks": self.checks(), "passed": self.passed}
        described["seconds"]["all"] = round(sum(self.seconds.values()), 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(described, indent=2) + "\n")

    @property
    def passed(self) -> bool:
        """Whether all of it happened."""
        return self.failure is None and all(self.checks().values())
