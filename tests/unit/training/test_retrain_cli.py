"""`python -m training retrain`: names from the environment, what it says, and with which code it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from drift_core.bundle import MANIFEST_FILE, Manifest
from drift_core.policy import QualityPolicy, RetrainingMode, RetrainingPolicy
from queries.athena import AthenaError
from training import retrain_cli
from training.challenge import Trial
from training.cli import app
from training.data import DataError
from training.lease import RefusedError
from training.retrain import Outcome, Request, Services
from training.retrain import Result as Decision

NAMES = {
    "MODEL_NAME": "house-prices",
    "MODELS_BUCKET": "models",
    "WINDOW_TABLE": "windows",
    "ATHENA_WORKGROUP": "workgroup",
    "GLUE_DATABASE": "database",
    "ACTIVE_BUNDLE_PARAMETER": "/driftline/house-prices/active-bundle",
    "ALARM_TOPIC_ARN": "arn:aws:sns:eu-west-1:000000000000:alarms",
}
ENVIRONMENT = {
    **NAMES,
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
}
TRIAL = Trial(
    rows=400,
    champion_mae=20.0,
    challenger_mae=15.0,
    bound=4.0,
    needed=0.4,
    coverage=0.9,
    promised=0.9,
    coverage_p=0.5,
)


class Retraining:
    """Stands for `training.retrain.retrain`."""

    def __init__(self, ends: Exception | Decision) -> None:
        self.ends = ends
        self.asked: list[tuple[Services, Request]] = []

    def __call__(self, to: Services, request: Request) -> Outcome:
        self.asked.append((to, request))
        if isinstance(self.ends, Exception):
            raise self.ends
        return Outcome(result=self.ends, champion="v1", challenger="v2", trial=TRIAL)


def ended(
    monkeypatch: pytest.MonkeyPatch, ends: Exception | Decision, *options: str, **more: str
) -> tuple[Result, Any]:
    found = Retraining(ends)
    monkeypatch.setattr(retrain_cli, "retrain", found)
    done = CliRunner().invoke(app, ["retrain", *options], env={**ENVIRONMENT, "COLUMNS": "200", **more})
    return done, found


def test_a_build_tells_it_all_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"REASON": "quality", "SINCE": "2026-01-01T12:00:00Z", "CODEBUILD_BUILD_ID": "project:1"}
    done, found = ended(monkeypatch, Decision.PROMOTED, **told)
    assert done.exit_code == 0, done.output
    ((to, request),) = found.asked
    assert (request.run, request.cause.reason, request.force) == ("project:1", "quality", False)
    assert (request.cause.since, request.until) == (1_767_268_800_000, None)
    assert (to.store.bucket, to.store.parameter, to.store.model_name) == (
        "models",
        NAMES["ACTIVE_BUNDLE_PARAMETER"],
        "house-prices",
    )
    assert (to.athena.workgroup, to.athena.database, to.guarded.table) == ("workgroup", "database", "windows")
    assert to.calibrate is not None
    assert "Challenger v2 of v1: promoted." in done.output
    assert "to go back: python -m scripts.rollback v1" in done.output


@pytest.mark.parametrize(
    ("result", "then"),
    [
        (Decision.WAITING, "to serve it: python -m scripts.promote v2"),
        (Decision.REFUSED, "v1 goes on being served."),
    ],
)
def test_every_decision_says_what_follows(
    monkeypatch: pytest.MonkeyPatch, result: Decision, then: str
) -> None:
    done, _ = ended(monkeypatch, result)
    assert (done.exit_code, then in done.output) == (0, True), done.output


def test_by_hand_each_run_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    names = set()
    for _ in range(2):
        _, found = ended(monkeypatch, Decision.REFUSED, "--force", "--no-calibrate", "--until", "2026-01-02")
        ((to, request),) = found.asked
        names.add(request.run)
        assert (request.cause.reason, request.cause.since, request.until) == (
            "by hand",
            None,
            1_767_312_000_000,
        )
        assert (request.force, to.calibrate) == (True, None)
    assert len(names) == 2


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (RefusedError("it may run at noon"), 0, "not now: it may run at noon"),
        (AthenaError("Athena: failed: too many bytes"), 1, "error: Athena: failed: too many bytes"),
        (DataError("column 'name' holds 'Ada'"), 1, "error: column 'name' holds 'Ada'"),
    ],
)
def test_what_ends_it_early(monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, told: str) -> None:
    done, _ = ended(monkeypatch, error)
    assert (done.exit_code, told in done.output) == (code, True), done.output


def test_the_log_of_a_build_shows_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    done, _ = ended(monkeypatch, DataError("column 'name' holds 'Ada'"), CODEBUILD_BUILD_ID="project:1")
    assert done.exit_code == 1
    assert "error: DataError: python -m scripts.retrain --force by hand tells more" in done.output
    assert "Ada" not in done.output


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_time_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    done, found = ended(monkeypatch, Decision.REFUSED, option, "yesterday")
    assert (done.exit_code, found.asked) == (2, [])
    assert f"{option} is 'yesterday'; write ISO 8601 such as 2026-01-31T12:00:00Z" in done.output


def test_a_name_that_is_missing_is_asked_for() -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "WINDOW_TABLE"}
    done = CliRunner().invoke(app, ["retrain"], env={**environment, "COLUMNS": "200"})
    assert done.exit_code == 2
    assert "--window-table" in done.output


def test_the_policies_of_a_bundle_are_options_of_its_training(tmp_path: Path) -> None:
    options = (
        "--generate 600 --no-calibrate --retraining approve --retrain-min-labels 300 --retrain-margin 0.1"
    )
    options += " --cool-down-hours 2 --label-window-hours 6 --min-labels 40 --label-grace-seconds 5"
    options += " --retrain-drift-hours 3 --retrain-days 9"
    done = CliRunner().invoke(app, [*options.split(), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    manifest = Manifest.from_json((Path(done.output.splitlines()[-1]) / MANIFEST_FILE).read_bytes())
    assert manifest.retraining == RetrainingPolicy(
        mode=RetrainingMode.APPROVE,
        min_labels=300,
        margin=0.1,
        cool_down_hours=2,
        drift_hours=3,
        train_days=9,
    )
    assert manifest.quality == QualityPolicy(window_hours=6, min_labels=40, label_grace_seconds=5)
    refused = CliRunner().invoke(app, ["--generate", "600", "--retrain-margin", "1"], env={"COLUMNS": "200"})
    assert (refused.exit_code, "margin is 1.0; give a share from 0, below 1" in refused.output) == (2, True)
