"""Retrain: a challenger learns from archived labels and takes over if it beats the champion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from drift_core.bundle import Manifest
from drift_core.policy import RetrainingMode
from queries.athena import Athena
from training.challenge import Trial
from training.challenger import Cause, challenge
from training.labelled import MOST_ROWS, Labelled, labelled
from training.lease import Guarded, RefusedError, lease
from training.store import BundleStore

_DAY_MS = 86_400_000


class Result(StrEnum):
    """What became of the challenger."""

    PROMOTED = "promoted"
    WAITING = "waits for approval"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who wants a retraining, and why.

    Attributes
    ----------
    run : who trains; no two have the same name.
    until : the last time whose predictions are read, UTC milliseconds; None for now.
    force : train though the mode is off or the last run has just concluded.
    """

    run: str
    cause: Cause
    until: int | None = None
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a retraining works with.

    Attributes
    ----------
    tell : publishes a subject and a text.
    say : tells whoever looks on how far it is.
    calibrate : as `training.train.train` takes it.
    most_rows : labelled predictions that are read at most, the newest.
    """

    store: BundleStore
    athena: Athena
    guarded: Guarded
    tell: Callable[[str, str], None]
    say: Callable[[str], None]
    calibrate: Callable[[float], None] | None = None
    most_rows: int = MOST_ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a retraining came to."""

    result: Result
    champion: str
    challenger: str
    trial: Trial

    def told(self, cause: Cause) -> str:
        """In words, for those who were not there."""
        then = {
            Result.PROMOTED: f"It is served now; to go back: python -m scripts.rollback {self.champion}",
            Result.WAITING: f"It is not served yet; to serve it: python -m scripts.promote {self.challenger}",
            Result.REFUSED: f"{self.champion} goes on being served.",
        }[self.result]
        return (
            f"Challenger {self.challenger} of {self.champion}: {self.result}.\n"
            f"Why it was trained: {cause.reason}.\n"
            f"Result: {self.trial.told()}.\n"
            f"{then}"
        )


def retrain(to: Services, request: Request) -> Outcome:
    """Train a challenger on labelled predictions; promote it if it is better and its intervals cover.

    Raises
    ------
    RefusedError
        If the policy, another run, the cool-down or too few labels forbid it.
    training.data.DataError
        If the labelled predictions cannot be trained on.
    training.store.StoreError
        If another version has been activated meanwhile.
    """
    champion = to.store.active()
    manifest = to.store.manifest(champion)
    policy = manifest.retraining
    if policy.mode is RetrainingMode.OFF and not request.force:
        raise RefusedError(
            f"the retraining policy of {champion} is off; add --force to retrain it by hand, or train with "
            f"--retraining approve or automatic and deploy"
        )
    to.say(f"champion: {champion}")
    held = lease(to.guarded, request.run, cool_down_hours=policy.cool_down_hours, force=request.force)
    with held as ours:
        rows = _rows(to, manifest, request)
        created_at = datetime.fromtimestamp(to.guarded.clock() / 1000, UTC)
        bundle, trial = challenge(
            manifest, rows, request.cause, created_at=created_at, calibrate=to.calibrate
        )
        challenger = bundle.manifest.model_version
        result = Result.REFUSED
        if trial.won:
            ours.renew()
            to.store.upload(bundle.manifest, bundle.files)
            result = Result.WAITING
            if policy.mode is RetrainingMode.AUTOMATIC:
                to.store.activate(challenger, instead_of=champion)
                result = Result.PROMOTED
        ours.conclude(f"{challenger} {result}")
    outcome = Outcome(result=result, champion=champion, challenger=challenger, trial=trial)
    to.tell(f"{manifest.model_name}: challenger {result}", outcome.told(request.cause))
    return outcome


def _rows(to: Services, manifest: Manifest, request: Request) -> Labelled:
    """What the challenger learns from and is judged on."""
    policy, since = manifest.retraining, request.cause.since
    until = to.guarded.clock() if request.until is None else request.until
    first, last = (
        datetime.fromtimestamp(time / 1000, UTC).date()
        for time in (until - policy.train_days * _DAY_MS, until)
    )
    found = labelled(to.athena, manifest, first, last, most=to.most_rows)
    to.say(
        f"{len(found):,} labelled predictions from {first} to {last}; "
        f"Athena read {found.scanned_bytes:,} bytes"
    )
    if len(found) < policy.min_labels:
        raise RefusedError(
            f"{len(found):,} predictions from {first} to {last} have a label and min_labels is "
            f"{policy.min_labels:,}: it may run when {policy.min_labels - len(found):,} more have come"
        )
    if since is None:
        return found
    after = found.since(since)
    if len(after) < policy.min_labels:
        to.say(f"only {len(after):,} of them since the incident began: all count")
        return found
    to.say(f"{len(after):,} of them since the incident began: only these count")
    return after
