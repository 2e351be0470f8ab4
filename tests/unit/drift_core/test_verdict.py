"""Verdict: what is written down of a span."""

from tests.unit.drift_core.fixture_house import SCHEMA, rows, verdict_of


def test_json_names_times_and_every_column() -> None:
    described = verdict_of(rows(300, 4)).to_json()
    assert described["start"] == "1970-01-01T00:00:00+00:00"
    assert described["end"] == "1970-01-01T00:05:00+00:00"
    assert set(described["features"]) == set(SCHEMA.names)
    assert described["span"] == "window"
    assert described["prediction"]["ks"] < 0.2
