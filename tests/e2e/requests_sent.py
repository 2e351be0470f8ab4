"""Signed requests to the deployed API, what is in them that no log may hold, and how they were answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests.auth import AuthBase
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from drift_core.event import new_event_id
from scripts.stack import Stack
from tests.hostile.sent import PAST

MARK = "marker-5f0c7a1e"
MARK_NUMBER = 73519.264817
"""Values that nothing but a request holds."""

CONFORMING = [status_code_conformance, content_type_conformance, response_schema_conformance]
"""The checks of an answer alone, whatever was asked."""


class Signed(AuthBase):
    """Signs each request as it is sent."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        """With the signature in place of any other."""
        headers = {"content-type": prepared.headers.get("content-type", "application/json")}
        request = AWSRequest(prepared.method, prepared.url, data=prepared.body, headers=headers)
        SigV4Auth(self.credentials, "execute-api", "us-east-1").add_auth(request)
        prepared.headers.update(dict(request.headers.items()))
        return prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The deployed API as its document tells of it."""

    schema: Any
    transport: Mapping[str, Any]
    stack: Stack
    house: Mapping[str, Any]

    def raw(self, method: str, path: str, body: bytes | None, *, auth: AuthBase | None) -> Any:
        """The answer to a body as it is, checked against the document."""
        case = self.schema[path][method].Case(media_type="application/json" if body is not None else None)
        kwargs = dict(self.transport) | {"auth": auth} | ({} if body is None else {"data": body})
        answer = case.call(**kwargs)
        case.validate_response(answer, checks=CONFORMING)
        return answer


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent and how it was answered."""

    bodies: list[Any] = field(default_factory=list)
    tally: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    predictions: list[str] = field(default_factory=list)
    labelled: Counter[str] = field(default_factory=Counter)

    def note(self, path: str, mode: str, body: Any, answer: Any) -> None:
        """Remember a request and its answer."""
        self.bodies.append(body)
        self.tally[path, mode, answer.status_code] += 1
        if (path, answer.status_code) == ("/predict", 200):
            self.predictions.extend(told["prediction_id"] for told in answer.json()["predictions"])
        if (path, answer.status_code) == ("/feedback", 202):
            self.labelled.update(label["prediction_id"].lower() for label in body["labels"])


def fitting(deployed: Deployed, path: str) -> bytes | None:
    """A body that is accepted; None where there is none."""
    bodies = {
        "/predict": {"instances": [deployed.house]},
        "/feedback": {"labels": [{"prediction_id": new_event_id(PAST), "label": 1.5}]},
    }
    return json.dumps(bodies[path]).encode() if path in bodies else None


def marked(body: Any, house: Mapping[str, Any]) -> Any:
    """A body with one more item that fits and that no log may hold."""
    match body:
        case {"instances": [*items]} if 0 < len(items) < 500:
            added = {**house, "area": MARK, "living_area_m2": MARK_NUMBER}
        case {"labels": [*items]} if 0 < len(items) < 500:
            added = {"prediction_id": new_event_id(PAST), "label": MARK_NUMBER}
        case _:
            return body
    (name,) = {"instances", "labels"} & set(body)
    return {**body, name: [*items, added]}
