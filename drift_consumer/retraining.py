"""The wish to train again: what the latest verdicts on the serving version lead to, by its policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from drift_consumer.baselines import Baselines
from drift_consumer.incident import Incidents, LatestQuality
from drift_consumer.quality_progress import QualityProgressStore
from drift_consumer.serving import serving
from drift_consumer.window_store import WindowStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """Looks for incidents of the version that serves; `clock` is UTC milliseconds now."""

    model_name: str
    windows: WindowStore
    baselines: Baselines
    progress: QualityProgressStore
    incidents: Incidents
    clock: Callable[[], int]

    def judge_due(self, enough_time: Callable[[], bool]) -> Counter[str]:
        """Ask for a retraining, if the policy says so.

        Returns
        -------
        How many events were put: "wanted".
        """
        served = serving(self.windows, self.windows.series_of(self.model_name))
        if served is None or not enough_time():
            return Counter()
        policy = self.baselines.get(self.model_name, served.model_version).manifest.retraining
        verdict = self.progress.read(self.model_name, served.model_version, None).verdict
        quality = None if verdict is None else LatestQuality.of(verdict)
        found = self.incidents.look(served, policy, quality, self.clock())
        return Counter(wanted=int(found is not None))
