"""A challenger is scored beside the served version, and whatever happens to it, the answer is the same."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from drift_core.bundle import MODEL_FILE
from drift_core.event import PredictionEvent, ShadowEvent
from drift_core.schema import FeatureSchema
from drift_core.shadow import ShadowPlan
from ingest_lambda import app
from ingest_lambda.bundle import NoBundleError, Served
from ingest_lambda.shadow import Shadow
from tests.unit.ingest_lambda.conftest import Api
from tests.unit.ingest_lambda.fake_aws import Clock, Faults, client_error
from tests.unit.ingest_lambda.fixture_bundle import HOUSE, SCHEMA, bundle_of, fixture_bundle, linear_model

HOUSES = [{**HOUSE, "rooms": rooms} for rooms in (3, 4, None)]


def failures(api: Api) -> Any:
    """What `ShadowFailed` counted since the last look."""
    return sum(line.get("ShadowFailed", [0])[0] for line in api.metrics() if "_aws" in line)


def asked(api: Api, houses: list[Any] = HOUSES) -> tuple[list[PredictionEvent], list[ShadowEvent]]:
    """One request; the served predictions as they were answered and written, and the shadow's."""
    taken = len(api.kinesis.taken)
    answer = api.post("/predict", {"instances": houses})
    assert answer.status == 200
    written = api.written()[taken:]
    served = [event for event in written if type(event) is PredictionEvent]
    shadows = [event for event in written if isinstance(event, ShadowEvent)]
    told = {row["prediction_id"]: row["value"] for row in answer.body["predictions"]}
    assert told == {event.event_id: event.prediction for event in served}
    assert {event.model_version for event in served} == {answer.body["model_version"]}
    return served, shadows


def test_the_shadow_is_told_of_every_instance_in_the_same_put(api: Api) -> None:
    api.add(fixture_bundle("v2", bias=7.0))
    api.ssm.shadow = "v2 1"
    served, shadows = asked(api)
    assert len(api.kinesis.calls) == 1
    assert [event.prediction for event in served] == [131.0, 141.0, 101.0]
    assert [event.prediction for event in shadows] == [138.0, 148.0, 108.0]
    assert [event.prediction_id for event in shadows] == [event.event_id for event in served]
    assert {event.model_version for event in shadows} == {"v2"}
    assert [event.features for event in shadows] == [event.features for event in served]
    assert {event.event_time for event in [*served, *shadows]} == {served[0].event_time}
    assert len({event.event_id for event in [*served, *shadows]}) == 6
    first = shadows[0].interval
    assert first is not None
    assert (first.lower, first.upper, first.coverage) == (133.0, 143.0, 0.9)
    assert failures(api) == 0


def test_the_share_of_requests_is_scored_by_their_first_id(api: Api) -> None:
    api.add(fixture_bundle("v2"))
    api.ssm.shadow = "v2 0.5"
    plan, found = ShadowPlan(version="v2", share=0.5), Counter[bool]()
    for _ in range(40):
        served, shadows = asked(api)
        assert bool(shadows) is plan.chooses(served[0].event_id)
        found[bool(shadows)] += 1
    assert min(found.values()) > 4  # 40 fair coins: less than one in a million


def test_nothing_is_scored_by_default_or_after_a_promotion(api: Api) -> None:
    assert asked(api)[1] == []
    api.add(fixture_bundle("v2"))
    api.ssm.shadow = "v2 1"
    api.clock.now += 60
    assert len(asked(api)[1]) == 3
    api.ssm.value = "v2"
    api.clock.now += 60
    served, shadows = asked(api)
    assert ({event.model_version for event in served}, shadows) == ({"v2"}, [])
    assert failures(api) == 0


def test_a_shadow_is_not_scored_beside_a_champion_it_was_not_checked_against(api: Api) -> None:
    api.add(fixture_bundle("v2"))
    api.ssm.shadow = "v2 1"
    assert len(asked(api)[1]) == 3
    other = fixture_bundle("v3")
    fewer = replace(other.manifest, target="rent")
    api.add(bundle_of(fewer, other.files[MODEL_FILE]))
    api.ssm.value = "v3"
    api.clock.now += 60
    assert asked(api)[1] == []
    assert failures(api) == 1


