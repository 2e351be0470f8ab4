"""Gathering: the documents of a model and a time become facts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

from drift_core.baseline import Baseline
from drift_core.bins import Column
from drift_core.monitor_settings import MonitorSettings
from drift_core.span import Span
from report.documents import DAY, Documents, Known, Reading, Row, VerdictName
from report.facts import Facts
from report.timeline import Judged, judged, milliseconds, stacked

INCIDENT_DAYS = 90
"""Days before the report's in which an incident that still lasts may have been opened."""


class NothingJudgedError(LookupError):
    """No verdict on a model in a time; the text names both and the remedy."""


def newest_version(documents: Documents, model_name: str, since: int, until: int) -> str:
    """The version with the newest verdict.

    Parameters
    ----------
    since, until : UTC milliseconds.

    Raises
    ------
    NothingJudgedError
        If there is no verdict.
    """
    names = [name for name in documents.verdicts(model_name, since, until) if name.end > since]
    found = _versions(documents, names, model_name)
    if not found:
        raise NothingJudgedError(
            f"no window of {model_name!r} was judged in this time; begin earlier. What was judged last: "
            f"python -m scripts.query latest_verdicts"
        )
    return found[0]


def gather(
    documents: Documents,
    baseline: Baseline,
    settings: MonitorSettings,
    *,
    since: int,
    until: int,
    now: int,
    known: Known | None = None,
) -> Facts:
    """What the archive holds of one version in a time.

    Documents that cannot be read are left out and named in `Facts.unreadable`.

    Parameters
    ----------
    baseline, settings : of the bundle of that version.
    since, until, now : UTC milliseconds; what touches [since, until) counts.
    known : what an earlier look at this version read; what is new or was replaced is read, and put there.
    """
    model, version = baseline.model_name, baseline.model_version
    reading = Reading(documents, {} if known is None else known)
    names = documents.verdicts(model, since, until)
    mine = [name for name in names if name.version == version]
    for name in mine[-1:]:  # the template may override the bundle
        settings = settings.overridden({"window_seconds": name.window_seconds})
    parse = partial(_judged, columns=baseline.columns, model_name=model)
    spans: dict[Span, list[Judged]] = {}
    for span in Span:
        found = reading.each((name.listed for name in mine if name.span == span), parse)
        spans[span] = [one for one in found if one is not None and one.start < until and one.end > since]
    beside = _Beside(documents, reading, model, version, since, until)
    every = sorted((one for found in spans.values() for one in found), key=lambda one: one.start)
    incidents, reconciled = beside.incidents(), beside.reconciled()
    quality, explained = beside.rows("quality", 2), beside.rows("explained", 1)
    reading.forget()
    return Facts(
        model_name=model,
        model_version=version,
        since=since,
        until=until,
        made_at=now,
        other_versions=tuple(sorted({*_versions(documents, names, model)} - {version})),
        settings=asdict(settings),
        columns=baseline.columns,
        windows=stacked(spans[Span.WINDOW], baseline.columns),
        hours=stacked(spans[Span.HOUR], baseline.columns),
        days=stacked(spans[Span.DAY], baseline.columns),
        relations=tuple(one.relations for one in every if one.relations),
        segments=_segments(every),
        incidents=incidents,
        quality=quality,
        explained=explained,
        reconciled=reconciled,
        unreadable=tuple(sorted(reading.unreadable)),
    )


@dataclass(frozen=True, slots=True)
class _Beside:
    """The documents beside the verdicts, whose lines are rows."""

    documents: Documents
    reading: Reading
    model_name: str
    version: str
    since: int
    until: int

    def rows(self, folder: str, behind: int) -> tuple[Row, ...]:
        """Rows of this version that touch the time.

        Parameters
        ----------
        behind : parts of a document's name behind the version.
        """
        own = f"{self.model_name}.{self.version}"
        listed = self.documents.listed(folder, self.since, self.until, f"{own}.")
        named = [one for one in listed if one.name.rsplit(".", behind)[0] == own]
        parse = partial(_rows, times=("start", "end"))
        rows = [row for rows in self.reading.each(named, parse) for row in rows if self._is_own(row)]
        return _ordered((row for row in rows if self._touches(row["start"], row["end"])), "start")

    def incidents(self) -> tuple[Row, ...]:
        """Incidents of the model that touch the time."""
        first, last = (
            datetime.fromtimestamp(time / 1000, UTC).strftime("incidents/dt=%Y-%m-%d")
            for time in (self.since - INCIDENT_DAYS * DAY, self.until)
        )
        listed = [one for one in self.documents.beginning("incidents/dt=", first) if one.key < f"{last}~"]
        parse = partial(_rows, times=("opened_at", "since", "recovered_at"))
        rows = [row for rows in self.reading.each(listed, parse) for row in rows]
        own = (row for row in rows if row["model_name"] == self.model_name)
        return _ordered((row for row in own if self._touches(row["since"], row["recovered_at"])), "opened_at")

    def reconciled(self) -> tuple[Row, ...]:
        """Rows of this version's predictions and of the model's labels, by the begins of their windows."""
        own = {f"prediction.{self.model_name}.{self.version}", f"label.{self.model_name}.-"}
        listed = self.documents.listed("reconciled", self.since, self.until)
        named = [one for one in listed if one.name.rsplit(".", 2)[0] in own]
        parse = partial(_rows, times=("window_start",))
        rows = [row for rows in self.reading.each(named, parse) for row in rows]
        touching = (row for row in rows if self.since <= milliseconds(row["window_start"]) < self.until)
        return _ordered(touching, "window_start")

    def _is_own(self, row: Row) -> bool:
        return (row["model_name"], row["model_version"]) == (self.model_name, self.version)

    def _touches(self, start: str, end: str | None) -> bool:
        """Whether a span touches the time; one without an end lasts."""
        return milliseconds(start) < self.until and (end is None or milliseconds(end) > self.since)


def _versions(documents: Documents, names: Sequence[VerdictName], model_name: str) -> list[str]:
    """Versions of verdicts, that of the newest first.

    Names may hold dots: "b.v1" of a model "a" may be "v1" of a model "a.b", and the document knows.
    """
    newest = {name.version: name for name in names}
    of_model = f'"model_name":{json.dumps(model_name)}'.encode()
    return [
        version
        for version, name in sorted(newest.items(), key=lambda item: item[1], reverse=True)
        if "." not in version or of_model in documents.read(name.listed.key).replace(b" ", b"")
    ]


def _judged(content: bytes, columns: Sequence[Column], model_name: str) -> Judged | None:
    document = json.loads(content)
    return judged(document, columns) if document["model_name"] == model_name else None


def _rows(content: bytes, times: Iterable[str]) -> list[Row]:
    """Rows of a document, checked to have what they are chosen by."""
    rows: list[Row] = [json.loads(line) for line in content.splitlines()]
    if not rows:
        raise ValueError("an empty document")
    for row in rows:
        for name in (*times, "model_name", "model_version"):
            told = row[name]
            if name in times:
                milliseconds(told)
    return rows


def _ordered(rows: Iterable[Row], name: str) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: milliseconds(row[name])))


def _segments(spans: Sequence[Judged]) -> dict[str, tuple[Row, ...]]:
    """By segment, the verdicts on it, each with its span."""
    found: dict[str, list[Row]] = {}
    for one in spans:
        for name, told in one.segments.items():
            found.setdefault(name, []).append(dict(told))
    return {name: tuple(rows) for name, rows in sorted(found.items())}
