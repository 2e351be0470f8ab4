"""Which version of a model serves: alarms are about it, and documents about each."""

from __future__ import annotations

from collections.abc import Iterable

from drift_consumer.series import Series
from drift_consumer.window_store import WindowStore
from drift_core.event import PREDICTION


def serving(windows: WindowStore, series: Iterable[Series]) -> Series | None:
    """The series with the newest predictions; None if there are none.

    Labels of a version go on arriving for days after another has taken over. Were they published, the alarm
    that asked for the new version would not end with it.

    Parameters
    ----------
    series : of one model, of all kinds.
    """
    newest = ((windows.last(one), one) for one in series if one.kind == PREDICTION)
    found = [(start, one) for start, one in newest if start is not None]
    return max(found, key=lambda pair: (pair[0], pair[1].key))[1] if found else None
