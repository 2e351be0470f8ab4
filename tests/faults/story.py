"""A story: producers, pollers, evaluators and redrives over one simulated AWS, in an order that is drawn.

A step says who goes next and what befalls the call that it makes. After the last step nothing breaks any
more: all goes on until every record is processed, all that was given up redriven, and nothing left to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from drift_consumer.baselines import Baselines
from drift_consumer.consume import Resources, consume
from drift_consumer.evaluate import Resources as EvaluatorResources
from drift_consumer.evaluate import evaluate
from drift_consumer.window_store import LostRaceError, WindowStore
from ingest_lambda.capture import Capture, Delivery
from scripts.batch_redrive import BatchRedrive
from scripts.kinesis_writer import KinesisWriter, NotAcceptedError
from scripts.queue_redrive import HIDDEN_SECONDS, QueueRedrive
from tests.faults.mapping import Batch, EventSourceMapping, MappingSettings, Poller, lambda_event
from tests.faults.scheduler import Fault, Gate, Invocation, Outcome
from tests.faults.services import Buckets, Metrics, Queue
from tests.faults.stream import Stream
from tests.faults.table import Table
from tests.faults.traffic import Sent, events
from tests.unit.drift_consumer.fake_aws import CrashError
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, World

MINUTE = 60_000
PAUSES = (10_000, MINUTE, 2 * MINUTE, 6 * MINUTE, 11 * MINUTE)
"""Milliseconds by which the clock moves on; the longer ones outlive an iterator."""

LEAST_ROWS = 4
"""Of a window that is judged: stories are short."""

BEGIN = 36
"""Of a step's 40 choices, those below let somebody go on or begin; the rest disturb."""

_LIVE = 5  # invocations at once
_ENDLESS = 4_000  # steps after which a story that does not end is stuck

type Step = tuple[int, int, int]
"""Who goes next (0 to 39), what befalls the call (0 to 63), and a detail of either (0 to 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a story begins with.

    Attributes
    ----------
    chunks : what is sent: kind, window and number of events; "again" sends the last events once more.
    mercy : of 64 writes, how many nothing befalls.
    steady : of a step's 40 choices, how many let the one go on who went last. Few make all interleave; many
        let one do much while another waits in the middle of something.
    evaluators : that may run at once; reserved concurrency allows one.
    """

    chunks: tuple[tuple[str, int, int], ...]
    mapping: MappingSettings
    shards: int = 1
    mercy: int = 50
    steady: int = 24
    evaluators: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A request's events, and what capture said of them; None if it crashed."""

    sent: tuple[Sent, ...]
    delivery: Delivery | None


