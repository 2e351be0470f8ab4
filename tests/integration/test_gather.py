"""Facts from the archive, on moto's S3: documents that the evaluator wrote, and others beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift_consumer.series import Series
from drift_consumer.verdict_store import verdict_key
from drift_core.span import Span
from report.facts import MEASURES, Timeline
from report.gather import NothingJudgedError
from report.timeline import judged
from tests.integration.archive_written import DAY, HOUR, MINUTE, WINDOW, Buckets, written
from tests.unit.drift_consumer.fixture_traffic import (
    MODEL,
    NOON,
    SEGMENTS,
    VERSION,
    World,
    bundle_objects,
)

OTHER = "20260102T000000Z-4567cdef"


@pytest.fixture
def documents() -> Callable[[str], list[dict[str, Any]]]:
    def of(span: str) -> list[dict[str, Any]]:
        found = [json.loads(c) for (_, key), c in written().items() if f".{span}." in key]
        return sorted(found, key=lambda one: str(one["start"]))

    return of


def verdicts_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*document["features"].values(), document["prediction"], document["interval_width"]]


def check(judged: Timeline, documents: list[dict[str, Any]]) -> None:
    """Each number of the documents stands where it belongs."""
    assert len(judged) == len(documents) > 0
    for i, one in enumerate(documents):
        assert (judged.n[i], judged.drift[i], judged.score[i]) == (one["n"], one["drift"], one["drift_score"])
        assert judged.guilty[i] == tuple(one["guilty"])
        assert judged.duplicates[i] == one["counts"]["duplicates"]
        for j, column in enumerate(verdicts_of(one)):
            assert judged.signals[judged.signal[i, j]] == column["top_contrast"]
            assert (judged.since[i, j] == 0) == (column["since"] is None)
            for name in MEASURES:
                expected = np.nan if column[name] is None else column[name]
                np.testing.assert_equal(judged.measures[name][i, j], expected)
        assert judged.counts[i].tolist() == [n for rows in one["histograms"].values() for n in rows]


def test_what_documents_say_is_gathered(
    buckets: Buckets, documents: Callable[[str], list[dict[str, Any]]]
) -> None:
    facts = buckets.gather()
    assert (facts.model_version, facts.other_versions, facts.unreadable) == (VERSION, (), ())
    assert [column.name for column in facts.columns] == [
        *("size", "area", "garden", "prediction", "interval_width")
    ]
    check(facts.windows, documents("window"))
    check(facts.hours, documents("hour"))
    assert facts.windows.drift[-4:].all()
    assert facts.windows.guilty[-1][0] == "size"
    assert facts.settings["min_samples"] == 30
    wanted = [one["segments"]["area=coast"] for one in documents("window") if "area=coast" in one["segments"]]
    found = [row for row in facts.segments["area=coast"] if row["span"] == "window"]
    assert [row["score"] for row in found] == [one["score"] for one in wanted]


def test_only_what_overlaps_is_told(buckets: Buckets) -> None:
    """A window that straddles the begin is; those before and after are not; the hour around both is."""
    facts = buckets.gather(NOON + WINDOW + 1, NOON + 3 * WINDOW)
    assert facts.windows.start.tolist() == [NOON + WINDOW, NOON + 2 * WINDOW]
    assert facts.hours.start.tolist() == [NOON]


def test_an_hour_of_the_day_before_reaches_over_no_midnight_and_a_day_does(
    buckets: Buckets, documents: Callable[[str], list[dict[str, Any]]]
) -> None:
    day = {**documents("hour")[0], "span": "day"}
    midnight = NOON - 12 * HOUR
    series = Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300)
    told_of = {"start": "2026-01-01T00:00:00+00:00", "end": "2026-01-02T00:00:00+00:00"}
    buckets.put(verdict_key(series, Span.DAY, midnight), {**day, **told_of})
    facts = buckets.gather(NOON, NOON + WINDOW)
    assert facts.days.start.tolist() == [midnight]
    assert not len(buckets.gather(NOON + 13 * HOUR, NOON + 14 * HOUR, version=VERSION).days)


def test_shadows_and_other_models_are_not_told(
    buckets: Buckets, documents: Callable[[str], list[dict[str, Any]]]
) -> None:
    """Also not those of a model whose name continues with a dot."""
    one = documents("window")[-1]
    shadow = Series(kind="shadow", model_name=MODEL, model_version="ahead", window_seconds=300)
    buckets.put(verdict_key(shadow, Span.WINDOW, NOON + HOUR), {**one, "model_version": "ahead"})
    longer = Series(kind="prediction", model_name=f"{MODEL}.b", model_version="v1", window_seconds=300)
    named = {"model_name": f"{MODEL}.b", "model_version": "v1"}
    buckets.put(verdict_key(longer, Span.WINDOW, NOON + HOUR + WINDOW), {**one, **named})
    assert buckets.gather().other_versions == ()
    assert len(buckets.gather().windows) == 14


def test_the_latest_version_is_told_and_the_others_are_named(
    buckets: Buckets, documents: Callable[[str], list[dict[str, Any]]]
) -> None:
    for (_, key), content in {("models", k): v for k, v in bundle_objects(OTHER).items()}.items():
        buckets.put(key, content, "models")
    series = Series(kind="prediction", model_name=MODEL, model_version=OTHER, window_seconds=300)
    later = {**documents("window")[-1], "model_version": OTHER}
    later |= {"start": "2026-01-01T13:30:00+00:00", "end": "2026-01-01T13:35:00+00:00"}
    buckets.put(verdict_key(series, Span.WINDOW, NOON + 90 * MINUTE), later)
    facts = buckets.gather()
    assert (facts.model_version, facts.other_versions, len(facts.windows)) == (OTHER, (VERSION,), 1)
    before = buckets.gather(version=VERSION)
    assert (before.model_version, before.other_versions, len(before.windows)) == (VERSION, (OTHER,), 14)


def test_documents_of_before_and_of_later_are_read(
    buckets: Buckets, documents: Callable[[str], list[dict[str, Any]]]
) -> None:
    first, second = documents("window")[:2]
    series = Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300)
    for name in ("histograms", "segments", "guilty_segments", "in_segments_only", "shadow"):
        del first[name]
    second |= {"format": 99, "novel": {"a": 1}}
    second["features"]["size"]["novel"] = [1]
    buckets.put(verdict_key(series, Span.WINDOW, NOON), first)
    buckets.put(verdict_key(series, Span.WINDOW, NOON + WINDOW), second)
    facts = buckets.gather()
    assert facts.unreadable == ()
    assert (facts.windows.counts[0] == -1).all()
    assert facts.windows.counts[1].sum() == 60 * len(facts.columns)
    assert facts.windows.score[:2].tolist() == [first["drift_score"], second["drift_score"]]


@pytest.mark.parametrize(
    "broken",
    [b"{", b"[]", b'{"model_name": "house-prices"}', b"\xff\xfe", b"null", b""],
    ids=["cut", "list", "empty", "binary", "null", "nothing"],
)
def test_what_cannot_be_read_is_named(buckets: Buckets, broken: bytes) -> None:
    series = Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300)
    keys = [
        verdict_key(series, Span.WINDOW, NOON),
        f"incidents/dt=2026-01-01/{'a' * 8}.json",
        f"quality/dt=2026-01-01/{MODEL}.{VERSION}.1.{NOON}.json",
    ]
    for key in keys:
        buckets.put(key, broken)
    facts = buckets.gather()
    assert facts.unreadable == tuple(sorted(keys))
    assert len(facts.windows) == 13


def test_bins_of_another_baseline_are_not_taken_for_this_ones(
    buckets: Buckets, documents: Callable[[str], list[dict[str, Any]]]
) -> None:
    one = documents("window")[0]
    one["histograms"]["size"].append(1)
    series = Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300)
    buckets.put(verdict_key(series, Span.WINDOW, NOON), one)
    facts = buckets.gather()
    size = facts.columns[0].size
    assert (facts.windows.counts[0, :size] == -1).all()
    assert facts.windows.counts[0, size:].sum() == 60 * (len(facts.columns) - 1)


def incident(opened: str, recovered: str | None, **more: Any) -> dict[str, Any]:
    about = {"model_name": MODEL, "model_version": VERSION, "opened_at": opened, "since": opened}
    return {**about, "recovered_at": recovered, "incident_id": opened, **more}


def test_incidents_that_touch_the_time(buckets: Buckets) -> None:
    """Those that lasted, also from months before; not what was over, came later or is another's."""
    told_of = [
        incident("2025-11-20T10:00:00+00:00", None),
        incident("2026-01-01T11:00:00+00:00", "2026-01-01T12:01:00+00:00", model_version=""),
        incident("2026-01-01T13:00:00+00:00", None),
    ]
    others = [
        incident("2026-01-01T10:00:00+00:00", "2026-01-01T11:59:00+00:00"),
        incident("2026-01-01T14:00:00+00:00", None),
        incident("2026-01-01T12:30:00+00:00", None, model_name="another"),
    ]
    for i, one in enumerate([*told_of, *others]):
        buckets.put(f"incidents/dt={one['opened_at'][:10]}/{i}.json", one)
    assert buckets.gather().incidents == tuple(told_of)


