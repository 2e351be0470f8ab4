"""Traffic through the API: batches of instances, a few requests at a time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError

from drift_core.schema import Scalar

type Instance = Mapping[str, Scalar]


class Caller(Protocol):
    """Calls the API; `scripts.api.ApiClient` is the real one."""

    def call(self, method: str, path: str, body: object = None) -> Any:
        """An answer with `status` and `body`."""


@dataclass(slots=True, kw_only=True)
class ApiCounts:
    """What became of the requests.

    Attributes
    ----------
    refused : answers other than 200, by status; 0 stands for no answer.
    captured : predictions and labels that the API answered for.
    seconds : of each answered request, as the client saw it.
    why : first text of each refusal, by status.
    """

    requests: int = 0
    ok: int = 0
    captured: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    why: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTraffic:
    """Sends requests and counts the answers.

    Attributes
    ----------
    connect : makes a caller; each thread has its own.
    batch : instances in one request.
    concurrency : requests under way at once.
    """

    connect: Callable[[], Caller]
    batch: int = 25
    concurrency: int = 4
    counts: ApiCounts = field(default_factory=ApiCounts)
    _local: threading.local = field(default_factory=threading.local)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def predict(self, instances: Sequence[Instance], done: Callable[[int], None]) -> list[str | None]:
        """Send instances.

        Returns
        -------
        Prediction ids in order; None where the request was refused.
        """
        batches = [instances[i : i + self.batch] for i in range(0, len(instances), self.batch)]
        ids: list[str | None] = []
        for batch, body in zip(batches, self._all("/predict", "instances", batches, done), strict=True):
            answered = body["predictions"] if body is not None else [None] * len(batch)
            ids += [row and row["prediction_id"] for row in answered]
        return ids

    def feedback(self, labels: Sequence[Mapping[str, object]], done: Callable[[int], None]) -> None:
        """Send labels: mappings with prediction_id and label."""
        batches = [labels[i : i + self.batch] for i in range(0, len(labels), self.batch)]
        self._all("/feedback", "labels", batches, done)

    def _all(
        self, path: str, field_name: str, batches: Iterable[Sequence[Any]], done: Callable[[int], None]
    ) -> list[Any]:
        def one(batch: Sequence[Any]) -> Any:
            body = self._one(path, {field_name: list(batch)}, len(batch))
            done(len(batch))
            return body

        with ThreadPoolExecutor(self.concurrency) as threads:
            return list(threads.map(one, batches))

    def _one(self, path: str, body: object, size: int) -> Any:
        """The answer's body; None if it was refused."""
        begun = time.perf_counter()
        try:
            if not hasattr(self._local, "caller"):
                self._local.caller = self.connect()
            answer = self._local.caller.call("POST", path, body)
            status, found = answer.status, answer.body
        except (BotoCoreError, ValueError) as error:  # no answer, or one that is not JSON
            status, found = 0, str(error)
        with self._lock:
            self.counts.requests += 1
            if 200 <= status < 300:
                self.counts.ok += 1
                self.counts.captured += size
                self.counts.seconds.append(time.perf_counter() - begun)
                return found
            self.counts.refused[status] += 1
            self.counts.why.setdefault(status, str(found)[:300])
            return None
