"""Stand-ins for AWS that fail as they are told to, and a clock that moves only when it is told to."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

type Fault = Exception | dict[int, str]
"""A whole call's exception, or the error code by position of the entries that fail."""


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "arn:aws:private"}}, "Operation")


@dataclass
class Clock:
    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Faults:
    """One fault a call; none once they are used up, or `always` the same."""

    planned: Iterable[Fault] = ()
    always: Fault | None = None
    clock: Clock | None = None
    call_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._rest = iter(self.planned)

    def next(self) -> dict[int, str]:
        if self.clock:
            self.clock.now += self.call_seconds
        fault = next(self._rest, self.always or {})
        if isinstance(fault, Exception):
            raise fault
        return fault


@dataclass
class FakeKinesis:
    """Takes records but for those of the faults; `calls` has the partition keys of each call."""

    faults: Faults = field(default_factory=Faults)
    calls: list[list[str]] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        assert StreamName == "stream"
        self.calls.append([record["PartitionKey"] for record in Records])
        failing = self.faults.next()
        self.taken += [record["Data"] for i, record in enumerate(Records) if i not in failing]
        results = [
            {"ErrorCode": failing[i], "ErrorMessage": "slow down"}
            if i in failing
            else {"SequenceNumber": "1"}
            for i in range(len(Records))
        ]
        return {"FailedRecordCount": len(failing), "Records": results}


@dataclass
class FakeSqs:
    """Takes messages but for those of the faults; `calls` has the bodies of each call."""

    faults: Faults = field(default_factory=Faults)
    calls: list[list[str]] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        assert QueueUrl == "queue"
        self.calls.append([entry["MessageBody"] for entry in Entries])
        failing = self.faults.next()
        self.taken += [entry["MessageBody"] for i, entry in enumerate(Entries) if i not in failing]
        answer: dict[str, Any] = {
            "Successful": [{"Id": e["Id"]} for i, e in enumerate(Entries) if i not in failing]
        }
        if failing:
            answer["Failed"] = [
                {"Id": Entries[i]["Id"], "Code": code, "SenderFault": False} for i, code in failing.items()
            ]
        return answer


@dataclass
class FakeStore[T]:
    """Bundles by version; a pointer or a bundle may be an exception to raise."""

    bundles: dict[str, T | Exception]
    version: str | Exception
    asked: int = 0
    loaded: list[str] = field(default_factory=list)

    def active_version(self) -> str:
        self.asked += 1
        if isinstance(self.version, Exception):
            raise self.version
        return self.version

    def load(self, version: str) -> T:
        self.loaded.append(version)
        found = self.bundles[version]
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class FakeS3:
    """Objects by key of the bucket "models"; an exception as content is raised."""

    objects: dict[str, bytes | Exception] = field(default_factory=dict)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket == "models"
        content = self.objects.get(Key, client_error("NoSuchKey"))
        if isinstance(content, Exception):
            raise content
        return {"Body": io.BytesIO(content)}


@dataclass
class FakeSsm:
    """The active version and the plan of the shadow; an exception as a value is raised."""

    value: str | Exception
    shadow: str | Exception = "none"

    def get_parameter(self, *, Name: str) -> dict[str, Any]:
        folder, _, name = Name.rpartition("/")
        assert folder == "/driftline/house-prices"
        value = {"active-bundle": self.value, "shadow-bundle": self.shadow}[name]
        if isinstance(value, Exception):
            raise value
        return {"Parameter": {"Name": Name, "Value": value}}