def test_rows_beside_the_verdicts(buckets: Buckets) -> None:
    about = {"model_name": MODEL, "model_version": VERSION}
    hour = {**about, "start": "2026-01-01T12:00:00+00:00", "end": "2026-01-01T13:00:00+00:00"}
    late = {**about, "start": "2026-01-01T16:00:00+00:00", "end": "2026-01-01T17:00:00+00:00"}
    lines = b"".join(
        json.dumps({**hour, "segment": name}).encode() + b"\n" for name in ("(all)", "area=coast")
    )
    buckets.put(f"quality/dt=2026-01-01/{MODEL}.{VERSION}.1.{NOON}.json", lines)
    buckets.put(f"quality/dt=2026-01-01/{MODEL}.{VERSION}.1.{NOON + 4 * HOUR}.json", late)
    buckets.put(f"explained/dt=2026-01-01/{MODEL}.{VERSION}.{NOON}.json", {**hour, "feature": "(all)"})
    counted = {**about, "window_start": "2026-01-01T12:05:00+00:00", "captured": 60}
    names = (
        f"prediction.{MODEL}.{VERSION}",
        f"label.{MODEL}.-",
        "quarantine.-.-",
        f"shadow.{MODEL}.{VERSION}",
    )
    for name in names:
        kind = name.partition(".")[0]
        buckets.put(f"reconciled/dt=2026-01-01/{name}.300.{NOON}.json", {**counted, "kind": kind})
    facts = buckets.gather()
    assert [row["segment"] for row in facts.quality] == ["(all)", "area=coast"]
    assert [row["feature"] for row in facts.explained] == ["(all)"]
    assert sorted(row["kind"] for row in facts.reconciled) == ["label", "prediction"]


def test_only_what_changed_is_read_again(
    buckets: Buckets, documents: Callable[[str], list[dict[str, Any]]]
) -> None:
    known: dict[str, Any] = {}
    first = buckets.gather(known=known)
    buckets.reads.clear()
    revised = {**documents("window")[3], "n": 61}
    key = verdict_key(
        Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300),
        Span.WINDOW,
        NOON + 3 * WINDOW,
    )
    buckets.put(key, revised)
    again = buckets.gather(known=known)
    assert [one for one in buckets.reads if one.startswith("verdicts/")] == [key]
    assert (again.windows.n - first.windows.n).tolist() == [0, 0, 0, 1] + [0] * 10
    buckets.gather(NOON + HOUR, NOON + 2 * HOUR, known=known)
    assert len([one for one in known if ".window." in one]) == 3, "what is no longer told is kept in memory"


def test_what_is_absent_is_told(buckets: Buckets) -> None:
    with pytest.raises(NothingJudgedError, match=r"no window of 'house-prices' was judged"):
        buckets.gather(NOON - DAY, NOON - DAY + HOUR)
    none = buckets.gather(NOON - DAY, NOON - DAY + HOUR, version=VERSION)
    assert (len(none.windows), len(none.hours), none.windows.counts.shape) == (0, 0, (0, 71))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_numbers_come_back_to_the_bit(
    documents: Callable[[str], list[dict[str, Any]]], data: st.DataObject
) -> None:
    """A document with any numbers, written and read, gives those numbers; null gives NaN, and only null."""
    columns = World(bundle_objects(segments=SEGMENTS)).monitor().baseline.columns
    one = documents("window")[0]
    numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
    drawn = [data.draw(st.fixed_dictionaries(dict.fromkeys(MEASURES, numbers))) for _ in range(5)]
    for column, values in zip(verdicts_of(one), drawn, strict=True):
        column.update(values)
    read = judged(json.loads(json.dumps(one)), columns)
    for j, values in enumerate(drawn):
        for i, name in enumerate(MEASURES):
            expected = np.nan if values[name] is None else values[name]
            np.testing.assert_equal(read.measures[i, j], expected)
