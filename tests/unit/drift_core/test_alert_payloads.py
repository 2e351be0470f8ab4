"""Messages fit what channels take, whatever features and people are called, and lead to what they name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_core.alert_payloads import chat, email, slack
from drift_core.alert_state import Kind, Message
from drift_core.alert_text import QUERIES, SUBJECT_LENGTH, TITLES, WEIGHT, Place, notice, told
from drift_core.causes import ALARMS, Cause
from drift_core.incident import Incident
from scripts.question import question_names

PLACE = Place(region="eu-central-1", archive_bucket="archive", runbook="docs/runbook.md")
START = 1_767_225_600_000
NAMES = st.text(min_size=1, max_size=4_000)


def incident(**given: Any) -> Incident:
    fixed: dict[str, Any] = {
        "incident_id": "20260101T000000Z-data",
        "model_name": "houses",
        "cause": Cause.DATA,
        "opened_at": START,
        "since": START,
        "updated_at": START,
        "alarms": ("drift",),
    }
    return Incident(**fixed | given)


@given(
    st.lists(NAMES, max_size=60),
    NAMES,
    st.sampled_from(Kind),
    st.sampled_from(Cause),
    st.floats(0, 1),
)
def test_every_message_fits_every_channel(
    features: list[str], by: str, kind: Kind, cause: Cause, share: float
) -> None:
    """Slack: 50 blocks; 150 characters in a header, 3,000 in a section; 10 fields of 2,000. SNS: 100."""
    about = incident(
        cause=cause,
        features=tuple(features),
        lines=tuple(reversed(features)),
        score=3.0,
        affected_share=share,
        model_version="v1",
        acknowledged_by=by,
        reopened=3,
        report="reports/incidents/x.html",
        closed_by=by if kind is Kind.RECOVERED else None,
        recovered_at=START + 1 if kind is Kind.RECOVERED else None,
    )
    said = told(Message(kind=kind, incident=about, news=tuple(features), at=START + 60_000), PLACE)
    assert 0 < len(said.subject) <= SUBJECT_LENGTH
    assert said.subject.isascii()
    assert said.subject.isprintable()
    payload = slack(said)
    assert 0 < len(payload["blocks"]) <= 50
    for block in payload["blocks"]:
        if block["type"] == "header":
            assert 0 < len(block["text"]["text"]) <= 150
            continue
        if "text" in block:
            assert 0 < len(block["text"]["text"]) <= 3_000
        assert len(block.get("fields", ())) <= 10
        assert all(0 < len(one["text"]) <= 2_000 for one in block.get("fields", ()))
    assert len(json.dumps(chat(said), ensure_ascii=False).encode("utf-8", "replace")) < 256_000  # SNS
    assert about.incident_id in email(said)


@pytest.mark.parametrize("channel", [slack, chat])
def test_a_feature_cannot_mention_or_link(channel: Any) -> None:
    about = incident(features=("<!channel>", "a & b"), lines=("<https://evil.example|click>: moved",))
    payload = json.dumps(channel(told(Message(kind=Kind.OPENED, incident=about, at=START), PLACE)))
    assert "<!channel>" not in payload
    assert "<https://evil" not in payload
    assert "&lt;!channel&gt;" in payload
    assert "a &amp; b" in payload


def test_a_message_leads_to_the_report_the_query_the_runbook_and_the_commands() -> None:
    about = incident(report="reports/incidents/i.html", since=START - 7_200_000)
    said = told(Message(kind=Kind.OPENED, incident=about, at=START), PLACE)
    steps = dict(said.steps)
    assert steps["report"] == (
        "https://eu-central-1.console.aws.amazon.com/s3/object/archive"
        "?region=eu-central-1&prefix=reports/incidents/i.html"
    )
    assert steps["query"] == "python -m scripts.query guilty_features"
    assert steps["runbook"] == "docs/runbook.md#drift"
    assert steps["acknowledge"].endswith("ack 20260101T000000Z-data --by YOUR_NAME")
    assert dict(said.facts)["since"] == "2025-12-31 22:00 UTC (2 h)"
    assert "Drift alone does not say that it is wrong" in said.weight


def test_what_is_over_asks_for_nothing() -> None:
    over = incident(recovered_at=START + 3_600_000, state="recovered")
    said = told(Message(kind=Kind.RECOVERED, incident=over, at=START + 7_200_000), PLACE)
    assert said.headline.endswith("; that is over")
    assert said.weight == ""
    assert {"acknowledge", "mute"} & dict(said.steps).keys() == set()
    assert dict(said.facts)["since"] == "2026-01-01 00:00 UTC (1 h)"


def test_each_cause_has_its_words_and_a_query_that_exists() -> None:
    assert set(TITLES) == set(WEIGHT) == set(QUERIES) == set(ALARMS) == set(Cause)
    assert set(QUERIES.values()) <= set(question_names())


def test_a_notification_has_the_schema_of_custom_notifications() -> None:
    payload = chat(told(Message(kind=Kind.OPENED, incident=incident(), at=START), PLACE))
    assert (payload["version"], payload["source"]) == ("1.0", "custom")
    assert payload.keys() <= {"version", "source", "id", "content", "metadata"}
    assert payload["content"].keys() <= {"textType", "title", "description", "nextSteps", "keywords"}
    assert payload["content"]["textType"] == "client-markdown"
    allowed = {"threadId", "summary", "eventType", "relatedResources", "additionalContext"}
    assert payload["metadata"].keys() <= allowed
    assert payload["metadata"]["threadId"] == incident().incident_id


def test_a_notice_is_passed_on_as_it_is() -> None:
    assert email(notice("m: promoted", "v2 is served\nby Ada")) == "m: promoted\n\nv2 is served\nby Ada\n"
    assert notice("", "x").subject == "Driftline"
