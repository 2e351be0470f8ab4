"""Retraining from archive to pointer: moto's AWS, Athena's SQL on DuckDB, and real training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from drift_core.bundle import MANIFEST_FILE, MODEL_FILE, BundleError, Manifest, bundle_prefix
from drift_core.guard import Guard
from drift_core.policy import QualityPolicy, RetrainingMode, RetrainingPolicy
from queries.athena import Athena
from queries.guard import read_guard, write_guard
from scripts import promote, rollback
from scripts.stack import Stack, Target
from tests.unit.queries.duck_athena import DuckAthena
from training.bundle import Bundle
from training.challenger import Cause, challenge
from training.export import run
from training.labelled import Labelled
from training.lease import Guarded, RefusedError
from training.retrain import Request, Services, retrain
from training.retrain import Result as Decision
from training.store import BundleStore, StoreError
from training.train import train

MODEL = "house-prices"
PARAMETER = f"/driftline/{MODEL}/active-bundle"
NOON = 1_767_268_800_000
MINUTE = 60_000
POLICY = RetrainingPolicy(mode=RetrainingMode.AUTOMATIC, min_labels=1_000, margin=0.02)


def traffic(n: int, *, seed: int, slope: float = 10.0) -> pd.DataFrame:
    """Houses with their prices; another slope is another concept."""
    rng = np.random.default_rng(seed)
    size, area = rng.normal(80, 20, n), rng.choice(["centre", "coast"], n)
    garden = rng.choice([True, False], n).astype(object)
    price = slope * size + np.where(area == "coast", 200.0, 0.0) + rng.normal(0, 30, n)
    return pd.DataFrame({"size": size, "area": area, "garden": garden, "price": price})


_TRAINED: dict[tuple[object, ...], Any] = {}


def challenged(manifest: Manifest, rows: Labelled, cause: Cause, *, created_at: datetime, **_: Any) -> Any:
    """What `challenge` gives, found once: many tests are not about training and train on the same rows."""
    key = (manifest.to_json(), rows.frame.to_csv(), "".join(rows.versions), cause, created_at)
    if key not in _TRAINED:
        _TRAINED[key] = challenge(manifest, rows, cause, created_at=created_at)
    return _TRAINED[key]


@cache
def champion(policy: RetrainingPolicy) -> Bundle:
    return train(
        traffic(1_500, seed=1),
        target="price",
        model_name=MODEL,
        created_at=datetime(2025, 12, 1, tzinfo=UTC),
        quality=QualityPolicy(window_hours=2),
        retraining=policy,
        units={"size": "m2", "price": "EUR"},
        source={"source": "a file"},
    )


class World:
    """A stack whose archive holds labelled predictions of the champion, one a minute until noon."""

    def __init__(self, policy: RetrainingPolicy) -> None:
        self.bundle = champion(policy)
        self.version = self.bundle.manifest.model_version
        self.now = NOON
        self.s3, self.ssm = boto3.client("s3"), boto3.client("ssm")
        self.dynamodb, self.sns, self.sqs = boto3.client("dynamodb"), boto3.client("sns"), boto3.client("sqs")
        self.s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.ssm.put_parameter(Name=PARAMETER, Value=self.version, Type="String")
        self.dynamodb.create_table(
            TableName="windows",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        self.topic = self.sns.create_topic(Name="alarms")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"])
        self.store = BundleStore(
            s3=self.s3, ssm=self.ssm, bucket="models", parameter=PARAMETER, model_name=MODEL
        )
        self.store.upload(self.bundle.manifest, self.bundle.files)
        self.said: list[str] = []
        self.athena = DuckAthena({})

    def archive(self, rows: pd.DataFrame, *, version: str | None = None) -> None:
        """The champion's predictions for these rows, with their prices as labels."""
        n = len(rows)
        times = pd.to_datetime(NOON - np.arange(n, 0, -1) * MINUTE, unit="ms")
        schema = self.bundle.manifest.schema
        features: Any = rows[list(schema.names)].to_dict("records")
        answers = run(self.bundle.files[MODEL_FILE], schema.encode(features).astype(np.float32))
        ids = [f"p{i:06d}" for i in range(n)]
        place = {
            "model_name": MODEL,
            "dt": times.strftime("%Y-%m-%d"),
            "hour": times.hour,
            "shard_id": "s",
            "sequence_number": "1",
        }
        predictions = {
            "event_id": ids,
            "event_time": times,
            "model_version": version or self.version,
            "features": features,
            "prediction": answers["prediction"],
            "interval_lower": answers["lower"],
            "interval_upper": answers["upper"],
        }
        labels = {
            "event_id": [f"l{one}" for one in ids],
            "event_time": times + pd.Timedelta(hours=1),
            "prediction_id": ids,
            "label": rows["price"].to_numpy(),
        }
        self.athena = DuckAthena(
            {
                "prediction_files": pd.DataFrame({**predictions, **place}),
                "label_files": pd.DataFrame({**labels, **place}),
            }
        )

    def retrain(self, *, since: int | None = None, force: bool = False, name: str = "build 1") -> Any:
        guarded = Guarded(dynamodb=self.dynamodb, table="windows", model_name=MODEL, clock=lambda: self.now)
        services = Services(
            store=self.store,
            athena=Athena(client=self.athena, workgroup="w", database="d"),
            guarded=guarded,
            tell=lambda subject, text: (
                self.sns.publish(TopicArn=self.topic, Subject=subject, Message=text) and None
            ),
            say=self.said.append,
        )
        return retrain(services, Request(run=name, cause=Cause(reason="quality", since=since), force=force))

    def guard(self) -> Guard:
        return read_guard(self.dynamodb, "windows", MODEL)

    def told(self) -> list[dict[str, str]]:
        found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(one["Body"]) for one in found]

    def bundles(self) -> list[str]:
        return [one.model_version for one in self.store.versions()]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr("training.retrain.challenge", challenged)
    with mock_aws():
        yield


