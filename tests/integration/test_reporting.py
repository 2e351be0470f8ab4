"""Reports on moto's S3: by command, live on the loopback, and those that the alert function writes."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from drift_consumer.baselines import Baselines
from drift_consumer.reporting import Reporting
from report.documents import Documents
from report.facts import Facts
from scripts import report
from scripts.report_server import Live, serve
from scripts.stack import Stack, StackError, Target
from tests.integration.archive_written import DAY, HOUR, MINUTE, WINDOW, Buckets
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, VERSION

TIMES = ("--since", "2026-01-01T12:00", "--until", "2026-01-01T14:00")


@pytest.fixture
def stack(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> Stack:
    found = Stack(
        target=Target(
            config_env="dev",
            stack_name="driftline",
            environment={},
            session=boto3.Session(region_name="eu-west-1"),
        ),
        outputs={
            "ActiveBundleParameterName": f"/driftline/{MODEL}/active-bundle",
            "ModelsBucketName": "models",
            "ArchiveBucketName": "archive",
        },
    )
    monkeypatch.setattr(Stack, "load", lambda *_, **__: found)
    return found


def run(*options: str) -> Result:
    return CliRunner().invoke(report.app, options, env={"COLUMNS": "200"})


@pytest.mark.usefixtures("stack")
def test_a_report_is_written_and_told_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    ran = run(*TIMES, "--out", str(file))
    assert ran.exit_code == 0, ran.output
    assert "size" in ran.output.splitlines()[0], "the verdict names the feature that drifted"
    assert str(file) in ran.output
    text = file.read_text()
    assert VERSION in text
    assert text.lower().startswith("<!doctype html>")


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--since", "1h"), 1, "no window of 'house-prices' was judged"),
        ((*TIMES, "--version", "v9"), 2, "manifest.json"),
        (("--since", "yesterday"), 2, "'yesterday' is no time"),
    ],
    ids=["nothing", "version", "time"],
)
def test_what_is_wrong_is_told(tmp_path: Path, options: tuple[str, ...], code: int, told: str) -> None:
    file = tmp_path / "report.html"
    ran = run(*options, "--out", str(file))
    assert ran.exit_code == code
    assert told in ran.output
    assert not file.exists()


@pytest.mark.usefixtures("stack")
def test_since_is_a_length_or_a_time() -> None:
    now = datetime.now(UTC).timestamp() * 1000
    for text, length in (("7d", 7 * DAY), ("now-6h", 6 * HOUR), ("90m", 90 * MINUTE)):
        wanted = report.Wanted(since=text, version=VERSION)
        found = report.facts_of(Stack.load(), wanted)
        assert found.until - found.since == length
        assert found.until == pytest.approx(now, abs=60_000)


@pytest.mark.usefixtures("stack")
def test_a_report_is_of_an_incident(buckets: Buckets, tmp_path: Path) -> None:
    """Of its version, from six hours before it to its end."""
    incident = {
        **{"model_name": MODEL, "model_version": VERSION, "incident_id": "20260101T125500Z-data"},
        **{"opened_at": "2026-01-01T12:55:00+00:00", "since": "2026-01-01T12:50:00+00:00"},
        **{"recovered_at": "2026-01-01T13:05:00+00:00", "cause": "data", "state": "recovered"},
        **{"features": ["size"], "alarms": ["drift"]},
    }
    buckets.put("incidents/dt=2026-01-01/20260101T125500Z-data.json", incident)
    wanted = report.of_incident(Stack.load(), "20260101T125500Z-data", None)
    found = report.facts_of(Stack.load(), wanted)
    assert (found.since, found.until) == (NOON + 50 * MINUTE - 6 * HOUR, NOON + 65 * MINUTE)
    assert [one["incident_id"] for one in found.incidents] == ["20260101T125500Z-data"]
    assert len(found.windows) == 13
    file = tmp_path / "report.html"
    assert run("--incident", "20260101T125500Z-data", "--out", str(file)).exit_code == 0
    assert "incident-20260101T125500Z-data" in file.read_text()
    ran = run("--incident", "20260101T000000Z-data", "--out", str(file))
    assert ran.exit_code == 1
    assert "no incident '20260101T000000Z-data' in the archive" in ran.output


@dataclass
class Served:
    """A live page, what it is rendered from, and the documents that were read."""

    url: str
    facts: list[Facts]
    reads: list[str]

    def get(self, path: str, host: str | None = None) -> tuple[int, str]:
        request = urllib.request.Request(self.url + path, headers={"Host": host} if host else {})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture
def served(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The server in a thread, until its stack is gone."""
    monkeypatch.setattr("scripts.report_server.GONE_SECONDS", 0.05)
    wanted = report.Wanted(since="2026-01-01T12:00", until="2026-01-01T14:00")
    rendered, reads = list[Facts](), list[str]()
    read = Documents.read

    def counted(documents: Documents, key: str) -> bytes:
        reads.append(key)
        return read(documents, key)

    monkeypatch.setattr(Documents, "read", counted)

    def render(facts: Facts) -> str:
        rendered.append(facts)
        return f"{len(facts.windows)} windows"

    live = Live(gather=lambda known: report.facts_of(stack, wanted, known), render=render)
    urls, ready = list[str](), threading.Event()

    def told(url: str) -> None:
        urls.append(url)
        ready.set()

    thread = threading.Thread(target=serve, args=(stack, live), kwargs={"port": 0, "told": told})
    thread.start()
    assert ready.wait(10)
    yield Served(urls[0].rstrip("/"), rendered, reads)

    def gone(*_: Any, **__: Any) -> Stack:
        raise StackError("gone")

    monkeypatch.setattr(Stack, "load", gone)
    thread.join(10)
    assert not thread.is_alive(), "it serves on after its stack has gone"


