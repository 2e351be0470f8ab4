"""The steps of the demo, each with what it proved and how long it took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from queries.athena import Athena
from scripts.api import ApiClient
from scripts.api_traffic import ApiTraffic
from scripts.bundles import LoadedBundle
from scripts.demo_errors import DemoError
from scripts.demo_report import served, written
from scripts.demo_screen import Screen
from scripts.demo_stack import deployed, prepared
from scripts.demo_story import Story, record
from scripts.demo_summary import Summary
from scripts.demo_table import windows_table
from scripts.demo_watch import Watcher, clock, iso, wait_for_verdicts
from scripts.deployment import parameters_of
from scripts.kinesis_writer import KinesisWriter
from scripts.local_aws import LocalAws
from scripts.pace import Pace
from scripts.query import show
from scripts.question import Question, question_names
from scripts.recorded import entries
from scripts.recorded_table import TableReader
from scripts.sending import Progress, Sender
from scripts.sources import Source
from scripts.stack import LOCAL, PROJECT, Stack
from scripts.traffic import Plan, drawn

QUESTIONS = ("reconciliation", "guilty_features", "quarantine_reasons")
"""What is asked at the end."""

_ARCHIVE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is trained and how much is sent.

    Attributes
    ----------
    training : options of `python -m training`.
    requests, instances : through the API, and in each request.
    patience : seconds to wait for verdicts, alarm and notification; the scheduler ticks once a minute.
    live : serve the report while windows are judged, and for as long as the local AWS runs.
    """

    training: tuple[str, ...]
    requests: int = 40
    instances: int = 25
    patience: float = 240.0
    live: bool = False


