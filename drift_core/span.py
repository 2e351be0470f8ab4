"""Span: what a verdict covers, a window of the grid, an hour or a day."""

from __future__ import annotations

from enum import StrEnum

from drift_core.monitor_settings import MonitorSettings


class Span(StrEnum):
    """What a verdict covers."""

    WINDOW = "window"
    HOUR = "hour"
    DAY = "day"

    def seconds(self, settings: MonitorSettings) -> int:
        """Length of the span.

        >>> Span.HOUR.seconds(MonitorSettings())
        3600
        """
        return {Span.WINDOW: settings.window_seconds, Span.HOUR: 3600, Span.DAY: 86400}[self]
