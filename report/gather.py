"""Gather facts from the archive: the documents of a model's days, those of one version, in arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

from drift_core.baseline import PREDICTION
from drift_core.bins import Column
from drift_core.bundle import Manifest
from drift_core.span import Span
from report.facts import Facts
from report.reading import Known, Reading
from report.rows import Row, Rows, name_of
from report.source import DAY_MS, Listed, NothingToTellError, Source
from report.spans import Told, timeline, told

HOUR_MS = 3_600_000

_EARLIER = {Span.HOUR: HOUR_MS, Span.DAY: DAY_MS}
"""How much before a report a span may begin and still reach into it. A window may be longer than it is meant
to be, with few rows: the last one before is read."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A document of a verdict, as its key tells."""

    listed: Listed
    version: str
    span: Span
    start: int


def gather(
    source: Source,
    *,
    model_name: str,
    since: int,
    until: int,
    now: int,
    version: str | None = None,
    known: Known | None = None,
) -> Facts:
    """All that is known of a version of a model between two times.

    Documents that cannot be read are left out and named in `Facts.unread`.

    Parameters
    ----------
    since, until, now : UTC milliseconds; a span or an incident that overlaps [since, until) is told.
    version : the one with the latest verdict on a window by default. Shadows are not looked at.
    known : what an earlier look at this version read: what is new or was replaced is read, and put there.

    Raises
    ------
    NothingToTellError
        If there is no verdict, or no bundle of the version.
    drift_core.bundle.BundleError
        If the bundle is damaged.
    botocore.exceptions.ClientError
        If S3 fails.
    """
    reading = Reading(source, {} if known is None else known)
    judged = list(_judged(source, model_name, since, until))
    served = _served(source, judged, model_name)
    if version is None:
        if not served:
            raise NothingToTellError(
                f"no window of {model_name} that overlaps {_iso(since)} to {_iso(until)} has a verdict; "
                f"choose a longer time, or wait until a window is judged"
            )
        version = served[0]
    manifest, columns = source.bundle(model_name, version)
    parse = partial(_told, columns=columns, model_name=model_name)
    spans = {
        span: [
            one
            for one in reading.each(_listed(judged, version, span, since), parse)
            if one is not None and one.start < until and one.end > since
        ]
        for span in Span
    }
    find = Rows(source, reading, model_name, version, since, until)
    incidents, reconciled = find.incidents(), find.reconciled()
    quality, explained = find.of("quality", 2), find.of("explained", 1)
    reading.forget()
    return Facts(
        model_name=model_name,
        model_version=version,
        since=since,
        until=until,
        made_at=now,
        other_versions=tuple(sorted(one for one in served if one != version)),
        settings=asdict(manifest.monitor),
        columns=columns,
        windows=timeline(spans[Span.WINDOW], columns),
        hours=timeline(spans[Span.HOUR], columns),
        days=timeline(spans[Span.DAY], columns),
        segments=_segments(spans),
        incidents=incidents,
        quality=quality,
        explained=explained,
        reconciled=reconciled,
        units=_units(manifest),
        unread=tuple(sorted(reading.unread)),
    )


def _judged(source: Source, model_name: str, since: int, until: int) -> Iterator[_Judged]:
    """Documents on what was served: `<model>.<version>.<seconds>.<span>.<begin>.json`."""
    for one in source.days("verdicts", since - DAY_MS, until, f"{model_name}."):
        names, *parts = name_of(one).removeprefix(f"{model_name}.").rsplit(".", 3)
        if len(parts) == 3 and parts[1] in Span and parts[2].isdecimal() and int(parts[2]) < until:
            yield _Judged(one, names, Span(parts[1]), int(parts[2]))


def _served(source: Source, judged: Iterable[_Judged], model_name: str) -> list[str]:
    """Versions whose windows were judged, the latest first."""
    latest: dict[str, _Judged] = {}
    for one in sorted(judged, key=lambda one: one.start):
        if one.span is Span.WINDOW:
            latest[one.version] = one
    found = sorted(latest.values(), key=lambda one: -one.start)
    # Names may hold dots: "b.v1" of a model "a" may be "v1" of a model "a.b", and the document knows.
    of_model = f'"model_name":"{model_name}"'.encode()
    return [
        one.version
        for one in found
        if "." not in one.version or of_model in source.read(one.listed.key).replace(b" ", b"")
    ]


def _listed(judged: Iterable[_Judged], version: str, span: Span, since: int) -> list[Listed]:
    """Documents of a version on spans of one kind that may reach into a report."""
    mine = [one for one in judged if one.version == version and one.span is span]
    mine.sort(key=lambda one: one.start)
    if span in _EARLIER:
        return [one.listed for one in mine if one.start > since - _EARLIER[span]]
    before = sum(one.start < since for one in mine)
    return [one.listed for one in mine[max(before - 1, 0) :]]


def _told(content: bytes, columns: Sequence[Column], model_name: str) -> Told | None:
    document = json.loads(content)
    return told(document, columns) if document["model_name"] == model_name else None


def _segments(spans: Mapping[Span, Sequence[Told]]) -> dict[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {}
    for span, documents in spans.items():
        for one in documents:
            about = {"start": one.start, "end": one.end, "span": str(span)}
            for name, verdict in one.segments.items():
                found.setdefault(name, []).append({**verdict, **about})
    return {name: tuple(sorted(found[name], key=lambda row: row["start"])) for name in sorted(found)}


def _units(manifest: Manifest) -> dict[str, str]:
    units = {feature.name: feature.unit for feature in manifest.schema.features}
    units |= dict.fromkeys((PREDICTION, "interval_width"), manifest.target_unit)
    return {name: unit for name, unit in units.items() if unit}


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat()