def test_the_plan_is_asked_for_again_after_the_refresh_time(api: Api) -> None:
    asked(api)
    api.add(fixture_bundle("v2"))
    api.ssm.shadow = "v2 1"
    api.clock.now += 59
    assert asked(api)[1] == []
    api.clock.now += 1
    assert len(asked(api)[1]) == 3
    api.ssm.shadow = "none"
    api.clock.now += 60
    assert asked(api)[1] == []


OTHER_SCHEMA = replace(fixture_bundle("v2").manifest, schema=FeatureSchema(SCHEMA.features[:2]))


@pytest.mark.parametrize(
    ("plan", "logged"),
    [
        (client_error("ThrottlingException"), "shadow-bundle cannot be read (ThrottlingException)"),
        ("v2", "the shadow is 'v2'; write 'none', or a version and a share"),
        ("v9 1", "v9/manifest.json cannot be read from the models bucket (NoSuchKey)"),
        ("v2 1", "v2 cannot be the shadow of v1: feature 'garden' is absent"),
    ],
)
def test_a_shadow_that_cannot_be_scored_is_told_once_a_refresh(
    api: Api, plan: str | Exception, logged: str
) -> None:
    onnx = fixture_bundle("v2").files[MODEL_FILE]
    api.add(bundle_of(OTHER_SCHEMA, onnx if plan != "v2 1" else linear_model(width=2)))
    api.ssm.shadow = plan
    for refresh in range(3):
        assert [event.prediction for event in asked(api)[0]] == [131.0, 141.0, 101.0]
        assert asked(api)[1] == []
        assert failures(api) == 1, refresh
        api.clock.now += 60
    assert logged in api.log.getvalue()


def test_what_the_shadow_cannot_predict_is_left_out_and_counted(api: Api) -> None:
    api.add(fixture_bundle("v2", knows_missing=False))
    api.ssm.shadow = "v2 1"
    served, shadows = asked(api)
    assert [event.prediction_id for event in shadows] == [event.event_id for event in served[:2]]
    assert failures(api) == 1


class BrokenModel:
    """Raises in place of a prediction, or takes its time."""

    def __init__(self, release: threading.Event | None = None) -> None:
        self.release = release

    def predict(self, matrix: Any) -> Any:
        if self.release is not None:
            self.release.wait(30)
        raise RuntimeError(f"leak={matrix[0, 1]}")


def with_model(api: Api, model: Any) -> None:
    """Serve v2 in shadow, and then exchange its model."""
    api.add(fixture_bundle("v2"))
    api.ssm.shadow = "v2 1"
    assert len(asked(api)[1]) == 3
    shadow: Any = vars(app)["resources"]().shadow
    shadow._challenger = replace(shadow._challenger, served=replace(shadow._challenger.served, model=model))


def test_a_fault_of_the_shadow_leaves_the_answer_and_no_value_in_the_log(api: Api) -> None:
    with_model(api, BrokenModel())
    served, shadows = asked(api)
    assert ([event.prediction for event in served], shadows) == ([131.0, 141.0, 101.0], [])
    assert failures(api) == 3
    assert "RuntimeError" in api.log.getvalue()
    assert "leak=3.0" not in api.log.getvalue()


def test_a_slow_shadow_costs_a_bounded_time_and_only_its_own_predictions(api: Api) -> None:
    release = threading.Event()
    with_model(api, BrokenModel(release))
    try:
        began = time.monotonic()
        assert asked(api)[1] == []
        first = time.monotonic() - began
        began = time.monotonic()
        assert asked(api)[1] == []
        second = time.monotonic() - began
    finally:
        release.set()
    assert 0.2 < first < 1.5
    assert second < 0.2, "a request waits for one that is late already"
    assert failures(api) == 6
    assert "LateError" in api.log.getvalue()