def revised(buckets: Buckets, window: int) -> None:
    """Late rows: the verdict on a window is replaced."""
    key = f"verdicts/dt=2026-01-01/{MODEL}.{VERSION}.300.window.{NOON + window * WINDOW}.json"
    document = json.loads(buckets.s3.get_object(Bucket="archive", Key=key)["Body"].read())
    buckets.put(key, {**document, "revision": 1})


def test_a_live_page_is_renewed_when_a_verdict_is(served: Served, buckets: Buckets) -> None:
    """And it is not rendered, nor are documents read, while nothing happens."""
    assert served.get("/") == (200, "14 windows")
    first = served.facts[0].made_at
    assert served.get("/changed?since=0")[0] == 200
    assert len(served.reads) == 16, "fourteen windows and two hours"
    for _ in range(3):
        assert served.get(f"/changed?since={first}")[0] == 204
    assert (len(served.facts), len(served.reads)) == (1, 16)
    revised(buckets, 3)
    assert served.get(f"/changed?since={first}")[0] == 200
    assert (len(served.facts), len(served.reads)) == (2, 17)


def test_a_live_page_is_for_this_machine(served: Served) -> None:
    """A name of somebody else's that leads here gets nothing, whatever a browser thinks of its origin."""
    assert served.get("/", host="evil.example")[0] == 421
    assert served.get("/", host="localhost:1")[0] == 200
    assert served.get("/etc/passwd")[0] == 404
    assert len(served.facts) == 1


def test_a_live_page_waits_for_the_first_verdict(served: Served, buckets: Buckets) -> None:
    keys = buckets.s3.list_objects_v2(Bucket="archive", Prefix="verdicts/")["Contents"]
    kept = {
        one["Key"]: buckets.s3.get_object(Bucket="archive", Key=one["Key"])["Body"].read() for one in keys
    }
    for key in kept:
        buckets.s3.delete_object(Bucket="archive", Key=key)
    status, text = served.get("/")
    assert status == 200
    assert "no window of &#x27;house-prices&#x27; was judged" in text
    assert served.get("/changed?since=0")[0] == 204
    for key, content in kept.items():
        buckets.put(key, content)
    assert served.get("/changed?since=0")[0] == 200
    assert served.get("/") == (200, "14 windows")


@pytest.fixture
def reporting(buckets: Buckets) -> Reporting:
    baselines = Baselines(buckets.s3, "models")
    return Reporting(s3=buckets.s3, bucket="archive", baselines=baselines, model_name=MODEL)


def text_of(buckets: Buckets, key: str) -> str:
    found = buckets.s3.get_object(Bucket="archive", Key=key)
    assert found["ContentType"] == "text/html; charset=utf-8"
    text: str = found["Body"].read().decode()
    return text


def test_the_report_of_an_incident_is_replaced_as_it_changes(reporting: Reporting, buckets: Buckets) -> None:
    """Its time begins before the incident, so that the page shows what was normal."""
    key = reporting.write_incident("20260101T125500Z-data", NOON + 50 * MINUTE, NOON + 55 * MINUTE)
    assert key == "reports/incidents/20260101T125500Z-data.html"
    first = text_of(buckets, key)
    assert "size" in first
    assert reporting.write_incident("20260101T125500Z-data", NOON + 50 * MINUTE, NOON + 2 * HOUR) == key
    assert text_of(buckets, key) != first
    assert reporting.write_incident("x-data", NOON - 30 * DAY, NOON - 29 * DAY) is None


def test_a_day_is_reported_once_and_after_it_has_settled(reporting: Reporting, buckets: Buckets) -> None:
    midnight = NOON + 12 * HOUR
    assert reporting.write_daily(midnight + HOUR - 1) is None, "the day before has no verdict"
    key = f"reports/dt=2026-01-01/daily.{MODEL}.{VERSION}.html"
    assert reporting.write_daily(midnight + HOUR) == key
    assert VERSION in text_of(buckets, key)
    assert reporting.write_daily(midnight + 2 * HOUR) is None
    assert reporting.write_daily(midnight + DAY + HOUR) is None, "nothing was judged that day"
