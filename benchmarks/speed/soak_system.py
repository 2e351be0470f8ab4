"""The local deployment that a soak runs against, and what can be seen of it from outside."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.speed.soak_figures import Account
from drift_consumer.series import NAMELESS, NO_COLUMNS, QUARANTINE
from drift_consumer.window_store import WindowStore
from drift_core.baseline import Baseline
from drift_core.bundle import BASELINE_FILE, MANIFEST_FILE, Manifest
from drift_core.event import PREDICTION
from scripts.bundles import LoadedBundle
from scripts.deployment import activate, build, deploy_stack, upload_bundle
from scripts.local_aws import LocalAws
from scripts.process import run
from scripts.stack import LOCAL, Stack, Target

PARAMETERS = {
    "WindowSeconds": "60",
    "GraceSeconds": "10",
    "BatchingWindowSeconds": "1",
    "ThrottleRate": "10000",
    "ThrottleBurst": "5000",
}
"""Short windows, so that many are judged; a throttle that the loop does not reach."""

FUNCTION_NAME = b"AWS_LAMBDA_FUNCTION_NAME="

LONG_AGO = 0
FAR_AWAY = 2**43
"""UTC milliseconds beyond any window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A deployed stack with its bundle."""

    stack: Stack
    bundle: LoadedBundle
    baseline: Baseline
    aws: LocalAws

    def counted(self) -> tuple[int, int]:
        """Records in the window states, and the time of the newest event in UTC milliseconds."""
        windows = WindowStore(self.stack.client("dynamodb"), self.stack.outputs["WindowTableName"])
        number, newest = 0, 0
        for model in (self.bundle.manifest.model_name, NAMELESS):
            for series in windows.series_of(model):
                layout = self.baseline.layout if series.kind == PREDICTION else NO_COLUMNS
                if series.kind not in (PREDICTION, QUARANTINE):
                    continue
                for item in windows.span(series, layout, LONG_AGO, FAR_AWAY):
                    number += item.state.n
                    newest = max(newest, item.state.last_event)
        return number, newest

    def account(self, sent: frozenset[str], broken: int) -> Account:
        """What lies in the archive, read from its files."""
        refused = self._column("quarantine/", "sequence_number")
        rows = self._column("predictions/", "event_id")
        archived = frozenset(rows)
        return Account(
            sent=sent,
            archived=archived,
            broken=broken,
            quarantined=len(set(refused)),
            copies=len(rows) - len(archived),
        )

    def _column(self, prefix: str, name: str) -> list[str]:
        s3, bucket = self.stack.client("s3"), self.stack.outputs["ArchiveBucketName"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found: list[str] = []
        for key in [entry["Key"] for page in pages for entry in page.get("Contents", ())]:
            content = io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            found += pq.read_table(content, columns=[name])[name].to_pylist()
        return found

    def waiting_in_queue(self) -> int:
        """Events that the stream did not take and that wait in the fallback queue."""
        url = self.stack.outputs["FallbackQueueUrl"]
        found = self.stack.client("sqs").get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(found["Attributes"]["ApproximateNumberOfMessages"])

    def memory(self) -> dict[str, int]:
        """Resident bytes of the local AWS, and of each function's processes together."""
        group = int((self.aws.state / "pid").read_text())
        found: dict[str, int] = {}
        for process in Path("/proc").iterdir():
            if process.name.isdecimal() and (told := _process(process, group)):
                name, size = told
                found[name] = found.get(name, 0) + size
        return found


def _process(process: Path, group: int) -> tuple[str, int] | None:
    """Name and resident bytes of a process of the group; None of others, and of one that has ended."""
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        if int(fields[2]) != group:
            return None
        size = int(fields[21]) * 4096
        variables = (process / "environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    named = [one.partition(b"=")[2].decode() for one in variables if one.startswith(FUNCTION_NAME)]
    return (_short(named[0]) if named else "local AWS"), size


def _short(function: str) -> str:
    """The function's role in its name."""
    roles = ("Ingest", "Consumer", "Evaluator")
    return next((role for role in roles if role.lower() in function.lower()), function)


@contextmanager
def deployed(folder: Path) -> Iterator[System]:
    """Train, build, deploy to a local AWS of its own, and stop that at the end."""
    aws = LocalAws(folder / "aws")
    aws.start(port=0)
    try:
        out = run([sys.executable, "-m", "training", "--generate", "5000", "--out", str(folder / "bundles")])
        manifest = Manifest.from_json((Path(out) / MANIFEST_FILE).read_bytes())
        build(LOCAL, folder=folder / "sam")
        target = Target.load(LOCAL, state=aws.state)
        stack = deploy_stack(
            target, manifest, say=lambda _: None, folder=folder / "sam", parameters=PARAMETERS
        )
        activate(stack, upload_bundle(stack, Path(out)))
        yield System(
            stack=stack,
            bundle=LoadedBundle.of_folder(Path(out)),
            baseline=Baseline.from_json((Path(out) / BASELINE_FILE).read_bytes()),
            aws=aws,
        )
    finally:
        aws.stop()


def now_ms() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000
