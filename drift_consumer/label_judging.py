"""The labels of one version: measured, judged, told and remembered.

A group of windows is passed in three steps:

1. Write the documents of its windows.
2. Publish its metrics, if it serves.
3. Put the progress, the charts' memory and what each window has now, in one transaction, on condition that
   nobody else moved the progress.

A crash before 3 leaves documents that nobody remembers. The next run asks Athena again and takes all three
steps again; the charts have seen nothing of it, so no label is charted twice, and metrics may be published
twice, because CloudWatch cannot be told a number once only.

What is charted of a window is what came since it was charted last. A label that was corrected changes the
window's measures at once; the charts, which have seen the first label, do not go back: only labels that are
new are charted, and what a correction adds to their misses is left out (`QualityMonitor.judge`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean

from drift_consumer.error_baselines import JudgedVersion
from drift_consumer.label_groups import Group, groups, revised
from drift_consumer.label_hours import HOUR_MS
from drift_consumer.metrics import Publisher
from drift_consumer.quality_document import QualityDocuments, QualityRow, measured, rows
from drift_consumer.quality_metrics import quality_metrics
from drift_consumer.quality_progress import LabelWindow, QualityProgress, QualityProgressStore
from drift_core.error_sums import ErrorSums
from drift_core.quality import QualityJudgement
from queries.joined_rows import ALL, Fates


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What Athena answered of one window.

    Attributes
    ----------
    sums : by segment, `ALL` among them.
    fates : those of labels without a prediction included.
    """

    sums: Mapping[str, ErrorSums]
    fates: Fates = field(default_factory=Fates)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelJudge:
    """Judges the labels of one version.

    Attributes
    ----------
    told : whether metrics are published, which is of the version that serves.
    clock : UTC milliseconds now.
    """

    version: JudgedVersion
    told: bool
    store: QualityProgressStore
    documents: QualityDocuments
    publisher: Publisher
    clock: Callable[[], int]

    @property
    def _length(self) -> int:
        return self.version.policy.window_hours * HOUR_MS

    @property
    def _names(self) -> tuple[str, str]:
        return self.version.manifest.model_name, self.version.name

    def progress(self) -> QualityProgress:
        """How far the version has been judged."""
        monitor = self.version.monitor
        return self.store.read(*self._names, None if monitor is None else monitor.start())

    def judge(
        self,
        answered: Mapping[int, Answered],
        *,
        overdue: Set[int],
        enough_time: Callable[[], bool],
        done: Counter[str],
    ) -> bool:
        """Judge what is new in some windows.

        Parameters
        ----------
        answered : by start of the window.
        overdue : starts of windows to judge though they have no label.
        enough_time : whether another group can be begun.
        done : counts windows "measured" and "charted", and "revised" documents.

        Returns
        -------
        Whether all of them were passed.
        """
        progress = self.progress()
        stored = self.store.windows(*self._names, {*answered, *progress.waiting})
        fresh = {
            start: window
            for start, found in answered.items()
            if (window := self._fresh(start, found, stored, overdue)) is not None
        }
        waiting = {start: stored[start] for start in progress.waiting if start in stored}
        pool = [window for _, window in sorted({**waiting, **fresh}.items())]
        for group in groups(pool, min_labels=self.version.policy.min_labels, overdue=overdue):
            if not group.complete and not any(one.start in fresh for one in group.windows):
                continue  # it waits, as it did before
            if not enough_time():
                return False
            progress = self._pass(group, progress, answered, fresh, done)
        return True

    def _fresh(
        self, start: int, found: Answered, stored: Mapping[int, LabelWindow], overdue: Set[int]
    ) -> LabelWindow | None:
        if start not in stored and not found.sums[ALL].labelled and start not in overdue:
            return None  # no label has come yet
        before = stored.get(start, LabelWindow(start=start))
        monitor = self.version.monitor
        charted = () if monitor is None else monitor.segments
        return revised(before, found.sums, found.fates, self.clock(), charted=charted)

    def _pass(
        self,
        group: Group,
        progress: QualityProgress,
        answered: Mapping[int, Answered],
        fresh: Mapping[int, LabelWindow],
        done: Counter[str],
    ) -> QualityProgress:
        now = self.clock()
        judgement = self._judgement(group, progress)
        told = [one.start for one in group.windows if one.start in fresh]
        closing = max((one.start for one in group.windows if one.waits and one.start in fresh), default=None)
        windows = [self._passed(one, group, judgement, closing) for one in group.windows]
        progress, estimates = self._advanced(group, windows, progress, judgement, now)
        for window in windows:
            if window.start in fresh:
                found = answered[window.start]
                self.documents.write(self._rows(window, found, progress, estimates.get(window.start), now))
        if group.complete and self.told:
            total = sum((one.measured for one in group.windows if one.waits), ErrorSums())
            verdict = None if judgement is None else judgement.verdict
            self.publisher.publish(quality_metrics(total, verdict), now)
        self.store.advance(*self._names, progress, windows, now)
        done["measured"] += len(told)
        done["revised"] += sum(fresh[start].revision > 0 for start in told)
        done["charted"] += sum(one.waits for one in group.windows) if group.complete else 0
        return progress

    def _judgement(self, group: Group, progress: QualityProgress) -> QualityJudgement | None:
        if self.version.monitor is None or progress.memory is None or not group.complete:
            return None
        starts = [one.start for one in group.windows if one.waits]
        return self.version.monitor.judge(
            group.new,
            progress.memory,
            start=starts[0],
            end=starts[-1] + self._length,
            segments=group.new_by_segment,
        )

    def _passed(
        self, window: LabelWindow, group: Group, judgement: QualityJudgement | None, closing: int | None
    ) -> LabelWindow:
        if judgement is not None and window.start == closing:
            window = replace(window, verdict=judgement.verdict.to_json())
        return window.passed() if group.complete and window.waits else window

    def _advanced(
        self,
        group: Group,
        windows: list[LabelWindow],
        progress: QualityProgress,
        judgement: QualityJudgement | None,
        now: int,
    ) -> tuple[QualityProgress, dict[int, float]]:
        """The progress after a group, and the estimated errors of its windows."""
        passed = {one.start for one in group.windows}
        waiting = tuple(start for start in progress.waiting if start not in passed)
        estimates = {start: one for start in passed if (one := self._estimate(start)) is not None}
        if not group.complete:
            still = tuple(sorted({*waiting, *(one.start for one in windows if one.waits)}))
            return replace(progress, version=progress.version + 1, waiting=still), estimates
        record = progress.record
        for window in windows:
            real = measured(window.measured)["mae"]
            if window.start in estimates and real is not None:
                record = record.with_window(window.start, estimated=estimates[window.start], real=real)
        for window in windows:
            in_turn = progress.last_window is None or window.start > progress.last_window
            if in_turn:
                progress = replace(progress, last_window=window.start)
            if in_turn and window.measured.labelled:
                progress = progress.with_lag(window.first_judged - window.start - self._length, now)
        if judgement is not None:
            verdict = judgement.verdict.to_json()
            progress = replace(progress, memory=judgement.memory, verdict=verdict)
        return replace(progress, version=progress.version + 1, waiting=waiting, record=record), estimates

    def _estimate(self, start: int) -> float | None:
        found = self.store.estimates(*self._names, start, start + self._length)
        return fmean(found) if found else None

    def _rows(
        self,
        window: LabelWindow,
        found: Answered,
        progress: QualityProgress,
        estimate: float | None,
        now: int,
    ) -> list[QualityRow]:
        errors = self.version.errors
        place = {
            "model_name": self._names[0],
            "model_version": self._names[1],
            "window_hours": self.version.policy.window_hours,
            "start": window.start,
            "end": window.start + self._length,
            "revision": window.revision,
            "judged_at": now,
        }
        told = {
            "training_mae": None if errors is None else errors.mae,
            "estimated_mae": estimate,
            "track_record": progress.record.summary(),
            "labels": asdict(window.fates),
            "waiting": window.waits,
        }
        return rows(place, {**found.sums, ALL: window.measured}, window.verdict, told)