class SlowStore:
    """Gives the plan when it is told to."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.release = threading.Event()

    def shadow_plan(self) -> ShadowPlan | None:
        assert self.release.wait(30)
        return ShadowPlan(version="v2", share=1.0)

    def load(self, version: str) -> Served:
        assert version == "v2"
        return self.served


def test_a_bundle_that_is_long_in_loading_is_waited_for_once() -> None:
    v1, v2 = (_served(version) for version in ("v1", "v2"))
    store, told = SlowStore(v2), list[Exception]()
    shadow = Shadow(
        store, refresh_seconds=60, clock=Clock(), failed=lambda error, _: told.append(error), seconds=0.05
    )
    predictions = [_prediction()]
    began = time.monotonic()
    for _ in range(20):
        assert shadow.events(v1, predictions) == []
    assert time.monotonic() - began < 0.5
    store.release.set()
    until = time.monotonic() + 30
    while not (found := shadow.events(v1, predictions)):
        assert time.monotonic() < until
    assert (found[0].model_version, told) == ("v2", [])


def _served(version: str) -> Served:
    bundle = fixture_bundle(version)
    return Served.of(bundle.manifest, bundle.files[MODEL_FILE])


def _prediction() -> PredictionEvent:
    return PredictionEvent(
        event_id="018bcfe5-6800-7000-8000-000000000001",
        event_time=1_700_000_000_000,
        model_name="house-prices",
        model_version="v1",
        features={"area": "coast", "rooms": 3, "garden": True},
        prediction=131.0,
    )


def test_a_fault_keeps_the_shadow_that_was_loaded() -> None:
    class Store:
        fault: Exception | None = None

        def shadow_plan(self) -> ShadowPlan | None:
            if self.fault is not None:
                raise self.fault
            return ShadowPlan(version="v2", share=1.0)

        def load(self, version: str) -> Served:
            return _served(version)

    clock, store, told = Clock(), Store(), list[Exception]()
    shadow = Shadow(
        store, refresh_seconds=60, clock=clock, failed=lambda error, _: told.append(error), seconds=30
    )
    assert len(shadow.events(_served("v1"), [_prediction()])) == 1
    store.fault = NoBundleError("SSM is away")
    clock.now += 60
    assert shadow.events(_served("v1"), [_prediction()]) == []
    assert told == [store.fault]
    assert len(shadow.events(_served("v1"), [_prediction()])) == 1


SLOW = "ProvisionedThroughputExceededException"


def test_the_stream_is_asked_once_for_shadows_and_the_queue_never(api: Api) -> None:
    api.add(fixture_bundle("v2"))
    api.ssm.shadow = "v2 1"
    api.kinesis.faults = Faults([{1: SLOW, 3: SLOW, 4: SLOW}])
    served, shadows = asked(api, HOUSES)
    assert [len(call) for call in api.kinesis.calls] == [6, 1]
    assert api.kinesis.calls[1] == [served[-1].event_id]
    assert (len(served), len(shadows), api.sqs.calls) == (3, 1, [])
    told = [line for line in api.metrics() if "_aws" in line]
    assert [line.get("ShadowFailed") for line in told] == [[2.0]]
    assert not any("CaptureFailed" in line for line in told)


def test_a_stream_that_is_away_queues_the_served_predictions_only(api: Api) -> None:
    api.add(fixture_bundle("v2"))
    api.ssm.shadow = "v2 1"
    api.kinesis.faults = Faults(always=client_error("AccessDeniedException"))
    answer = api.post("/predict", {"instances": HOUSES})
    assert answer.status == 200
    ids = [row["prediction_id"] for row in answer.body["predictions"]]
    [line] = [line for line in api.metrics() if "_aws" in line]
    assert (line["CaptureFailed"], line["ShadowFailed"]) == ([3.0], [3.0])
    assert all(any(one in message for message in api.sqs.taken) for one in ids)
    assert len(api.sqs.taken) == 3
