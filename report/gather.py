"""Gathering: the documents of a model and a time become facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from drift_core.baseline import Baseline
from drift_core.monitor_settings import MonitorSettings
from drift_core.span import Span
from report.documents import Documents, Row
from report.facts import Facts
from report.timeline import milliseconds, timeline

DAY = 86_400_000
INCIDENT_DAYS = 35
"""Days before the report's in which an incident that still lasts may have been opened."""

RELATIONS = ("score", "top_contrast", "pair", "correlation_before", "correlation_now", "classifier_auc")
"""What is kept of a verdict on how the features go together."""


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
    names = documents.verdicts(model_name, since, until)
    if not names:
        raise NothingJudgedError(
            f"no window of {model_name!r} was judged in this time; begin earlier. What was judged last: "
            f"python -m scripts.query latest_verdicts"
        )
    return max(names, key=lambda name: (name.start, name.version)).version


def gather(
    documents: Documents,
    baseline: Baseline,
    settings: MonitorSettings,
    *,
    since: int,
    until: int,
    now: int,
) -> Facts:
    """What the archive holds of one version in a time.

    Parameters
    ----------
    baseline, settings : of the bundle of that version.
    since, until, now : UTC milliseconds; what touches [since, until) counts.
    """
    model, version = baseline.model_name, baseline.model_version
    reader = _Reader(documents, since, until)
    names = documents.verdicts(model, since, until)
    for name in [one for one in names if one.version == version][-1:]:  # the template may override the bundle
        settings = settings.overridden({"window_seconds": name.window_seconds})
    verdicts = reader.read(name.key for name in names if name.version == version)
    verdicts = [one for one in verdicts if reader.touches(one["start"], one["end"])]
    spans = {span: [one for one in verdicts if one["span"] == span] for span in Span}
    own = f"{model}.{version}."
    return Facts(
        model_name=model,
        model_version=version,
        since=since,
        until=until,
        made_at=now,
        other_versions=tuple(sorted({name.version for name in names} - {version})),
        settings=asdict(settings),
        columns=baseline.columns,
        windows=timeline(_ordered(spans[Span.WINDOW]), baseline.columns),
        hours=timeline(_ordered(spans[Span.HOUR]), baseline.columns),
        days=timeline(_ordered(spans[Span.DAY]), baseline.columns),
        relations=tuple(_relations(one) for one in verdicts if one.get("multivariate")),
        segments=_segments(verdicts),
        incidents=tuple(
            one
            for one in reader.folder("incidents", days_before=INCIDENT_DAYS)
            if one["model_name"] == model and reader.touches(one["opened_at"], one["recovered_at"])
        ),
        quality=tuple(_ordered(reader.folder("quality", own))),
        explained=tuple(_ordered(reader.folder("explained", own))),
        reconciled=tuple(
            one
            for one in reader.folder("reconciled")
            if one["model_name"] == model
            and one["model_version"] in (version, "-")
            and since <= milliseconds(one["window_start"]) < until
        ),
        unreadable=tuple(reader.unreadable),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the documents of a time, and keeps the keys of those that are no JSON."""

    documents: Documents
    since: int
    until: int
    unreadable: list[str] = field(default_factory=list)

    def read(self, keys: Iterable[str]) -> list[Row]:
        found: list[Row] = []
        for key, rows in self.documents.rows(list(keys)):
            if rows is None:
                self.unreadable.append(key)
            else:
                found += rows
        return found

    def folder(self, name: str, own: str = "", *, days_before: int = 0) -> list[Row]:
        """Rows of the documents of a folder whose names begin with `own`."""
        keys = self.documents.keys(name, self.since - days_before * DAY, self.until)
        rows = self.read(key for key in keys if key.rpartition("/")[2].startswith(own))
        return [row for row in rows if "end" not in row or self.touches(row["start"], row["end"])]

    def touches(self, start: str, end: str | None) -> bool:
        """Whether a span touches the time; one without an end lasts."""
        return milliseconds(start) < self.until and (end is None or milliseconds(end) > self.since)


def _ordered(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row["start"]))


def _relations(document: Mapping[str, Any]) -> Row:
    about = document["multivariate"]
    return {name: document[name] for name in ("span", "start", "end")} | {
        name: about.get(name) for name in RELATIONS
    }


def _segments(documents: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Row, ...]]:
    """By segment, the verdicts on it, each with its span."""
    found: dict[str, list[Row]] = {}
    for document in documents:
        for name, told in (document.get("segments") or {}).items():
            found.setdefault(name, []).append(
                {**{key: document[key] for key in ("span", "start", "end")}, **told}
            )
    return {name: tuple(rows) for name, rows in sorted(found.items())}
