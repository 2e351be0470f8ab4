"""A stream in memory that refuses records as a test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from scripts.kinesis_writer import KinesisWriter


class FakeStream:
    """Refuses positions: one set a call; what it takes is kept in order."""

    def __init__(self, *refusals: set[int], around: Callable[[Callable[[], Any]], Any] | None = None) -> None:
        self.refusals = list(refusals)
        self.around = around or (lambda call: call())
        self.taken: list[bytes] = []
        self.keys: list[str] = []
        self.calls: list[int] = []

    def put_records(self, *, StreamName: str, Records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        assert StreamName == "stream"

        def put() -> dict[str, Any]:
            self.calls.append(len(Records))
            refused = self.refusals.pop(0) if self.refusals else set()
            for i, record in enumerate(Records):
                if i not in refused:
                    self.taken.append(record["Data"])
                    self.keys.append(record["PartitionKey"])
            code = "ProvisionedThroughputExceededException"
            return {"Records": [{"ErrorCode": code} if i in refused else {} for i in range(len(Records))]}

        answer: dict[str, Any] = self.around(put)
        return answer

    def writer(self, attempts: int = 10) -> KinesisWriter:
        return KinesisWriter(
            client=self, stream="stream", attempts=attempts, remedy="run it again", sleep=lambda _: None
        )