@pytest.fixture
def world(aws: None) -> World:
    return World(POLICY)


def concept(old: int, new: int) -> pd.DataFrame:
    """Traffic whose prices change without notice."""
    return pd.concat([traffic(old, seed=2), traffic(new, seed=3, slope=13.0)], ignore_index=True)


def test_after_a_change_of_concept_the_challenger_takes_over(world: World) -> None:
    world.archive(concept(800, 1_200))
    outcome = world.retrain(since=NOON - 1_200 * MINUTE)
    assert outcome.result is Decision.PROMOTED
    assert world.store.active() == outcome.challenger != world.version
    assert world.said[1:] == [
        "2,000 labelled predictions from 2025-10-03 to 2026-01-01; Athena read 7 bytes",
        "1,200 of them since the incident began: only these count",
    ]
    made, old = world.store.verified(outcome.challenger), world.bundle.manifest
    assert (made.monitor, made.quality, made.retraining) == (old.monitor, old.quality, old.retraining)
    assert (made.target_unit, made.schema.features[0].unit) == ("EUR", "m2")
    assert made.interval.coverage == old.interval.coverage
    about = made.training["retrained"]
    assert (about["of"], about["why"], about["since"]) == (world.version, "quality", "2025-12-31T16:00:00Z")
    assert (made.training["rows"], about["rows_compared"]) == (1_200, 240)
    assert about["mae_before"] > 200  # 3 a square metre
    assert about["mae_after"] < 1.2 * old.metrics["mae"]
    assert about["improvement_at_least"] > about["improvement_needed"] > 0
    (message,) = world.told()
    assert message["Subject"] == "house-prices: challenger promoted"
    assert f"python -m scripts.rollback {world.version}" in message["Message"]
    assert world.guard().outcome == f"{outcome.challenger} promoted"


def test_the_comparison_is_made_on_rows_that_the_challenger_never_saw(world: World) -> None:
    """Labels that the newest rows alone have: a challenger that saw them would predict them."""
    rows = concept(0, 1_500)
    rows.loc[1_200:, "price"] = 5_000.0 + np.arange(300)
    world.archive(rows)
    outcome = world.retrain()
    assert outcome.result is Decision.REFUSED
    assert outcome.trial.challenger_mae > 3_000


def test_a_challenger_that_is_no_better_is_refused_and_costs_a_cool_down(world: World) -> None:
    world.archive(traffic(1_500, seed=4))
    outcome = world.retrain()
    assert outcome.result is Decision.REFUSED
    assert (world.store.active(), world.bundles()) == (world.version, [world.version])
    (message,) = world.told()
    assert "does not exceed" in message["Message"]
    assert f"{world.version} goes on being served" in message["Message"]
    world.now += 60 * MINUTE
    with pytest.raises(
        RefusedError, match=r"cool_down_hours is 24: it may run again at 2026-01-02 12:00 UTC"
    ):
        world.retrain(name="build 2")
    assert world.retrain(name="build 2", force=True).result is Decision.REFUSED
    world.now += 25 * 60 * MINUTE
    assert world.retrain(name="build 3").result is Decision.REFUSED


