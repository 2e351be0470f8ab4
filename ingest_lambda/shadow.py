"""The shadow: a challenger scored on a share of requests, beside the served version and never in its way.

All work is done by one thread, for which a request waits `SHADOW_SECONDS` at most: a slow challenger, or a
bundle that is long in loading, costs the answer no more. What goes wrong is told, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drift_core.event import Interval, PredictionEvent, ShadowEvent, new_event_id
from drift_core.shadow import ShadowPlan, check_challenger
from ingest_lambda.bundle import Served

SHADOW_SECONDS = 0.25
"""Longest time for which a request waits for its shadow, in seconds."""


class Store(Protocol):
    """Where the plan and the bundles come from; `ingest_lambda.bundle.BundleStore` is the real one."""

    def shadow_plan(self) -> ShadowPlan | None:
        """What to score in shadow."""

    def load(self, version: str) -> Served:
        """The bundle of a version."""


class LateError(Exception):
    """The challenger had not answered when the request could wait no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Challenger:
    """What is scored while `champion` is served; `served` is None when nothing is."""

    champion: str
    plan: ShadowPlan | None = None
    served: Served | None = None


class Shadow:
    """Keeps the challenger loaded and scores it.

    Parameters
    ----------
    refresh_seconds : age at which the plan is asked for again.
    clock : seconds, monotonic.
    failed : told of each fault, and how many predictions it cost; 1 while none could be made.
    seconds : longest time for which a request waits.
    """

    def __init__(
        self,
        store: Store,
        *,
        refresh_seconds: float,
        clock: Callable[[], float],
        failed: Callable[[Exception, int], None],
        seconds: float = SHADOW_SECONDS,
    ) -> None:
        self._store = store
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._failed = failed
        self._seconds = seconds
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shadow")
        self._loading: Future[_Challenger] | None = None
        self._scoring: Future[list[ShadowEvent]] | None = None
        self._challenger = _Challenger(champion="")
        self._due = clock()

    def events(self, champion: Served, told: Sequence[PredictionEvent]) -> list[ShadowEvent]:
        """What the challenger says of a request, if the request is one of those chosen; never raises.

        Parameters
        ----------
        champion : what is served.
        told : the served predictions, at least one, whose answer is made.

        Returns
        -------
        One event for each prediction, but for those of which the challenger has no finite prediction.
        """
        until = self._clock() + self._seconds
        cost = 1
        try:
            if not self._is_fresh(champion, until):
                return []
            plan, challenger = self._challenger.plan, self._challenger.served
            if plan is None or challenger is None or not plan.chooses(told[0].event_id):
                return []
            cost = len(told)
            return self._scored(challenger, told, until)
        except Exception as error:  # whatever it is: the answer is made, and the operator is told
            self._failed(error, cost)
            return []

    def _is_fresh(self, champion: Served, until: float) -> bool:
        """Whether the challenger is known, after the plan was asked for again if that was due.

        Only the request that begins to ask waits for the answer; those after it look whether it is there.
        """
        version = champion.manifest.model_version
        if self._loading is None and (self._challenger.champion != version or self._clock() >= self._due):
            self._due = self._clock() + self._refresh_seconds
            self._loading = self._worker.submit(self._load, champion, self._challenger)
            wait([self._loading], timeout=self._left(until))
        loading = self._loading
        if loading is not None:
            if not loading.done():
                return False
            self._loading = None
            if self._challenger.champion != version:  # a fault leaves the one before, if that is still right
                self._challenger = _Challenger(champion=version)
            self._challenger = loading.result()
        return self._challenger.champion == version

    def _left(self, until: float) -> float:
        return max(0.0, until - self._clock())

    def _load(self, champion: Served, before: _Challenger) -> _Challenger:
        version = champion.manifest.model_version
        plan = self._store.shadow_plan()
        if plan is None or plan.version == version:  # promoted: it is no shadow of itself
            return _Challenger(champion=version)
        known = before.served
        if known is None or known.manifest.model_version != plan.version:
            known = self._store.load(plan.version)
        check_challenger(champion.manifest, known.manifest)
        return _Challenger(champion=version, plan=plan, served=known)

    def _scored(self, challenger: Served, told: Sequence[PredictionEvent], until: float) -> list[ShadowEvent]:
        if self._scoring is not None and not self._scoring.done():
            raise LateError("the challenger still works at an earlier request")
        self._scoring = self._worker.submit(shadow_events, challenger, told)
        try:
            events = self._scoring.result(timeout=self._left(until))
        except TimeoutError:
            raise LateError(f"the challenger took longer than {self._seconds:g} s") from None
        if len(events) < len(told):
            self._failed(ValueError("the challenger has no finite prediction"), len(told) - len(events))
        return events


def shadow_events(challenger: Served, told: Sequence[PredictionEvent]) -> list[ShadowEvent]:
    """What a challenger would have answered, for each served prediction of which it knows a finite answer."""
    manifest = challenger.manifest
    found = challenger.model.predict(manifest.schema.encode([event.features for event in told]))
    columns = (found.values, found.lower, found.upper, found.confidence)
    finite = np.isfinite(np.stack(columns)).all(axis=0)
    rows = zip(told, finite.tolist(), *(column.tolist() for column in columns), strict=True)
    return [
        ShadowEvent(
            event_id=new_event_id(event.event_time),
            event_time=event.event_time,
            model_name=manifest.model_name,
            model_version=manifest.model_version,
            features=event.features,
            prediction=value,
            interval=Interval(lower=lower, upper=upper, coverage=manifest.interval.coverage),
            confidence=confidence,
            source=event.source,
            prediction_id=event.event_id,
        )
        for event, known, value, lower, upper, confidence in rows
        if known
    ]