@dataclass(slots=True, kw_only=True)
class Demo:
    """One run; `summary` holds what is known so far.

    Attributes
    ----------
    aws : started by `play`; whoever made it stops it.
    folder : for the recordings and the built functions.
    """

    screen: Screen
    aws: LocalAws
    folder: Path
    options: Options
    summary: Summary = field(default_factory=Summary)

    def play(self) -> None:
        """All steps, in order; raises at the first that fails."""
        self.summary.seconds = self.screen.seconds
        folder = prepared(self.screen, self.aws, self.folder, self.options.training)
        bundle = LoadedBundle.of_folder(folder)
        stack = deployed(self.screen, self.aws, self.folder, folder)
        story = record(
            bundle, self.folder, window_seconds=int(parameters_of(LOCAL)["WindowSeconds"]), now_ms=_now_ms()
        )
        watcher = Watcher.of(stack, bundle.manifest.model_name)
        self._send_requests(stack, bundle)
        self._replay(stack, story)
        url = self._serve() if self.options.live else None
        self._watch(story, watcher)
        self._account(watcher)
        self._ask(stack, story)
        self._report(stack, url)
        self.screen.conclude(self.summary.checks())

    def _send_requests(self, stack: Stack, bundle: LoadedBundle) -> None:
        with self.screen.step("send requests") as tell:
            number = self.options.requests * self.options.instances
            plan = Plan(start_ms=0, windows=1, rows=number, window_seconds=60, seed=1)
            traffic = ApiTraffic(connect=partial(ApiClient, stack), batch=self.options.instances)
            traffic.predict(bundle.instances(drawn(bundle, plan)), lambda _: None)
            counts = traffic.counts
            self.summary.requests_sent, self.summary.responses_ok = counts.requests, counts.ok
            self.summary.events_captured += counts.captured
            if counts.refused:
                raise DemoError(f"the API refused requests: {next(iter(counts.why.values()))}")
            tell(
                f"{counts.ok} signed requests, {counts.captured:,} predictions",
                f"each is answered with its interval; median {median(counts.seconds) * 1000:.0f} ms",
            )

    def _replay(self, stack: Stack, story: Story) -> None:
        self.summary.drift_injected_at, self.summary.feature_changed = iso(story.injected_ms), story.feature
        with self.screen.step("replay normal") as tell:
            sent = self._send(stack, story, story.normal)
            tell(
                f"{sent:,} events, {story.normal_windows} windows of {story.window_seconds} s "
                f"from {clock(story.first_ms)}",
                "any producer may write to the stream",
            )
        with self.screen.step("replay drifting") as tell:
            sent = self._send(stack, story, story.drifting)
            tell(
                f"{sent:,} events, {story.drifting_windows} windows from {clock(story.injected_ms)}, "
                f"{story.broken} events are broken",
                f"{story.feature} is one standard deviation higher there",
            )

    def _send(self, stack: Stack, story: Story, recording: Path) -> int:
        """Send a file; how many records were accepted."""
        source = Source.of(str(recording), lambda: None)
        stream = stack.outputs["StreamName"]
        counts = Sender(
            writer=KinesisWriter(client=stack.client("kinesis"), stream=stream),
            pace=Pace(rate=None, speed=None),
            progress=Progress(recording=source.digest, stream=stream, shift_ms=story.shift_ms),
            keep_bad=True,
        ).send(entries(source, TableReader()))
        self.summary.events_captured += counts.accepted
        return counts.accepted

    def _watch(self, story: Story, watcher: Watcher) -> None:
        """Wait until each window of the recording is judged and the alarm has told us."""
        with self.screen.step("judge the windows", spinner=False) as tell:
            table = partial(windows_table, story.starts, watcher.verdicts, injected_ms=story.injected_ms)
            wait_for_verdicts(
                watcher, story.starts, table, self.screen.console, patience=self.options.patience
            )
            seen = [watcher.verdicts[start] for start in story.starts if start in watcher.verdicts]
            drifted = [verdict for verdict in seen if verdict.drift]
            self.summary.windows_judged = len(seen)
            self.summary.first_drift_window_start = iso(drifted[0].start_ms) if drifted else None
            self.summary.drift_verdicts_before_injection = sum(
                verdict.start_ms < story.injected_ms for verdict in drifted
            )
            self.summary.drifted_features = list(dict.fromkeys(name for v in drifted for name in v.guilty))
            self.summary.alarm_history = watcher.changes
            self.summary.notifications_received = len(watcher.notifications)
            tell(
                f"{len(seen)} of {len(story.starts)} windows, {len(drifted)} drifted",
                "the schedule judged each once, in order",
            )
        for told in watcher.notifications[:1]:
            self.screen.note(f"message: {told['Subject']}")
            for line in told["Message"].splitlines()[1:]:
                self.screen.note(f"         {line}" if line else "")
        if len(seen) < len(story.starts):
            raise DemoError(
                f"{len(story.starts) - len(seen)} windows had no verdict "
                f"after {self.options.patience:.0f} s; see {self.aws.state / 'log'}"
            )

    def _serve(self) -> str:
        url = served()
        self.screen.note(f"live report, renewed as windows are judged: {url}")
        return url

    def _report(self, stack: Stack, url: str | None) -> None:
        with self.screen.step("write the report") as tell:
            file = self.folder / "report.html"
            headline = written(stack, file)
            self.summary.report_names_the_feature = (self.summary.feature_changed or "?") in headline
            live = f", and live at {url}" if url else ""
            tell(f"{file.relative_to(PROJECT)}{live}", headline)

    def _account(self, watcher: Watcher) -> None:
        with self.screen.step("count the archive") as tell:
            end = time.monotonic() + _ARCHIVE_SECONDS
            while True:
                archived = watcher.rows("predictions/", "event_id")
                refused = watcher.rows("quarantine/", "shard_id", "sequence_number")
                if archived + refused >= self.summary.events_captured or time.monotonic() > end:
                    break
                time.sleep(1)
            self.summary.rows_archived, self.summary.rows_quarantined = archived, refused
            tell(f"{archived:,} rows archived + {refused} quarantined", "nothing is dropped in silence")

    def _ask(self, stack: Stack, story: Story) -> None:
        athena = Athena(
            client=stack.client("athena"),
            workgroup=stack.outputs["AthenaWorkgroupName"],
            database=stack.outputs["GlueDatabaseName"],
        )
        since = {"since": iso(story.first_ms)[:10]}
        with self.screen.step("ask Athena") as tell:
            answers = {name: athena.ask(Question.load(name).sql(since)) for name in QUESTIONS}
            self.summary.athena = {name: len(answer.rows) for name, answer in answers.items()}
            counted = answers["reconciliation"]
            position = counted.columns.index("captured")
            self.summary.rows_counted_by_athena = sum(int(row[position] or 0) for row in counted.rows)
            tell(
                f"{len(answers)} of the {len(question_names())} questions in queries/",
                "all of it is open to SQL",
            )
        for name in QUESTIONS:
            self.screen.show(show(Question.load(name).title, answers[name], limit=20))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
