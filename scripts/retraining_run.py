"""The steps of the retraining demo: a world that changes unseen, then one that changes without harm."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.bundles import LoadedBundle, active_version
from scripts.demo_errors import DemoError
from scripts.demo_screen import Screen
from scripts.demo_stack import deployed, prepared, readable
from scripts.functions import invoke
from scripts.kinesis_writer import KinesisWriter
from scripts.local_aws import LocalAws
from scripts.pace import Pace
from scripts.process import run
from scripts.recorded import Entry
from scripts.retraining_story import HOUR_SECONDS, LABEL_DELAY_SECONDS, Phase
from scripts.retraining_summary import RetrainingSummary
from scripts.retraining_watch import RetrainingWatcher, time_of
from scripts.sending import Progress, Sender
from scripts.stack import Stack

TRAINING = (
    *("--generate", "8000", "--no-calibrate"),
    *("--retraining", "automatic", "--cool-down-hours", "0", "--label-grace-seconds", "1"),
)
"""The demo passes days in minutes, so neither labels nor retrainings wait."""

PARAMETERS = {"WindowSeconds": str(HOUR_SECONDS), "GraceSeconds": "1"}

CHANGED = {"concept": 1.0}
"""The law of the labels: houses larger than most cost a standard deviation more."""

AS_TRAINED = Phase(name="as trained", world={}, hours=6, rows=800, seed=1)
CONCEPT = Phase(name="the labels' law changes", world=CHANGED, hours=12, rows=800, seed=2)
RETRAINED = Phase(name="the new version serves", world=CHANGED, hours=6, rows=800, seed=3)
BENIGN = Phase(name="an input drifts", world={**CHANGED, "benign": 1.0}, hours=6, rows=800, seed=4)
PHASES = (AS_TRAINED, CONCEPT, RETRAINED, BENIGN)

ALARM_SECONDS = 61.0
"""An alarm looks at the largest number of a minute; on AWS the function's next run is an hour later."""

_HOUR_MS = HOUR_SECONDS * 1000


