"""The track record of the estimated error: what came of it, no more than a month, each window once."""

import json

import pytest

from drift_core.described import Described
from drift_core.track_record import MOST_WINDOWS, TrackRecord

HOUR = 3_600_000


def test_a_window_counts_once_with_its_latest_labels() -> None:
    record = TrackRecord()
    for real in (5.0, 8.0, 10.0):
        record = record.with_window(0, estimated=9.0, real=real)
    assert record.summary() == {"windows": 1, "median_ratio": 0.9, "near_share": 1.0}


def test_nothing_is_said_without_windows_or_of_errors_of_0() -> None:
    nothing = {"windows": 0, "median_ratio": None, "near_share": None}
    assert TrackRecord().summary() == nothing
    assert TrackRecord().with_window(0, estimated=1.0, real=0.0).summary() == nothing


def test_the_latest_windows_are_kept_whatever_their_order() -> None:
    record = TrackRecord()
    for i in reversed(range(MOST_WINDOWS + 5)):
        record = record.with_window(i * HOUR, estimated=1.0, real=1.0 if i >= 5 else 9.0)
    assert min(record.pairs) == 5 * HOUR
    assert record.summary() == {"windows": MOST_WINDOWS, "median_ratio": 1.0, "near_share": 1.0}


def test_what_is_written_is_read_and_anything_else_refused() -> None:
    record = TrackRecord().with_window(HOUR, estimated=1.25, real=2.0).with_window(0, estimated=3.0, real=1.0)
    text = json.dumps(record.to_json())
    assert TrackRecord.read(Described.of_json(text)) == record
    for wrong in ('{"windows": [[1, 2]]}', '{"windows": [[1, 2, null]]}', '{"windows": 3}', "{}"):
        with pytest.raises(ValueError, match=r"^windows is"):
            TrackRecord.read(Described.of_json(wrong))