def test_too_few_labels_are_told_and_cost_nothing(world: World) -> None:
    world.archive(traffic(900, seed=5))
    with pytest.raises(RefusedError, match=r"900 .* min_labels is 1,000: it may run when 100 more have come"):
        world.retrain()
    assert (world.guard().lease_until, world.guard().concluded_at, world.told()) == (0, 0, [])
    world.archive(concept(0, 1_500))
    assert world.retrain(name="build 2").result is Decision.PROMOTED


def test_labels_since_the_incident_that_do_not_suffice_leave_all_to_count(world: World) -> None:
    world.archive(concept(1_000, 900))
    outcome = world.retrain(since=NOON - 900 * MINUTE)
    assert "only 900 of them since the incident began: all count" in world.said
    assert outcome.result is Decision.PROMOTED  # nearly half of what it learnt from is of the new concept


def test_predictions_of_other_versions_teach_but_are_not_compared(world: World) -> None:
    world.archive(concept(0, 1_500), version="v0")
    with pytest.raises(
        RefusedError, match=r"served 0 of the 300 newest labelled predictions, and at least 200"
    ):
        world.retrain()


def test_a_policy_that_is_off_trains_by_force_only_and_promotes_nothing(aws: None) -> None:
    world = World(replace(POLICY, mode=RetrainingMode.OFF))
    world.archive(concept(0, 1_500))
    with pytest.raises(RefusedError, match=r"is off; add --force to retrain it by hand"):
        world.retrain()
    assert world.guard() == Guard()
    assert world.retrain(force=True).result is Decision.WAITING
    assert world.store.active() == world.version


def test_a_run_that_fails_gives_its_lease_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise OSError("the network is gone")

    world.archive(concept(0, 1_500))
    monkeypatch.setattr(world.athena, "start_query_execution", broken)
    with pytest.raises(OSError, match="gone"):
        world.retrain()
    assert world.guard().running(world.now) is None


def test_while_one_trains_another_is_refused_until_the_lease_expires(world: World) -> None:
    world.archive(concept(0, 1_500))
    assert write_guard(world.dynamodb, "windows", MODEL, Guard().begun("a run that crashed", NOON))
    with pytest.raises(RefusedError, match=r"a run that crashed is training; it ends before .* 13:30 UTC"):
        world.retrain(force=True)
    world.now += 90 * MINUTE
    assert world.retrain().result is Decision.PROMOTED


def test_who_lost_the_lease_promotes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took longer than its lease, and another has begun: before the upload it looks once more."""
    world.archive(concept(0, 1_500))
    ask = world.athena.start_query_execution

    def slow(**asked: Any) -> dict[str, str]:
        world.now += 91 * MINUTE
        assert write_guard(world.dynamodb, "windows", MODEL, world.guard().begun("build 2", world.now))
        return ask(**asked)

    monkeypatch.setattr(world.athena, "start_query_execution", slow)
    with pytest.raises(RefusedError, match=r"build 1 took too long, and build 2 has begun since"):
        world.retrain()
    assert (world.store.active(), world.bundles()) == (world.version, [world.version])
    assert world.guard().run == "build 2"
    assert world.guard().running(world.now) is not None


def test_a_version_that_was_activated_meanwhile_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.archive(concept(0, 1_500))
    put = world.s3.put_object

    def meanwhile(**given: Any) -> Any:
        world.ssm.put_parameter(Name=PARAMETER, Value="v9", Overwrite=True)
        return put(**given)

    monkeypatch.setattr(world.s3, "put_object", meanwhile)
    with pytest.raises(StoreError, match=rf"v9 is served by now, and no longer {world.version}"):
        world.retrain()
    assert world.store.active() == "v9"


def test_of_two_activations_at_the_same_moment_the_first_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one falls between our look and our write."""
    put = world.ssm.put_parameter
    others: list[str] = ["v9"]

    def late(**given: Any) -> Any:
        if others:
            put(Name=PARAMETER, Value=others.pop(), Overwrite=True)
        return put(**given)

    monkeypatch.setattr(world.ssm, "put_parameter", late)
    with pytest.raises(StoreError, match="v9 is served by now"):
        world.store.activate("v2", instead_of=world.version)
    assert world.store.active() == "v9"


def test_a_feature_that_became_of_another_kind_is_refused(world: World) -> None:
    rows = concept(0, 1_500)
    world.archive(rows)
    world.athena.database.execute(
        "update prediction_files set features = struct_pack(size := features.size, area := 'true', "
        "garden := features.garden)"
    )
    with pytest.raises(
        ValueError, match=r"feature 'area' was categorical and its newest values read as boolean"
    ):
        world.retrain()


# ---- by hand: promote and roll back ----


