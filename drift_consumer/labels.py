"""Labels: which hours have new ones, what Athena says of them, and each version's part of it.

A label's arrival is seen in the window table, where the consumer counts label records by the time of their
prediction. So labels that come months late are found like those of today, and Athena is asked once a run,
about hours that have changed and no others. What it said is remembered only after all versions were judged:
a run that fails or crashes leaves the hours to the next, which finds nothing new where a version was judged.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from drift_consumer.error_baselines import ErrorBaselines, JudgedVersion
from drift_consumer.label_hours import HOUR_MS, AskedHours, LabelHour, due_spans, label_hours
from drift_consumer.label_judging import Answered, LabelJudge
from drift_consumer.metrics import Publisher
from drift_consumer.quality_document import QualityDocuments
from drift_consumer.quality_progress import QualityProgressStore
from drift_consumer.series import Series
from drift_consumer.serving import serving
from drift_consumer.window_store import WindowStore
from drift_core.error_sums import ErrorSums
from drift_core.event import LABEL, PREDICTION
from drift_core.policy import QualityPolicy
from queries.athena import Answer, Athena, AthenaError
from queries.joined import Expected, joined_sql
from queries.joined_rows import ALL, Fates, Joined, read_joined

MOST_HOURS = 31 * 24
"""Hours that Athena is asked about at once; older ones first, the others in the next run."""

LOOKED_AGAIN_MS = 24 * HOUR_MS
"""For how long after a label its prediction is looked for again: it may still be on its way."""

OVERDUE_MS = 48 * HOUR_MS
"""How far back windows are judged without labels: the run an hour ago has seen those before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Judges the labels of all versions of a model; `clock` is UTC milliseconds now."""

    model_name: str
    windows: WindowStore
    asked: AskedHours
    store: QualityProgressStore
    documents: QualityDocuments
    versions: ErrorBaselines
    athena: Athena
    publisher: Publisher
    clock: Callable[[], int]

    def judge_due(self, enough_time: Callable[[], bool]) -> Counter[str]:
        """Judge the labels that nobody has judged.

        Returns
        -------
        How many "hours" Athena was asked about, what `LabelJudge.judge` counts, and the label records that
        are "unmatched" there.

        Raises
        ------
        ExceptionGroup
            The faults of versions that could not be judged, after all others were.
        """
        series = self.windows.series_of(self.model_name)
        served = serving(self.windows, series)
        run = _Run(self, None if served is None else served.model_version)
        for one in series:
            if one.kind == PREDICTION:
                run.load(one.model_version)
        hours = label_hours(self.windows, (one for one in series if one.kind == LABEL))
        asked = self.asked.read(self.model_name)
        overdue = {name: self._overdue(judge, series) for name, judge in run.judges.items()}
        chosen = self._chosen(run, hours, asked, overdue)
        if chosen and enough_time():
            rows = run.ask(chosen)
            finished = run.judge(rows, overdue, enough_time)
            run.done["hours"] = len(chosen)
            run.done["unmatched"] = sum(row.fates.unmatched for row in rows)
            if finished and not run.faults:
                self._remember(chosen, rows, hours, asked)
        if run.faults:
            raise ExceptionGroup("some labels could not be judged; the next run tries again", run.faults)
        return run.done

    def _overdue(self, judge: LabelJudge, series: Iterable[Series]) -> set[int]:
        """Windows of a version that have predictions, and labels neither yet nor as late as usual."""
        progress, policy = judge.progress(), judge.version.policy
        if progress.last_window is None:
            return set()  # no label has ever come: nobody knows when they should
        now, length = self.clock(), policy.window_hours * HOUR_MS
        end = (now - 2 * progress.usual_lag(now) - policy.label_grace_seconds * 1000) // length * length
        start = max(progress.last_window + length, (end - OVERDUE_MS) // length * length)
        own = [s for s in series if s.kind == PREDICTION and s.model_version == judge.version.name]
        if start >= end or not self.windows.any_in(own, start, end):
            return set()  # labels come in time, or the version is served no more
        return {one for one in range(start, end, length) if self.windows.any_in(own, one, one + length)}

    def _chosen(
        self,
        run: _Run,
        hours: Mapping[int, LabelHour],
        asked: Mapping[int, int],
        overdue: Mapping[str, set[int]],
    ) -> list[int]:
        """The hours to ask about, in the order of time, whole windows of every version."""
        policies = [judge.version.policy for judge in run.judges.values()] or [QualityPolicy()]
        length = math.lcm(*(one.window_hours for one in policies)) * HOUR_MS
        grace = max(one.label_grace_seconds for one in policies) * 1000
        spans = due_spans(hours, asked, length=length, grace=grace, now=self.clock())
        late = {start // length * length for starts in overdue.values() for start in starts}
        most = max(1, MOST_HOURS * HOUR_MS // length)
        return [
            hour for start in sorted({*spans, *late})[:most] for hour in range(start, start + length, HOUR_MS)
        ]

    def _remember(
        self,
        chosen: Sequence[int],
        rows: Iterable[Joined],
        hours: Mapping[int, LabelHour],
        asked: Mapping[int, int],
    ) -> None:
        now = self.clock()
        searched = {row.hour for row in rows if row.fates.unmatched}
        known = {
            hour: hours[hour].records
            for hour in chosen
            if hour in hours and not (hour in searched and now - hours[hour].last_update < LOOKED_AGAIN_MS)
        }
        self.asked.write(self.model_name, {**asked, **known}, known, now)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run over the versions; a version that cannot be loaded or judged does not stop the others."""

    of: Labels
    serving: str | None
    judges: dict[str, LabelJudge] = field(default_factory=dict)
    faults: list[Exception] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)

    def load(self, name: str) -> None:
        if name in self.judges or name in self.failed:
            return
        try:
            version = self.of.versions.get(self.of.model_name, name)
        except Exception as fault:
            self._failed(name, fault)
            return
        self.judges[name] = _judge(self.of, version, told=name == self.serving)

    def ask(self, hours: Sequence[int]) -> list[Joined]:
        """Ask Athena; once more if a version has predictions there that no series told of."""
        while True:
            expected = [judge.version.expected for judge in self.judges.values()]
            rows = read_joined(self._answer(hours, expected))
            told = {row.model_version for row in rows if row.model_version is not None}
            unknown = told - set(self.judges) - self.failed
            for name in sorted(unknown):
                self.load(name)
            if not unknown & set(self.judges):
                return rows

    def _answer(self, hours: Sequence[int], expected: Sequence[Expected]) -> Answer:
        """An answer by segment, or without segments if the table no longer has a version's column."""
        try:
            return self.of.athena.ask(joined_sql(hours, expected))
        except AthenaError as fault:
            if not any(one.segments for one in expected):
                raise
            plain = [replace(one, segments=()) for one in expected]
            answer = self.of.athena.ask(joined_sql(hours, plain))
            fault.add_note("the labels were judged without segments")
            self.faults.append(fault)
            return answer

    def judge(
        self,
        rows: Iterable[Joined],
        overdue: Mapping[str, set[int]],
        enough_time: Callable[[], bool],
    ) -> bool:
        """Judge each version's part; whether there was time for all."""
        rows = list(rows)
        finished = True
        for name, judge in self.judges.items():
            answered = windows_of(rows, name, judge.version.policy.window_hours * HOUR_MS)
            if not answered:
                continue
            try:
                finished &= judge.judge(
                    answered, overdue=overdue.get(name, set()), enough_time=enough_time, done=self.done
                )
            except Exception as fault:
                self._failed(name, fault)
        return finished

    def _failed(self, name: str, fault: Exception) -> None:
        fault.add_note(f"while judging labels of {self.of.model_name} {name}")
        self.faults.append(fault)
        self.failed.add(name)


def _judge(of: Labels, version: JudgedVersion, *, told: bool) -> LabelJudge:
    return LabelJudge(
        version=version,
        told=told,
        store=of.store,
        documents=of.documents,
        publisher=of.publisher,
        clock=of.clock,
    )


def windows_of(rows: Iterable[Joined], model_version: str, length: int) -> dict[int, Answered]:
    """The rows of one version as windows of some milliseconds, in the order of time.

    Labels without a prediction are added to each window that has predictions of the version.
    """
    sums: dict[int, dict[str, ErrorSums]] = {}
    fates: dict[int, Fates] = {}
    for row in rows:
        start = row.hour // length * length
        if row.model_version == model_version:
            of = sums.setdefault(start, {})
            of[row.segment] = of.get(row.segment, ErrorSums()) + row.sums
        if row.segment == ALL and row.model_version in (model_version, None):
            fates[start] = fates.get(start, Fates()) + row.fates
    return {start: Answered(sums=sums[start], fates=fates[start]) for start in sorted(sums)}