@dataclass(slots=True, kw_only=True)
class RetrainingDemo:
    """One run; `summary` holds what is known so far.

    Attributes
    ----------
    aws : started by `play`; whoever made it stops it.
    folder : for the built functions.
    patience : seconds to wait for what a step leads to.
    """

    screen: Screen
    aws: LocalAws
    folder: Path
    patience: float = 180.0
    summary: RetrainingSummary = field(default_factory=RetrainingSummary)

    def play(self) -> None:
        """All steps, in order; raises at the first that fails."""
        self.summary.seconds = self.screen.seconds
        bundle = prepared(self.screen, self.aws, self.folder, TRAINING)
        stack = deployed(self.screen, self.aws, self.folder, bundle, PARAMETERS)
        first = self._world = LoadedBundle.of_stack(stack)
        self.summary.training_mae = first.manifest.metrics["mae"]
        self.summary.first_version = first.manifest.model_version
        watcher = RetrainingWatcher.of(stack, first.manifest.model_name)
        self._as_trained(stack, watcher)
        self._concept(stack, watcher)
        self._retrain(stack, watcher)
        self._retrained(stack, watcher)
        self._benign(stack, watcher)
        self.screen.show(self.summary.table())
        self.screen.conclude(self.summary.checks())

    def _as_trained(self, stack: Stack, watcher: RetrainingWatcher) -> None:
        with self.screen.step(AS_TRAINED.name, spinner=False) as tell:
            self._pass(stack, watcher, AS_TRAINED)
            documents = watcher.quality(*self._span(AS_TRAINED))
            self.summary.alarms_before = sum(map(_degraded, documents))
            self.summary.realised_before = _mae(documents)
            mae = readable(self.summary.realised_before)
            tell(
                f"{_rows(documents):,} predictions, labels two hours later, MAE {mae}",
                f"training promised {readable(self.summary.training_mae or 0.0)}",
            )
            self.summary.tell("hour 0", f"traffic as trained; its labels say MAE {mae}", "quality function")

    def _concept(self, stack: Stack, watcher: RetrainingWatcher) -> None:
        with self.screen.step(CONCEPT.name, spinner=False) as tell:
            self._pass(stack, watcher, CONCEPT)
            documents = watcher.quality(*self._span(CONCEPT))
            verdicts = watcher.verdicts(self._span(AS_TRAINED)[0], self._span(CONCEPT)[1])
            explained = watcher.explained(*self._span(CONCEPT))
            self.summary.realised_changed = _mae(documents)
            self.summary.estimated_changed = sum(one["estimated_mae"] for one in explained) / len(explained)
            self.summary.quiet_drift_verdicts = sum(one["drift"] for one in verdicts)
            alarming = [i for i, one in enumerate(documents) if _degraded(one)]
            self.summary.detected_after_hours = alarming[0] + 1 if alarming else None
            self.summary.quality_alarm = watcher.alarm("quality")
            self._alarmed = time.monotonic()
            realised = readable(self.summary.realised_changed)
            estimated = readable(self.summary.estimated_changed)
            quiet = f"{len(verdicts)} verdicts on the inputs, {self.summary.quiet_drift_verdicts} of drift"
            tell(f"{quiet}; MAE {realised}, alarm {self.summary.quality_alarm}", "only labels can tell it")
        begun = AS_TRAINED.hours
        self.summary.tell(
            f"hour {begun}", "larger houses begin to cost more; nothing in a request shows it", "-"
        )
        self.summary.tell(f"hour {begun}-{begun + CONCEPT.hours}", quiet, "evaluator")
        self.summary.tell(
            "the same hours", f"estimated MAE {estimated}: it cannot see this", "quality function"
        )
        self.summary.tell(
            f"hour {begun + (self.summary.detected_after_hours or 0)}",
            f"labels: MAE {realised} in these hours; alarm quality is in {self.summary.quality_alarm}",
            "quality function",
        )

    def _retrain(self, stack: Stack, watcher: RetrainingWatcher) -> None:
        with self.screen.step("retrain", spinner=False) as tell:
            wanted = watcher.wanted(self.patience)
            if wanted is None:
                raise DemoError(f"no event asked to retrain within {self.patience:.0f} s")
            self.summary.wanted = wanted["reason"]
            self._train(stack, str(wanted["reason"]), str(wanted["since"]))
            second = LoadedBundle.of_stack(stack).manifest
            self.summary.second_version = second.model_version
            result = second.training.get("retrained", {})
            figures = {name: readable(value) for name, value in result.items() if isinstance(value, float)}
            compared = f"MAE {figures.get('mae_before', '?')} → {figures.get('mae_after', '?')}"
            tell(f"challenger {second.model_version}: {compared}", "better by more than the margin")
        at = f"hour {AS_TRAINED.hours + CONCEPT.hours}"
        self.summary.tell(at, f"RetrainingWanted: {wanted['reason']}, since {wanted['since']}", "EventBridge")
        self.summary.tell(
            at, "python -m scripts.retrain, in place of CodeBuild, which the local AWS has not", "-"
        )
        self.summary.tell(at, f"{second.model_version} promoted: {compared} on the latest labels", "retrain")

    def _retrained(self, stack: Stack, watcher: RetrainingWatcher) -> None:
        with self.screen.step(RETRAINED.name, spinner=False) as tell:
            time.sleep(max(0.0, self._alarmed + ALARM_SECONDS - time.monotonic()))
            self._pass(stack, watcher, RETRAINED)
            self.summary.realised_after = _mae(watcher.quality(*self._span(RETRAINED)))
            self.summary.quality_alarm_after = watcher.alarm("quality")
            mae = readable(self.summary.realised_after)
            tell(f"MAE {mae}, alarm {self.summary.quality_alarm_after}", "the damage is gone")
        self.summary.tell(
            f"hour {sum(phase.hours for phase in PHASES[:3])}",
            f"labels: MAE {mae}; alarm quality is in {self.summary.quality_alarm_after}",
            "quality function",
        )

    def _benign(self, stack: Stack, watcher: RetrainingWatcher) -> None:
        with self.screen.step(BENIGN.name, spinner=False) as tell:
            self._pass(stack, watcher, BENIGN)
            verdicts = watcher.verdicts(*self._span(BENIGN))
            self.summary.benign_drift_verdicts = sum(one["drift"] for one in verdicts)
            self.summary.benign_error = _mae(watcher.quality(*self._span(BENIGN)))
            guilty = next((one["guilty"][0] for one in verdicts if one["guilty"]), "nothing")
            self._train(stack, "drift", verdicts[0]["start"])
            self.summary.third_version = active_version(stack)
            mae = readable(self.summary.benign_error)
            tell(
                f"{self.summary.benign_drift_verdicts} verdicts of drift, MAE {mae}; challenger refused",
                "drift is a hint, and being wrong is the damage",
            )
        first, last = sum(phase.hours for phase in PHASES[:3]), sum(phase.hours for phase in PHASES)
        self.summary.tell(f"hour {first}", f"{guilty} drifts, which the model hardly uses", "evaluator")
        self.summary.tell(f"hour {last}", f"labels: MAE {mae}, as before", "quality function")
        self.summary.tell(
            f"hour {last}", f"a challenger is no better; {self.summary.third_version} goes on", "retrain"
        )

    def _span(self, phase: Phase) -> tuple[int, int]:
        """Begin and end of a phase, UTC milliseconds; the last label of the last comes before now."""
        before = PHASES[: PHASES.index(phase)]
        start = self._first + sum(one.hours for one in before) * _HOUR_MS
        return start, start + phase.hours * _HOUR_MS

    _first: int = field(init=False)
    _world: LoadedBundle = field(init=False)
    _alarmed: float = field(init=False)

    def __post_init__(self) -> None:
        now = time.time_ns() // 1_000_000
        last = now - LABEL_DELAY_SECONDS * 1000  # a label that is ahead of the clock is refused
        self._first = (last // _HOUR_MS - sum(phase.hours for phase in PHASES)) * _HOUR_MS

    def _pass(self, stack: Stack, watcher: RetrainingWatcher, phase: Phase) -> None:
        """Send a phase's traffic, and wait until all of it and all its labels are judged."""
        start, end = self._span(phase)
        events = phase.events(LoadedBundle.of_stack(stack), start, first=self._world)
        stream = stack.outputs["StreamName"]
        sender = Sender(
            writer=KinesisWriter(client=stack.client("kinesis"), stream=stream),
            pace=Pace(rate=None, speed=None),
            progress=Progress(recording=phase.name, stream=stream),
        )
        sender.send(Entry(piece=0, row=row, events=(event,)) for row, event in enumerate(events, start=1))
        judged = range(start, end, _HOUR_MS)
        whole = phase.hours * phase.rows

        def seen_inputs() -> bool:
            found = watcher.verdicts(start, end)
            return [time_of(one["start"]) for one in found] == list(judged) and sum(
                one["n"] for one in found
            ) == whole

        def seen_labels() -> bool:
            found = watcher.quality(start, end)
            return sum(one["labelled"] for one in found) == whole and not any(map(_waits, found))

        def seen_samples() -> bool:
            return len(watcher.explained(start, end)) == phase.hours

        self._until(watcher, "EvaluatorFunction", seen_inputs, f"verdicts on {phase.name}")
        self._until(
            watcher,
            "QualityFunction",
            lambda: seen_labels() and seen_samples(),
            f"quality of {phase.name}",
        )

    def _until(
        self, watcher: RetrainingWatcher, logical_id: str, seen: Callable[[], bool], what: str
    ) -> None:
        """Run a scheduled function, without waiting for its schedule, until something is seen."""
        end = time.monotonic() + self.patience
        while not seen():
            if time.monotonic() > end:
                raise DemoError(f"no {what} within {self.patience:.0f} s; see {self.aws.state / 'log'}")
            time.sleep(1)
            invoke(watcher.stack, logical_id, self.patience)

    def _train(self, stack: Stack, reason: str, since: str) -> None:
        """What CodeBuild runs, by hand."""
        run(
            [
                *(sys.executable, "-m", "scripts.retrain", "--config-env", stack.target.config_env),
                *("--reason", reason, "--since", since, "--no-calibrate"),
            ],
            on_line=self.screen.note,
        )


def _degraded(document: Mapping[str, Any]) -> bool:
    return bool(document["degraded"])


def _waits(document: Mapping[str, Any]) -> bool:
    return bool(document["waiting"])


def _rows(documents: list[Mapping[str, Any]]) -> int:
    return sum(one["predictions"] for one in documents)


def _mae(documents: list[Mapping[str, Any]]) -> float:
    """Of all their labels."""
    labelled = sum(one["labelled"] for one in documents)
    return float(sum(one["mae"] * one["labelled"] for one in documents) / labelled)
