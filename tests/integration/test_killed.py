"""Consumer and evaluator in processes of their own, killed with SIGKILL at any moment, over real HTTP.

The local AWS keeps objects and items; the stream and its mapping are those of `tests/faults`. At the end all
is read back and held against the same checks as the simulated stories.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from drift_core.span import Span
from scripts.local_aws import LocalAws
from scripts.stack import LOCAL, Target
from tests.faults import checks
from tests.faults.mapping import MappingSettings, Poller, lambda_event
from tests.faults.process import Child
from tests.faults.scheduler import Fault
from tests.faults.story import LEAST_ROWS, Plan, Sending, Story
from tests.faults.traffic import events
from tests.unit.drift_consumer.fixture_traffic import EVALUATOR, NOON, bundle_objects

KILLS = 32
"""Of both functions, each amid an invocation."""

MINUTE = 60_000
PATIENCE = 60.0
"""Seconds for an invocation that nobody kills, on a busy machine."""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    local = LocalAws(tmp_path_factory.mktemp("killed"))
    local.start(port=0)
    yield Target.load(LOCAL, state=local.state)
    local.stop()


class Killed:
    """A story whose functions run elsewhere and die."""

    def __init__(self, aws: Target) -> None:
        self.random = Random(5)
        self.story = Story(Plan(chunks=(), mapping=MappingSettings(), shards=2))
        self.world = self.story.world
        self.kills = 0
        self._environment = {
            **aws.environment,
            **EVALUATOR,
            "MIN_SAMPLES": str(LEAST_ROWS),
            "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        }
        self._children: dict[str, Child] = {}
        self._seconds: dict[str, float] = {}
        self._s3, self._dynamodb = aws.client("s3"), aws.client("dynamodb")

    def set_up(self) -> None:
        """Buckets, table and bundle."""
        for bucket in ("models", "archive"):
            self._s3.create_bucket(Bucket=bucket)
        for key, content in bundle_objects().items():
            self._s3.put_object(Bucket="models", Key=key, Body=content)
        names: list[Any] = [{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", "pending")]
        keys: list[Any] = [{"AttributeName": n, "KeyType": k} for n, k in (("pk", "HASH"), ("sk", "RANGE"))]
        self._dynamodb.create_table(
            TableName="windows",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=names,
            KeySchema=keys,
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "pending",
                    "KeySchema": [{"AttributeName": "pending", "KeyType": "HASH"}, keys[1]],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )

    def send(self, count: int) -> None:
        """Events of all kinds, some twice."""
        for window in range(3):
            at = sum(len(sending.sent) for sending in self.story.sendings)
            sent = (
                *events("prediction", window)[at : at + count],
                events("label", window)[at],
                events("bad", window)[at],
            )
            self.story.sendings.append(Sending(sent=sent, delivery=None))
            for event in [*sent, sent[0]]:
                self.world.stream.accept(event.encode(), event.event_id, "producer")

    def invoke(self, function: str, event: Any = None, *, kill: bool) -> bool:
        """One invocation; whether it was not killed."""
        child = self._children.pop(function, None) or Child(function, self._environment)
        began = time.monotonic()
        child.send(self.world.now, event)
        if kill:
            ended = child.answer(self.random.uniform(0, self._seconds[function])) is not None
            if ended:
                self._children[function] = child
            else:
                child.kill()
                self.kills += 1
            return ended
        assert child.answer(PATIENCE) is not None
        self._seconds[function] = time.monotonic() - began
        self._children[function] = child
        return True

    def poll(self, poller: Poller, *, kill: bool = False) -> None:
        """Invoke the consumer with a batch, other boundaries each time."""
        due = poller.poll(self.random.choice([4, 9, 20]))
        if due is None:
            return
        batch, life = due
        done = self.invoke("consume", lambda_event(poller.shard, batch.records), kill=kill)
        if not done:
            self.world.gate.befallen.append(("consumer", Fault.CRASHED_AFTER, "SIGKILL"))
            poller.forget(self.random.choice([1, 1, 2]))
        else:
            poller.finished(batch, life, {"batchItemFailures": []}, failed=False)

    def drain(self) -> None:
        for poller in self.world.mapping.ready():
            while not poller.idle:
                self.poll(poller)

    def read_back(self) -> None:
        """Take over what the local AWS holds."""
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket="archive"):
            for entry in page.get("Contents", []):
                content = self._s3.get_object(Bucket="archive", Key=entry["Key"])["Body"].read()
                self.world.s3.objects["archive", entry["Key"]] = content
        for page in self._dynamodb.get_paginator("scan").paginate(TableName="windows"):
            for item in page["Items"]:
                self.world.dynamodb.items[item["pk"]["S"], item["sk"]["S"]] = item

    def end(self) -> None:
        for child in self._children.values():
            child.kill()


@pytest.fixture
def killed(aws: Target) -> Iterator[Killed]:
    one = Killed(aws)
    one.set_up()
    yield one
    one.end()


def test_functions_that_are_killed_lose_and_double_nothing(killed: Killed) -> None:
    world = killed.world
    killed.send(2)
    killed.drain()  # also tells how long an invocation takes
    killed.invoke("evaluate", kill=False)
    for number in range(100):  # some end before they can be killed
        if killed.kills >= KILLS:
            break
        killed.send(1)
        for poller in world.mapping.ready():
            killed.poll(poller, kill=True)
        if number % 2:
            world.now += 6 * MINUTE
            killed.invoke("evaluate", kill=True)
    assert killed.kills >= KILLS
    killed.drain()
    world.now = NOON + 30 * 60 * MINUTE
    killed.invoke("evaluate", kill=False)
    killed.read_back()
    checks.check_counts(killed.story)
    memory = world.memory()
    for span in Span:
        in_turn = [item for item in world.judged(span) if item["first_n"]["N"] != "0"]
        assert in_turn
        learned = {int(count) for count in memory.noise[span].spans.ravel()}
        assert max(learned) <= len(in_turn), "a span was learned from twice"
