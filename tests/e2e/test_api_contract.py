"""Hundreds of signed requests, made from the API's own document, to the deployed API.

The caller is a user who may call this API and do nothing else. What was tried of the local gateway, and where
it is not AWS's:

- It does not apply the request validator of the template, so the function refuses what the gateway would: an
  envelope that does not fit comes back with its fields named, and an empty body as 400.
- It has no limit of its own for a body: 11 MB reach the function, which answers 413.
- Bytes that are no UTF-8 reach the function as U+FFFD.
- A signer without the permission gets `message` beside a `__type`, where AWS answers `Message` alone.
- It writes no access log.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from botocore.credentials import Credentials
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from drift_core.event import Event, PredictionEvent, decode, new_event_id
from scripts.bundles import LoadedBundle
from scripts.openapi import document
from scripts.stack import Stack
from tests.e2e.requests_sent import MARK, MARK_NUMBER, Deployed, Sent, Signed, fitting, marked
from tests.e2e.test_callers import invoke, user
from tests.e2e.test_deploy import eventually
from tests.e2e.written import logged, now_ms, requests_logged, rows_of, streamed
from tests.hostile.sent import PAST, check_private, leaves, timely

pytestmark = pytest.mark.e2e

EXAMPLES = 75
"""Requests of each operation and mode; a GET has one only."""

OPERATIONS = (("POST", "/predict"), ("POST", "/feedback"), ("GET", "/model"), ("GET", "/health"))


@pytest.fixture(scope="module")
def caller(stack: Stack) -> Signed:
    return Signed(user(stack, invoke(stack, "*")))


@pytest.fixture(scope="module")
def deployed(stack: Stack, bundle: Path) -> Deployed:
    loaded = LoadedBundle.of_folder(bundle)
    session = requests.Session()
    session.trust_env = False  # no proxy, and no other password for this host
    (house,) = loaded.instances(loaded.sample.iloc[:1])
    schema = schemathesis.openapi.from_dict(document(loaded.manifest, url=stack.api_url))
    schema.config.generation.update(with_security_parameters=False)  # the signature would hide what is drawn
    return Deployed(
        schema=schema,
        transport={"session": session, "verify": stack.target.ca_bundle, "base_url": stack.api_url},
        stack=stack,
        house=dict(house),
    )


def test_what_is_sent_is_answered_as_documented_and_written_nowhere_else(
    deployed: Deployed, caller: Signed, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """No fault, no stack, no value in a log; on the stream and in the archive is what was accepted, once."""
    stack, sent, since = deployed.stack, Sent(), now_ms()
    for method, path in OPERATIONS:
        for body in fitting(deployed, path), b"{}" if method == "POST" else None:
            deployed.raw(method, path, body, auth=caller)
    ordinary, lines = logged(stack, since), requests_logged(stack, since)
    before = len(streamed(stack))
    for found in deployed.schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        for mode in GenerationMode if operation.body else [GenerationMode.POSITIVE]:
            try_operation(deployed, operation, mode, caller, sent)
    with capsys.disabled():
        writer = request.config.get_terminal_writer()
        writer.line()
        for (path, kind, status), count in sorted(sent.tally.items()):
            writer.line(f"{count:6,}  {status}  {kind:<8}  {path}")
    assert sent.tally.total() >= 4 * EXAMPLES
    accepted = {("/predict", 200), ("/feedback", 202), ("/model", 200), ("/health", 200)}
    told = {(path, status) for path, kind, status in sent.tally if kind == "positive"}
    assert told == accepted, "a request that fits is accepted"
    refused = {status for _, kind, status in sent.tally if kind == "negative"}
    assert refused == {400, 422}
    with_body = sum(count for (path, _, _), count in sent.tally.items() if path in ("/predict", "/feedback"))
    eventually(
        lambda: requests_logged(stack, since) >= lines + with_body, "a line of the log for each request"
    )
    check_private_logs(logged(stack, since), sent, ordinary)
    check_written(stack, sent, before)


def try_operation(
    deployed: Deployed, operation: Any, mode: GenerationMode, caller: Signed, sent: Sent
) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],  # a failure stands as it was found: to shrink it would send thousands more
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def check(case: Case[Any]) -> None:
        case.body = marked(timely(case.body), deployed.house)
        answer = case.call_and_validate(**deployed.transport, auth=caller)
        assert not re.search(r"Traceback|File \\?\"|\.py\b", answer.text), answer.text
        sent.note(operation.path, mode.value, case.body, answer)

    check()


def check_private_logs(written: str, sent: Sent, ordinary: str) -> None:
    """Nothing of what requests held is in any log, but for words that are in it whatever is sent."""
    assert MARK not in written
    held = sorted({text for body in sent.bodies for text in leaves(body)})
    assert {MARK, str(MARK_NUMBER)} < set(held)
    check_private(held, written, ordinary)


def check_written(stack: Stack, sent: Sent, before: int) -> None:
    """What was accepted is on the stream and in the archive, and nothing of what was refused."""
    events: list[Event] = [decode(data) for data in streamed(stack)[before:]]
    delivered = Counter(event.event_id for event in events)  # more than once, if the stream answered late
    once = {event.event_id: event for event in events}.values()
    predicted = {event.event_id for event in once if isinstance(event, PredictionEvent)}
    labels = {event.event_id: event.prediction_id for event in once if not isinstance(event, PredictionEvent)}
    assert len(sent.predictions) == len(set(sent.predictions))
    assert predicted == set(sent.predictions)
    assert Counter(labels.values()) == sent.labelled

    def archived() -> Counter[str] | None:
        rows = rows_of(stack, "predictions") + rows_of(stack, "labels")
        return rows if delivered.keys() <= rows.keys() else None

    rows = eventually(archived, "all accepted events in the archive")
    assert [event_id for event_id, count in delivered.items() if rows[event_id] > count] == []


REFUSALS: dict[str, tuple[str, bytes, int]] = {
    "not JSON": ("/predict", MARK.encode(), 400),
    "not an object": ("/predict", json.dumps([MARK]).encode(), 400),
    "cut": ("/predict", b'{"instances": [{"area": "%b"' % MARK.encode(), 400),
    "no UTF-8": ("/predict", b'{"instances": [{"area": "%b\xff"}]}' % MARK.encode(), 422),
    "UTF-16": ("/predict", json.dumps({MARK: 1}).encode("utf-16"), 400),
    "too deep": ("/predict", b'{"%b": ' % MARK.encode() + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "too many digits": ("/predict", b'{"%b": ' % MARK.encode() + b"9" * 5_000 + b"}", 400),
    "NaN": ("/predict", b'{"instances": [{"%b": NaN, "rooms": Infinity}]}' % MARK.encode(), 422),
    "half a surrogate pair": ("/predict", b'{"instances": [{"area": "%b\\ud83c"}]}' % MARK.encode(), 422),
    "unknown field": ("/predict", json.dumps({"instances": [{MARK: MARK}]}).encode(), 422),
    "text for a number": ("/predict", json.dumps({"instances": [{"rooms": MARK}]}).encode(), 422),
    "too large": ("/predict", json.dumps({"instances": [{"area": MARK * 80_000}]}).encode(), 413),
    "no prediction": (
        "/feedback",
        json.dumps({"labels": [{"prediction_id": MARK, "label": 1}]}).encode(),
        422,
    ),
    "text for a label": (
        "/feedback",
        json.dumps({"labels": [{"prediction_id": new_event_id(PAST), "label": MARK}]}).encode(),
        422,
    ),
    "ahead of time": (
        "/feedback",
        json.dumps({"labels": [{"prediction_id": new_event_id(2**47), "label": MARK_NUMBER}]}).encode(),
        422,
    ),
}
"""What a tool that keeps to JSON and to the schema does not send, and what it holds where it is wrong."""


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_body_is_answered_as_documented_and_not_logged(
    deployed: Deployed, caller: Signed, name: str
) -> None:
    path, body, status = REFUSALS[name]
    before, since = len(streamed(deployed.stack)), now_ms()
    assert deployed.raw("POST", path, body, auth=caller).status_code == status
    eventually(lambda: requests_logged(deployed.stack, since), "the refusal in the log")
    written = logged(deployed.stack, since)
    assert MARK not in written
    assert str(MARK_NUMBER) not in written
    assert len(streamed(deployed.stack)) == before


@pytest.mark.parametrize("method_and_path", OPERATIONS, ids=lambda one: one[1])
def test_who_may_not_call_is_refused_as_documented(
    deployed: Deployed, caller: Signed, method_and_path: tuple[str, str]
) -> None:
    method, path = method_and_path
    body, before = fitting(deployed, path), len(streamed(deployed.stack))
    unknown = Signed(Credentials("AKIA" + "Z" * 16, "x" * 40))
    forged = Signed(Credentials(caller.credentials.access_key, "x" * 40))
    for auth in (None, unknown, forged):
        assert deployed.raw(method, path, body, auth=auth).status_code == 403
    assert len(streamed(deployed.stack)) == before
    assert deployed.raw(method, path, body, auth=caller).status_code in (200, 202)