class Simulated(World):
    """The services of a story."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.gate = Gate()
        bundles = self.s3.objects
        self.s3: Any = Buckets(self.gate, lambda: self.now)
        self.s3.objects = dict(bundles)
        self.dynamodb: Any = Table(self.gate)
        self.cloudwatch: Any = Metrics(self.gate)
        self.queue = Queue(self.gate, lambda: self.now)
        self.stream = Stream(self.gate, lambda: self.now, shards=plan.shards)
        self.mapping = EventSourceMapping(
            stream=self.stream,
            settings=plan.mapping,
            put=lambda key, content: self.s3.objects.__setitem__(("failed", key), content),
            clock=lambda: self.now,
        )
        self.now = NOON + 6 * MINUTE

    def evaluator(self) -> EvaluatorResources:
        made = super().evaluator()
        return replace(made, settings=replace(made.settings, min_samples=LEAST_ROWS))

    def writer(self) -> KinesisWriter:
        return KinesisWriter(
            client=self.stream, stream="stream", attempts=3, sleep=lambda _: None, uniform=lambda: 0.0
        )

    def batch_redrive(self) -> BatchRedrive:
        dynamodb: Any = self.dynamodb
        return BatchRedrive(
            s3=self.s3,
            bucket="failed",
            writer=self.writer(),
            model_name=MODEL,
            baselines=Baselines(self.s3, "models"),
            windows=WindowStore(dynamodb, "windows"),
            window_seconds=None,
            clock=lambda: self.now,
        )

    def failed_batches(self) -> list[str]:
        return [key for key in self.s3.keys("failed") if not key.startswith("redriven/")]


class Story:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.world = Simulated(plan)
        self.sendings: list[Sending] = []
        self._chunks = list(plan.chunks)
        self._sent: dict[tuple[str, int], int] = {}
        self._last: tuple[Sent, ...] = ()
        self._live: list[Invocation] = []
        self._begun = 0
        self._calm = False
        self._consumers: dict[int, Resources] = {}
        self._evaluator: EvaluatorResources | None = None
        self._judged_at = 0

    @contextmanager
    def told(self, steps: Sequence[Step]) -> Iterator[None]:
        """Run to the end; whatever happens, no thread is left."""
        try:
            for step in steps:
                self._step(*step)
            self._drain()
            yield
        finally:
            while self._live:
                self._live[0].go_on(Fault.CRASHED_BEFORE)
                self._live = [one for one in self._live if one.outcome is None]

    def _step(self, choice: int, fault: int, detail: int) -> None:
        if choice < self.plan.steady and self._live:
            self._go_on(self._live[0], fault, detail)
            return
        options = self._disturbances(detail) if choice >= BEGIN else self._beginnings(detail)
        if choice < BEGIN:
            options += [partial(self._go_on, one, fault, detail) for one in self._live[1:]]
        if options:
            options[(choice - self.plan.steady) % len(options)]()

    def _go_on(self, one: Invocation, fault: int, detail: int) -> None:
        assert one.call is not None
        self._live.remove(one)
        self._live.insert(0, one)
        one.go_on(one.call.befallen_by(fault, self.plan.mercy), detail)
        self._look_at(one)

    def _look_at(self, one: Invocation) -> None:
        if one.outcome is None:
            return
        self._live.remove(one)
        fault = one.outcome.fault
        if fault is not None and not _foreseen(fault):
            raise fault
        if self._calm and fault is not None:
            raise AssertionError(f"{one.name} failed, and nothing was broken any more") from fault
        one.ended(one.outcome)

    def _begin(self, name: str, work: Callable[[], Any], ended: Callable[[Outcome], None]) -> None:
        self._begun += 1
        one = Invocation(f"{name}-{self._begun}", work, ended)
        self._live.insert(0, one)
        one.start(self.world.gate)
        self._look_at(one)

    def _running(self, name: str) -> int:
        return sum(one.name.startswith(name) for one in self._live)

    # ---- what may begin ----

    def _beginnings(self, detail: int) -> list[Callable[[], None]]:
        world, mapping = self.world, self.world.mapping
        found: list[Callable[[], None]] = []
        if len(self._live) < _LIVE:
            if self._chunks and self._running("producer") < 2:
                found.append(self._produce)
            found += [
                partial(self._poll, one, detail) for one in mapping.ready() if not one.busy and not one.idle
            ]
            if self._running("evaluator") < self.plan.evaluators:
                found += [partial(self._evaluate, minutes * MINUTE) for minutes in (2, 4, 8)]
            if world.failed_batches() and not self._running("batches"):
                found.append(self._redrive_batches)
            if world.queue.messages and not self._running("queue"):
                found.append(self._redrive_queue)
        return found

    def _disturbances(self, detail: int) -> list[Callable[[], None]]:
        world, mapping = self.world, self.world.mapping
        found: list[Callable[[], None]] = [partial(self._pass_time, PAUSES[detail % len(PAUSES)])]
        if world.gate.late:
            found += [self._land, self._land]
        pollers = [one for one in mapping.ready() if len(one.checkpoints) > 1 or one.busy]
        if pollers:
            poller = pollers[detail % len(pollers)]
            found.append(partial(poller.forget, 1 + detail % 3))
            if not mapping.rivals:
                found += [partial(mapping.rival, poller), partial(mapping.rival, poller)]
        if len(world.stream.shards) < 5:
            opened = [shard for shard in world.stream.shards if not shard.closed]
            found.append(partial(world.stream.split, opened[detail % len(opened)]))
            pairs = world.stream.neighbours()
            found += [partial(world.stream.merge, *pairs[detail % len(pairs)])] if pairs else []
        return found

    def _pass_time(self, milliseconds: int) -> None:
        """Let time pass; a call that is still on its way after a minute never arrives later."""
        if milliseconds >= MINUTE:
            self._land_all()
        self.world.now += milliseconds

    def _land(self) -> None:
        self.world.gate.late.pop(0).unseen()

    def _land_all(self) -> None:
        while self.world.gate.late:
            self._land()

    def _produce(self) -> None:
        kind, window, count = self._chunks.pop(0)
        if kind != "again":
            at = self._sent.get((kind, window), 0)
            self._last = tuple(events(kind, window)[at : at + count])
            self._sent[kind, window] = at + count
        sent, seconds = self._last, [0.0]
        world = self.world

        def sleep(pause: float) -> None:
            seconds[0] += pause

        stream: Any = world.stream
        queue: Any = world.queue
        capture = Capture(
            kinesis=stream,
            stream="stream",
            sqs=queue,
            queue_url="queue",
            seconds=0.1,
            clock=lambda: seconds[0],
            sleep=sleep,
            random=lambda: 0.9,
        )

        def ended(outcome: Outcome) -> None:
            self.sendings.append(Sending(sent=sent, delivery=outcome.answer))

        self._begin("producer", lambda: capture.put(sent), ended)  # type: ignore[arg-type]

    def _poll(self, poller: Poller, detail: int = 0) -> None:
        due = poller.poll(detail or None)
        if due is None:
            return
        batch, life = due
        environment = self._consumers.setdefault(id(poller), self.world.resources())
        event = lambda_event(poller.shard, batch.records)

        def ended(outcome: Outcome) -> None:
            if outcome.crashed:
                self._consumers.pop(id(poller), None)
            _finish(poller, batch, life, outcome)

        self._begin("consumer", lambda: consume(event, environment), ended)

    def _evaluate(self, later: int = 0) -> None:
        self._pass_time(later)
        if self._evaluator is None:
            self._evaluator = self.world.evaluator()
        environment = self._evaluator

        def ended(outcome: Outcome) -> None:
            if outcome.crashed:
                self._evaluator = None
            self._judged_at = self.world.now

        self._begin("evaluator", lambda: evaluate(environment), ended)

    def _redrive_batches(self) -> None:
        self._land_all()  # an operator comes minutes later

        def redrive() -> None:
            made = self.world.batch_redrive()
            for key in made.waiting():
                made.redrive(key, dry_run=False)

        self._begin("batches", redrive, lambda outcome: None)

    def _redrive_queue(self) -> None:
        self._land_all()
        made = QueueRedrive(sqs=self.world.queue, queue_url="queue", writer=self.world.writer())
        self._begin("queue", lambda: made.redrive(1_000), lambda outcome: None)

    # ---- the end ----

    def _drain(self) -> None:
        """Let everything come to its end, with no more faults."""
        for _ in range(_ENDLESS):
            if self._live:
                self._go_on(self._live[0], 0, 0)
            elif self._calm and not self._settle():
                return
            self._calm = self._calm or not self._live
        raise AssertionError("the story does not come to its end")

    def _settle(self) -> bool:
        """Begin what is left to do, in the order in which it would happen; False if nothing is."""
        world = self.world
        self._land_all()
        pollers = [one for one in world.mapping.ready() if not one.idle]
        if self._chunks:
            self._produce()
        elif pollers:
            world.now = max([world.now, *(one.waits_until or 0 for one in pollers)])
            self._poll(pollers[0])
        elif world.failed_batches():
            self._redrive_batches()
        elif world.queue.messages:
            world.now += 1000 * HIDDEN_SECONDS
            self._redrive_queue()
        elif self._judged_at < self._quiet():
            world.now = self._quiet()
            self._evaluate()
        else:
            return False
        return True

    def _quiet(self) -> int:
        """A time at which all windows, hours and days are over."""
        return NOON + 27 * 60 * MINUTE


def _finish(poller: Poller, batch: Batch, life: int, outcome: Outcome) -> None:
    poller.finished(batch, life, outcome.answer, failed=outcome.fault is not None)


def _foreseen(fault: BaseException) -> bool:
    """Whether a function may end so when AWS fails."""
    if isinstance(fault, BaseExceptionGroup):
        return all(map(_foreseen, fault.exceptions))
    return isinstance(fault, ClientError | BotoCoreError | LostRaceError | NotAcceptedError | CrashError)
