"""Traffic through the API: every instance in one request, every answer counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from scripts.api import Response
from scripts.api_traffic import ApiTraffic, Instance


class FakeApi:
    """Answers with the instance's number as its id; `status_of` says how."""

    def __init__(self, status_of: Callable[[Any], int] = lambda _: 200) -> None:
        self.status_of = status_of
        self.bodies: list[Any] = []
        self.callers: set[int] = set()

    def connect(self) -> FakeApi:
        self.callers.add(threading.get_ident())
        return self

    def call(self, method: str, path: str, body: object = None) -> Response:
        assert method == "POST"
        self.bodies.append((path, json.loads(json.dumps(body))))
        status = self.status_of(body)
        if status == 0:
            raise EndpointConnectionError(endpoint_url="https://api")
        if status != 200:
            return Response(status=status, body={"error": "no"})
        assert isinstance(body, dict)
        rows = body.get("instances", [])
        return Response(
            status=200, body={"predictions": [{"prediction_id": f"id-{row['n']}"} for row in rows]}
        )


INSTANCES: list[Instance] = [{"n": float(i)} for i in range(23)]


def test_ids_come_back_in_the_order_of_the_instances() -> None:
    api = FakeApi()
    done: list[int] = []
    traffic = ApiTraffic(connect=api.connect, batch=5, concurrency=3)
    assert traffic.predict(INSTANCES, done.append) == [f"id-{float(i)}" for i in range(23)]
    assert sum(done) == 23
    assert sorted(len(body["instances"]) for _, body in api.bodies) == [3, 5, 5, 5, 5]
    assert (traffic.counts.requests, traffic.counts.ok, traffic.counts.captured) == (5, 5, 23)
    assert len(traffic.counts.seconds) == 5


def test_no_more_callers_than_threads() -> None:
    api = FakeApi()
    ApiTraffic(connect=api.connect, batch=1, concurrency=2).predict(INSTANCES, lambda _: None)
    assert 1 <= len(api.callers) <= 2


@pytest.mark.parametrize("status", [0, 422, 429, 503])
def test_refusals_are_counted_with_their_reason(status: int) -> None:
    api = FakeApi(lambda body: status if body["instances"][0]["n"] == 5 else 200)
    traffic = ApiTraffic(connect=api.connect, batch=5, concurrency=2)
    ids = traffic.predict(INSTANCES, lambda _: None)
    assert ids[5:10] == [None] * 5
    assert None not in ids[:5] + ids[10:]
    assert (traffic.counts.requests, traffic.counts.ok, traffic.counts.captured) == (5, 4, 18)
    assert dict(traffic.counts.refused) == {status: 1}
    assert traffic.counts.why[status]


def test_labels_go_to_feedback() -> None:
    api = FakeApi()
    traffic = ApiTraffic(connect=api.connect, batch=2, concurrency=1)
    traffic.feedback([{"prediction_id": str(i), "label": 1.0} for i in range(3)], lambda _: None)
    assert [path for path, _ in api.bodies] == ["/feedback", "/feedback"]
    assert traffic.counts.captured == 3
