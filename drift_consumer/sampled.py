"""Sampled rows: what they say of a model without any label, hour after hour.

Each hour of predictions that is over and quiet has its turn once, in the order of time: the states of its
windows add up to a sample of its rows, of which the error is estimated and the predictions are attributed to
features. An hour with too few rows waits for the next. What a crash leaves:

- before the progress is written: a document, and metrics that may be published twice. The next run explains
  the same hours with the same memory: the same rows give the same document, and rows that came in between
  count.
- after: nothing.

An hour whose first rows come when a later one has had its turn is left out: charts know one direction of
time. It is noted and counted. Rows that come late to an explained hour change nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from drift_consumer.baselines import Bundle
from drift_consumer.explained_document import ExplainedDocument, ExplainedDocuments
from drift_consumer.explained_versions import ExplainedVersion, ExplainedVersions
from drift_consumer.marks import Marks
from drift_consumer.metrics import Publisher
from drift_consumer.sampled_store import ExplainedHours, SampledProgress, SampledStore
from drift_consumer.schedule import is_due, quiet_since
from drift_consumer.series import Series
from drift_consumer.serving import serving
from drift_consumer.window_store import StoredWindow, WindowStore
from drift_core.attribution_drift import AttributionMemory, judge_attribution
from drift_core.baseline import PREDICTION as PREDICTED
from drift_core.event import PREDICTION
from drift_core.expected_error import EstimateMemory, judge_estimate
from drift_core.monitor_settings import MonitorSettings
from drift_core.quality_budget import quality_windows
from drift_core.window import WindowState

HOUR_MS = 3_600_000

MOST_HOURS = 12
"""Hours that one run explains of a version, so that other versions and labels have their turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Explains the sampled rows of all versions of a model.

    Attributes
    ----------
    settings : those of a bundle's manifest with the template's overrides.
    clock : UTC milliseconds now.
    """

    model_name: str
    windows: WindowStore
    marks: Marks
    versions: ExplainedVersions
    store: SampledStore
    documents: ExplainedDocuments
    publisher: Publisher
    settings: Callable[[MonitorSettings], MonitorSettings]
    clock: Callable[[], int]

    def judge_due(self, enough_time: Callable[[], bool]) -> Counter[str]:
        """Explain what is due, until the time is up; the next run goes on from there.

        Returns
        -------
        How many hours were "explained", alone or together, "carried" into the next, or left out because they
        came "late".

        Raises
        ------
        ExceptionGroup
            The faults of versions that could not be explained, after all others were.
        """
        done: Counter[str] = Counter()
        faults: list[Exception] = []
        versions: defaultdict[str, list[Series]] = defaultdict(list)
        every = self.windows.series_of(self.model_name)
        served = serving(self.windows, every)
        for series in every:
            if series.kind == PREDICTION:
                versions[series.model_version].append(series)
        for name, own in versions.items():
            try:
                bundle = self.versions.bundle(self.model_name, name)
                if bundle is not None:
                    told = served in own
                    _Version(self, bundle, own, done, told=told).judge_due(enough_time)
            except Exception as fault:
                fault.add_note(f"while explaining {self.model_name} {name}")
                faults.append(fault)
        if faults:
            raise ExceptionGroup("some samples could not be explained; the next run tries again", faults)
        return done


@dataclass(frozen=True, slots=True)
class _Version:
    """One version; its series differ in the length of their windows.

    Attributes
    ----------
    told : whether metrics are published, which is of the version that serves.
    """

    of: Samples
    bundle: Bundle
    series: Sequence[Series]
    done: Counter[str]
    told: bool

    @property
    def _name(self) -> str:
        return self.bundle.manifest.model_version

    @property
    def _windows(self) -> float:
        """A: hours between two false alarms."""
        return quality_windows(self._settings.false_alarms_per_month, 1)

    @property
    def _settings(self) -> MonitorSettings:
        return self.of.settings(self.bundle.manifest.monitor)

    def judge_due(self, enough_time: Callable[[], bool]) -> None:
        progress = self.of.store.read(self.of.model_name, self._name)
        self._note_late(progress)
        for _ in range(MOST_HOURS):
            hour = self._next_hour(progress)
            if hour is None or not enough_time():
                return
            items = self._items(hour, hour + HOUR_MS)
            if not self._quiet(hour, items):
                return  # later hours wait for it
            progress = self._pass_hour(progress, hour, items)

    def _next_hour(self, progress: SampledProgress) -> int | None:
        """The first hour that has rows and has not had its turn."""
        end = self.of.clock() // HOUR_MS * HOUR_MS
        starts = [self.of.windows.first_in(one, progress.passed or 0, end) for one in self.series]
        return min((start // HOUR_MS * HOUR_MS for start in starts if start is not None), default=None)

    def _items(self, start: int, end: int) -> list[StoredWindow]:
        layout = self.bundle.baseline.layout
        return [item for one in self.series for item in self.of.windows.span(one, layout, start, end)]

    def _quiet(self, hour: int, items: Iterable[StoredWindow]) -> bool:
        grace = self._settings.grace_seconds * 1000
        quiet = max(quiet_since(item.first_update, item.last_update, grace) for item in items)
        return is_due(hour + HOUR_MS, quiet, self.of.clock(), grace)

    def _pass_hour(
        self, progress: SampledProgress, hour: int, items: Sequence[StoredWindow]
    ) -> SampledProgress:
        """Explain an hour, with those that wait for it, or let it wait."""
        start, end = hour if progress.carried_from is None else progress.carried_from, hour + HOUR_MS
        if start < hour:
            items = [*self._items(start, hour), *items]
        state = WindowState.sum(self.bundle.baseline.layout, (item.state for item in items))
        if state.n < self._settings.min_samples:
            progress = progress.carried(start, end)
            self.of.store.advance(self.of.model_name, self._name, progress, None, self.of.clock())
            self.done["carried"] += 1
            return progress
        document, progress = self._judged(state, progress, start, end)
        self.of.documents.write(document)
        if self.told:
            self.of.publisher.publish(document.metrics(), document.judged_at)
        hours = ExplainedHours(
            start=start,
            end=end,
            predictions=state.n,
            estimated_mae=document.estimate and document.estimate[0].mae,
        )
        self.of.store.advance(self.of.model_name, self._name, progress, hours, document.judged_at)
        self.done["explained"] += 1
        return progress

    def _judged(
        self, state: WindowState, progress: SampledProgress, start: int, end: int
    ) -> tuple[ExplainedDocument, SampledProgress]:
        version = self.of.versions.get(self.bundle.manifest)
        features = state.sample[:, : len(self.bundle.manifest.schema.features)]
        estimate, attribution = None, None
        progress = replace(progress, version=progress.version + 1, passed=end, carried_from=None)
        if version.estimate is not None and version.expected is not None:
            before = (
                EstimateMemory.start(version.expected)
                if progress.estimate is None
                else EstimateMemory.from_bytes(progress.estimate, version.expected)
            )
            values = version.estimate(self._with_predictions(state, version))
            told, after = judge_estimate(values, version.expected, before, self._windows, start=start)
            estimate = (told, version.expected)
            progress = replace(progress, estimate=after.to_bytes())
        if version.attribution is not None:
            memory = (
                AttributionMemory.start(version.attribution)
                if progress.attribution is None
                else AttributionMemory.from_bytes(progress.attribution, version.attribution)
            )
            found = version.attribution.explained(version.predict, features, seed=start)
            verdict, memory = judge_attribution(
                found.values, version.attribution, memory, self._windows, start=start
            )
            attribution = (verdict, version.attribution)
            progress = replace(progress, attribution=memory.to_bytes())
        document = ExplainedDocument(
            model_name=self.of.model_name,
            model_version=self._name,
            start=start,
            end=end,
            predictions=state.n,
            rows=len(features),
            estimate=estimate,
            attribution=attribution,
            judged_at=self.of.clock(),
        )
        return document, progress

    def _with_predictions(self, state: WindowState, version: ExplainedVersion) -> npt.NDArray[np.float32]:
        """Sampled features and, as the last column, what was predicted; anew if windows do not count that."""
        width = len(self.bundle.manifest.schema.features)
        names = [column.name for column in self.bundle.baseline.columns]
        features = state.sample[:, :width]
        if PREDICTED in names[width:]:
            predictions = state.sample[:, width + names[width:].index(PREDICTED)]
        else:
            predictions = version.predict(features).astype(np.float32)
        return np.column_stack([features, predictions])

    def _note_late(self, progress: SampledProgress) -> None:
        """Note hours that have rows, and had none when their turn was.

        The consumer marks what it writes until the reconciler has compared it: old windows are not searched.
        """
        if progress.passed is None:
            return
        marked = {
            start // HOUR_MS * HOUR_MS
            for one in self.series
            for start in self.of.marks.starts(one, progress.passed)
        }
        if progress.carried_from is not None:
            marked = {hour for hour in marked if hour < progress.carried_from}
        if not marked:
            return
        known = self.of.store.explained(self.of.model_name, self._name, min(marked), max(marked))
        for hour in sorted(marked):
            if not any(one.start <= hour < one.end for one in known):
                late = ExplainedHours(start=hour, end=hour + HOUR_MS, predictions=0, late=True)
                self.of.store.remember(self.of.model_name, self._name, late, self.of.clock())
                self.done["late"] += 1
