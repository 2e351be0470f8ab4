"""Labels go to the API when they are old enough, and carry the time at which they became known."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest
from rich.console import Console

from drift_core.event import event_id_time, new_event_id
from scripts.api import Response
from scripts.api_traffic import ApiTraffic
from scripts.bundles import LoadedBundle
from scripts.through_api import LONGEST_WAIT, Labels, label_delay_of, through_api
from scripts.traffic import Plan, drawn


class FakeApi:
    """Answers as the service does, and notes when it was told labels."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.labels: list[tuple[int, dict[str, Any]]] = []

    def call(self, method: str, path: str, body: Any = None) -> Response:
        assert method == "POST"
        now = time.time_ns() // 1_000_000
        if path == "/feedback":
            self.labels += [(now, label) for label in body["labels"]]
            return Response(status=202, body={"accepted": len(body["labels"])})
        made = [new_event_id(now) for _ in body["instances"]]
        self.ids += made
        return Response(status=200, body={"predictions": [{"prediction_id": one} for one in made]})


def test_every_label_waits_for_its_delay(bundle: LoadedBundle) -> None:
    api, out = FakeApi(), io.StringIO()
    traffic = ApiTraffic(connect=lambda: api, batch=5, concurrency=1)
    rows = drawn(bundle, Plan(start_ms=0, windows=1, rows=20, window_seconds=60))
    through_api(Console(file=out), traffic, bundle, rows, Labels(share=1.0, delay=0.4, seed=0))
    assert [label["prediction_id"] for _, label in api.labels] == api.ids
    for told_at, label in api.labels:
        known_at = event_id_time(label["prediction_id"]) + 400
        assert label["event_time"] == known_at
        assert told_at >= known_at - 20, "sent before it could be known"
    assert "8 requests, 8 answered, 40 rows" in out.getvalue()


def test_without_labels_nobody_waits(bundle: LoadedBundle) -> None:
    api = FakeApi()
    rows = drawn(bundle, Plan(start_ms=0, windows=1, rows=20, window_seconds=60))
    began = time.monotonic()
    traffic = ApiTraffic(connect=lambda: api)
    through_api(Console(file=io.StringIO()), traffic, bundle, rows, Labels(share=0.0, delay=60.0, seed=0))
    assert time.monotonic() - began < 10
    assert api.labels == []


def test_the_delay_is_small_where_it_is_waited_for_and_bounded() -> None:
    assert (label_delay_of(None, waits=True), label_delay_of(None, waits=False)) == (1.0, 60.0)
    assert label_delay_of(LONGEST_WAIT, waits=True) == LONGEST_WAIT
    assert label_delay_of(86_400.0, waits=False) == 86_400.0
    with pytest.raises(
        ValueError, match=r"--label-delay is 86400, and through the API it is waited for, 900 s"
    ):
        label_delay_of(86_400.0, waits=True)