@pytest.fixture
def waiting(aws: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """A challenger that waits for approval, and the stack as the scripts see it."""
    world = World(replace(POLICY, mode=RetrainingMode.APPROVE))
    world.archive(concept(0, 1_500))
    outcome = world.retrain()
    assert outcome.result is Decision.WAITING
    assert world.store.active() == world.version
    (message,) = world.told()
    assert f"python -m scripts.promote {outcome.challenger}" in message["Message"]
    stack = Stack(
        target=Target(
            config_env="dev",
            stack_name="driftline",
            environment={},
            session=boto3.Session(region_name="eu-west-1"),
        ),
        outputs={
            "ActiveBundleParameterName": PARAMETER,
            "ModelsBucketName": "models",
            "AlarmTopicArn": world.topic,
        },
    )
    monkeypatch.setattr(Stack, "load", lambda *_, **__: stack)
    return world


def invoke(app: Any, *options: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, options, input=answer, env={"COLUMNS": "200"})


def test_a_challenger_is_promoted_and_rolled_back_by_hand(waiting: World) -> None:
    old, new = waiting.bundles()
    declined = invoke(promote.app, new, answer="n\n")
    assert (declined.exit_code, waiting.store.active()) == (1, old)
    assert f"{new} was retrained from {old} at 2026-01-01T12:00:00Z: quality." in declined.output
    assert f"serve {new} of {MODEL} instead of {old}? [y/N]" in declined.output

    assert invoke(promote.app, new, "--yes").exit_code == 0
    assert waiting.store.active() == new
    (message,) = waiting.told()
    who = boto3.client("sts").get_caller_identity()["Arn"]
    assert message["Message"] == f"{new} is served instead of {old}: promoted by {who}."

    back = invoke(rollback.app, "--yes")
    assert (back.exit_code, waiting.store.active()) == (0, old)
    rows = [line for line in back.output.splitlines() if line.startswith("20")]
    assert [row.split()[0] for row in rows] == [new, old]
    assert f"retrained from {old}" in rows[0]
    assert rows[0].endswith("is served")
    assert waiting.told()[0]["Subject"] == "house-prices: rolled back"

    nothing = invoke(rollback.app, "--yes")
    assert (nothing.exit_code, waiting.store.active()) == (2, old)
    assert f"there is no bundle before {old}; name one, or deploy another" in nothing.output
    assert invoke(rollback.app, new, "--yes").exit_code == 0  # any version, by its name
    assert waiting.store.active() == new


def test_the_version_before_is_the_one_it_was_made_from_not_the_next_older(waiting: World) -> None:
    old, never_served = waiting.bundles()
    made = waiting.store.manifest(never_served)
    later = replace(
        made, model_version="20260201T000000Z-later", training={"retrained": {"of": old, "at": ""}}
    )
    files = {
        name: waiting.s3.get_object(Bucket="models", Key=bundle_prefix(MODEL, never_served) + name)[
            "Body"
        ].read()
        for name in made.files
    }
    waiting.store.upload(later, files)
    waiting.ssm.put_parameter(Name=PARAMETER, Value=later.model_version, Overwrite=True)
    assert invoke(rollback.app, "--yes").exit_code == 0
    assert waiting.store.active() == old


@pytest.mark.parametrize("app", [promote.app, rollback.app])
def test_a_bundle_whose_files_are_not_whole_is_not_served(waiting: World, app: Any) -> None:
    old, new = waiting.bundles()
    waiting.s3.put_object(Bucket="models", Key=bundle_prefix(MODEL, new) + MODEL_FILE, Body=b"damaged")
    spoiled = invoke(app, new, "--yes")
    assert (spoiled.exit_code, waiting.store.active()) == (1, old)
    assert f"{MODEL_FILE} of {new} has sha256" in spoiled.output
    waiting.s3.delete_object(Bucket="models", Key=bundle_prefix(MODEL, new) + MODEL_FILE)
    assert f"{MODEL_FILE} is absent; upload the bundle again" in invoke(app, new, "--yes").output
    assert f"{old} is served already" in invoke(app, old, "--yes").output
    assert "v0/manifest.json is absent" in invoke(app, "v0", "--yes").output


def test_a_list_changes_nothing(waiting: World) -> None:
    old, _ = waiting.bundles()
    assert invoke(rollback.app, "--list").exit_code == 0
    assert waiting.store.active() == old


def test_a_bundle_that_is_another_models_is_refused(world: World) -> None:
    content = world.bundle.manifest.to_json().encode()
    world.s3.put_object(Bucket="models", Key=bundle_prefix(MODEL, "v7") + MANIFEST_FILE, Body=content)
    with pytest.raises(BundleError, match="upload the bundle to its own folder"):
        world.store.manifest("v7")
    assert Manifest.from_json(content).model_version != "v7"
