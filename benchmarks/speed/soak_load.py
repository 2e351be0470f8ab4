"""The load of a soak: clients and stream writers that send as fast as answers come, in closed loops."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from benchmarks.speed.soak_system import System, now_ms
from drift_core.event import PredictionEvent, new_event_id
from scripts.api import ApiClient
from scripts.kinesis_writer import MAX_RECORDS, KinesisWriter, Record
from scripts.traffic import Plan, drawn, predictions

INSTANCES = 10
"""Instances in a request."""

MOST_UNCOUNTED = 20_000
"""A stream writer waits while more records are sent and not counted: a loop is closed by the count."""

BROKEN_EVERY = 1_000
"""One in so many stream records is none."""


@dataclass(slots=True)
class Load:
    """What was sent, and how it was answered; all threads add to it.

    Attributes
    ----------
    sent : ids of the predictions that were accepted.
    broken : records that were accepted and cannot be read.
    latencies : seconds after the start at which each request was answered, and how long it took.
    refused : answers other than 200, by status.
    waited : seconds that stream writers waited for the count.
    counted : what the watcher saw last.
    """

    begun: float
    ends: float
    sent: set[str] = field(default_factory=set)
    broken: int = 0
    latencies: list[tuple[float, float]] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    waited: float = 0.0
    counted: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def total(self) -> int:
        """Records that were accepted."""
        return len(self.sent) + self.broken

    def running(self) -> bool:
        """Whether the time is not over."""
        return time.monotonic() < self.ends


def request(system: System, load: Load, number: int) -> None:
    """One client of the API: the next request follows the answer."""
    api = ApiClient(system.stack)
    rows = drawn(system.bundle, Plan(start_ms=0, windows=1, rows=1_000, window_seconds=60, seed=number))
    instances = system.bundle.instances(rows)
    at = 0
    while load.running():
        body = {"instances": instances[at : at + INSTANCES]}
        at = (at + INSTANCES) % len(instances)
        started = time.monotonic()
        answer = api.call("POST", "/predict", body)
        ended = time.monotonic()
        with load.lock:
            if answer.status == 200:
                load.latencies.append((ended - load.begun, ended - started))
                load.sent.update(told["prediction_id"] for told in answer.body["predictions"])
            else:
                load.refused[answer.status] += 1


def stream(system: System, load: Load, number: int) -> None:
    """One producer that writes to the stream: the next call follows the answer, and the count."""
    writer = KinesisWriter(client=system.stack.client("kinesis"), stream=system.stack.outputs["StreamName"])
    plan = Plan(start_ms=0, windows=1, rows=1_000, window_seconds=60, seed=100 + number)
    patterns = list(predictions(system.bundle, drawn(system.bundle, plan), seed=number, source="soak"))
    made = 0
    while load.running():
        if load.total - load.counted > MOST_UNCOUNTED:
            time.sleep(0.05)
            load.waited += 0.05
            continue
        records, ids, broken = [], [], 0
        for _ in range(MAX_RECORDS):
            made += 1
            event = _now(patterns[made % len(patterns)])
            content = event.encode()
            if made % BROKEN_EVERY == 0:
                content, broken = content[:-1], broken + 1
            else:
                ids.append(event.event_id)
            records.append(Record(content, event.event_id))
        writer.put(records)
        with load.lock:
            load.sent.update(ids)
            load.broken += broken


def _now(pattern: PredictionEvent) -> PredictionEvent:
    now = now_ms()
    return replace(pattern, event_id=new_event_id(now), event_time=now)


def start(
    work: Callable[[System, Load, int], None], system: System, load: Load, count: int, faults: list[Exception]
) -> list[threading.Thread]:
    """Start threads; what one raises ends the run and is kept."""

    def guarded(number: int) -> None:
        try:
            work(system, load, number)
        except Exception as fault:
            faults.append(fault)
            load.ends = 0.0

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads
