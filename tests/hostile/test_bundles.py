"""Damaged, swapped, oversized and forged bundles: none is served, none stops what works without it."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from drift_consumer.baselines import Baselines
from drift_consumer.ranges import STEPS_LIMIT, pack, unpack
from drift_core.baseline import Baseline
from drift_core.bundle import (
    BASELINE_FILE,
    LARGEST,
    MANIFEST_FILE,
    MODEL_FILE,
    BundleError,
    FileEntry,
    Manifest,
    bundle_prefix,
)
from drift_core.memory import Memory
from drift_core.monitor import Monitor
from drift_core.packed_counts import pack as pack_counts
from drift_core.schema import Feature, FeatureSchema, Kind
from drift_core.span import Span
from drift_core.window import WindowState, hash_event_ids
from ingest_lambda.active import ActiveBundle
from ingest_lambda.bundle import BundleStore, NoBundleError
from tests.hostile.odd import NUMBERS, OTHERS
from tests.unit.drift_consumer.fake_aws import Calls, FakeS3
from tests.unit.drift_consumer.fixture_traffic import (
    MODEL,
    NOON,
    SCHEMA,
    SEGMENTS,
    VERSION,
    World,
    bundle_objects,
    healthy,
    prediction,
)
from tests.unit.ingest_lambda.fake_aws import Clock, FakeSsm
from tests.unit.ingest_lambda.fake_aws import FakeS3 as IngestS3
from tests.unit.ingest_lambda.fixture_bundle import fixture_bundle

PREFIX = bundle_prefix(MODEL, VERSION)
OTHER = "20260303T000000Z-0123abcd"


class Serving:
    """Ingest's active bundle, first v1 and then what a test makes of v2."""

    def __init__(self, files: dict[str, Any]) -> None:
        self.clock = Clock()
        self.refused: list[Exception] = []
        s3: Any = IngestS3({**fixture_bundle("v1").objects(), **files})
        self.pointer = FakeSsm("v1")
        ssm: Any = self.pointer
        store = BundleStore(
            s3=s3,
            ssm=ssm,
            bucket="models",
            parameter="/driftline/house-prices/active-bundle",
            shadow_parameter="/driftline/house-prices/shadow-bundle",
            model_name=MODEL,
        )
        self.active = ActiveBundle(store, refresh_seconds=60, clock=self.clock, refused=self.refused.append)
        assert self.version() == "v1"

    def version(self) -> str:
        return self.active.current().manifest.model_version

    def activate(self, version: str) -> str:
        """The version that is served once another is to be."""
        self.pointer.value = version
        self.clock.now += 60
        return self.version()


def second() -> dict[str, bytes]:
    return fixture_bundle("v2", bias=5.0).objects()


def test_a_whole_bundle_is_served() -> None:
    assert Serving(dict(second())).activate("v2") == "v2"


def damages() -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    yield "empty", lambda content: b""
    yield "cut off", lambda content: content[:-2]
    yield "half", lambda content: content[: len(content) // 2]
    yield "longer", lambda content: content + b"\x00"
    yield "zeros", lambda content: bytes(len(content))
    yield "twice", lambda content: content * 2


@pytest.mark.parametrize("name", [MANIFEST_FILE, MODEL_FILE])
@pytest.mark.parametrize(("what", "damage"), list(damages()))
def test_ingest_goes_on_serving_the_former_bundle(
    name: str, what: str, damage: Callable[[bytes], bytes]
) -> None:
    objects = second()
    key = f"bundles/{MODEL}/v2/{name}"
    serving = Serving({**objects, key: damage(objects[key])})
    assert serving.activate("v2") == "v1", what
    [refused] = serving.refused
    assert isinstance(refused, BundleError)
    assert "again" in str(refused)


def test_no_byte_of_any_file_can_be_changed_unnoticed() -> None:
    """The graph is not even parsed then: the text tells of the digest, not of a graph that does not run."""
    rng = Random(1)
    whole = Manifest.from_json(second()[f"bundles/{MODEL}/v2/{MANIFEST_FILE}"])
    for key, content in second().items():
        for at in range(len(content)):
            changed = bytearray(content)
            changed[at] ^= 1 << rng.randrange(8)
            if key.endswith(MANIFEST_FILE):
                try:
                    read = Manifest.from_json(bytes(changed))
                except BundleError:
                    continue
                assert read == whole, "white space only"
            else:
                with pytest.raises(BundleError, match=r"has sha256 .* upload the bundle again"):
                    whole.verify(MODEL_FILE, bytes(changed))
    serving = Serving({**second(), f"bundles/{MODEL}/v2/{MODEL_FILE}": bytes(changed)})
    assert serving.activate("v2") == "v1"
    assert "has sha256" in str(serving.refused[0])


@pytest.mark.parametrize("name", [MANIFEST_FILE, MODEL_FILE])
def test_no_file_fills_the_memory(name: str) -> None:
    class Endless:
        """A body of any length, which counts what is asked of it."""

        asked = 0

        def read(self, most: int = -1) -> bytes:
            assert 0 <= most <= LARGEST[name] + 1, "all of it was asked for"
            Endless.asked = most
            return bytes(most)

    key = f"bundles/{MODEL}/v2/{name}"
    serving = Serving(dict(second()))
    store: Any = serving.active._store
    before = store.s3.get_object
    store.s3.get_object = lambda Bucket, Key: (
        {"Body": Endless()} if Key == key else before(Bucket=Bucket, Key=Key)
    )
    assert serving.activate("v2") == "v1"
    assert f"{name} is larger than {LARGEST[name]:,} bytes" in str(serving.refused[0])
    assert Endless.asked == LARGEST[name] + 1


def test_a_bundle_of_another_model_or_version_is_not_served() -> None:
    moved = {key.replace("/v1/", "/v2/"): content for key, content in fixture_bundle("v1").objects().items()}
    serving = Serving(dict(moved))
    assert serving.activate("v2") == "v1"
    assert str(serving.refused[0]).startswith(
        "the manifest under bundles/house-prices/v2/ is of house-prices v1"
    )
    objects = {key.replace(VERSION, OTHER): content for key, content in bundle_objects().items()}
    with pytest.raises(BundleError, match=f"bundles/{MODEL}/{OTHER}/ is of {MODEL} {VERSION}"):
        baselines_of(objects).get(MODEL, OTHER)
    with pytest.raises(NoBundleError):
        Serving({}).active._store.load("v3")


def baselines_of(objects: dict[str, bytes]) -> Baselines:
    s3: Any = FakeS3(Calls())
    s3.objects = {("models", key): content for key, content in objects.items()}
    return Baselines(s3, "models")


def with_baseline(content: bytes, objects: dict[str, bytes] | None = None) -> dict[str, bytes]:
    """A bundle whose digests vouch for another baseline."""
    objects = objects or bundle_objects()
    manifest = Manifest.from_json(objects[PREFIX + MANIFEST_FILE])
    vouched = replace(manifest, files={BASELINE_FILE: FileEntry.of(content)})
    return {PREFIX + MANIFEST_FILE: vouched.to_json().encode(), PREFIX + BASELINE_FILE: content}


def test_a_baseline_of_another_schema_is_refused_though_its_digest_fits() -> None:
    other = FeatureSchema((Feature(name="rooms", kind=Kind.NUMERIC), *SCHEMA.features[1:]))
    content = bundle_objects(schema=other)[PREFIX + BASELINE_FILE]
    with pytest.raises(BundleError, match=r"baseline\.json of .* another name, version or schema"):
        baselines_of(with_baseline(content)).get(MODEL, VERSION)


def test_a_baseline_of_other_segments_is_refused_though_its_digest_fits() -> None:
    content = bundle_objects(segments=SEGMENTS)[PREFIX + BASELINE_FILE]
    for others in (SEGMENTS[:1], ()):
        with pytest.raises(BundleError, match=r"baseline\.json of .* has other segments than the manifest"):
            baselines_of(with_baseline(content, bundle_objects(segments=others))).get(MODEL, VERSION)


@pytest.mark.parametrize(
    "counts", [np.zeros(4, np.int64), np.full((1, 55), 2**60), np.full((1, 55), 2**53 + 1)]
)
def test_counts_of_a_segment_that_cannot_be_are_refused(counts: Any) -> None:
    described = json.loads(bundle_objects(segments=SEGMENTS)[PREFIX + BASELINE_FILE])
    described["segments"]["seasonal"][1]["counts"] = base64.b64encode(pack_counts(counts)).decode()
    with pytest.raises(ValueError, match=r"segments\.seasonal\[1\]\.counts: .*; train the bundle again"):
        Baseline.from_json(json.dumps(described))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values of a JSON text, the inner ones too; of long lists the first and the last."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    kept = list(inner)
    for name, one in kept if len(kept) < 20 else [kept[0], kept[-1]]:
        yield from leaves(one, (*path, name))


def replaced(described: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(described))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return copy


def odd_values() -> list[Any]:
    values: list[Any] = [
        ...,
        10**400,
        -1,
        0,
        2**63,
        1e308,
        -1e308,
        [[]],
        [[1]],
        "x" * 300,
        ["a"],
        [None],
        {"a": 1},
    ]
    for text in [*NUMBERS, *OTHERS]:
        try:
            values.append(json.loads(text))
        except ValueError:
            continue
    return values


ODD_VALUES = odd_values()


def check_named(path: tuple[Any, ...], error: ValueError) -> None:
    """The refusal names the field, one that it stands in or one whose size it gives."""
    named = [name for name in path if isinstance(name, str)]
    named += {"columns": ["seasonal", "block_noise", "sample"], "schema": ["columns"]}.get(path[0], [])
    assert any(name in str(error) for name in named) or "not JSON" in str(error), (path, str(error))
    assert len(str(error)) < 600


def test_a_forged_manifest_is_refused_by_the_name_of_its_field() -> None:
    described = json.loads(second()[f"bundles/{MODEL}/v2/{MANIFEST_FILE}"])
    del described["sha256"]
    refused = 0
    for path in leaves(described):
        for value in ODD_VALUES:
            text = json.dumps(replaced(described, path, value))
            try:
                read = Manifest.from_json(text)
            except BundleError as error:
                refused += 1
                check_named(path, error)
            else:
                read.to_json()
                read.schema.encode([{}])
                read.interval.confidence(np.array([1.0]))
    assert refused > 1_000


@pytest.mark.parametrize("part", [None, "segments"])
def test_a_forged_baseline_is_refused_by_the_name_of_its_field_or_judges(part: str | None) -> None:
    """What is accepted must be good for a verdict.

    Parameters
    ----------
    part : of a baseline that has segments; None for all of one without.
    """
    objects = bundle_objects(segments=SEGMENTS if part else ())
    manifest = Manifest.from_json(objects[PREFIX + MANIFEST_FILE])
    described = json.loads(objects[PREFIX + BASELINE_FILE])
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(5, 1, 200), rng.integers(0, 3, 200), rng.integers(0, 2, 200)])
    rows = np.column_stack([rows, rng.normal(100, 10, 200), rng.normal(20, 2, 200)]).astype(float)
    ids = hash_event_ids(np.arange(200).astype("S36"))
    refused = accepted = 0
    for path in (path for path in leaves(described) if part in (None, path[0])):
        for value in ODD_VALUES[:: 3 if part else 1]:
            try:
                baseline = Baseline.from_json(json.dumps(replaced(described, path, value)))
            except ValueError as error:
                refused += 1
                check_named(path, error)
                continue
            if baseline.schema != manifest.schema or accepted % 7:
                accepted += 1
                continue  # the manifest decides, or one like it was judged
            accepted += 1
            monitor = Monitor(baseline=baseline, settings=manifest.monitor)
            state = WindowState.of(baseline.layout, rows, np.full(200, NOON), ids)
            monitor.judge(
                WindowState.from_bytes(baseline.layout, state.to_bytes()),
                span=Span.WINDOW,
                start=NOON,
                end=NOON + 300_000,
                memory=monitor.start(),
                cells={monitor.cell(NOON): 200},
            )
    assert refused > (300 if part else 1_000)
    assert accepted


@pytest.mark.parametrize("name", ["a b", "<b>", "a:double,b", "a\n", "é", "", "1a", "x" * 65, "a'--"])
def test_names_of_features_that_sql_or_metrics_would_misread_are_refused(name: str) -> None:
    described = json.loads(second()[f"bundles/{MODEL}/v2/{MANIFEST_FILE}"])
    described["schema"][0]["name"] = name
    with pytest.raises(BundleError, match=r"feature .* has an unsafe name"):
        Manifest.from_json(json.dumps(described))


def test_a_million_features_are_refused_in_time() -> None:
    described = json.loads(second()[f"bundles/{MODEL}/v2/{MANIFEST_FILE}"])
    described["schema"] = [{"name": f"f{i}", "kind": "numeric"} for i in range(1_000_000)]
    with pytest.raises(BundleError, match="schema is a list of 1000000; write a list of at most 200"):
        Manifest.from_json(json.dumps(described))


# ---- what is stored ----


def test_a_small_state_that_inflates_without_end_is_refused() -> None:
    layout = World().monitor().baseline.layout
    state = WindowState.empty(layout).to_bytes()
    header = len(state) - len(state.partition(b"\x78\x01")[2]) - 2
    bomb = zlib.compress(bytes(50_000_000), 9)
    with pytest.raises(ValueError, match="packed bytes hold more than the"):
        WindowState.from_bytes(layout, state[:header] + bomb)
    with pytest.raises(ValueError, match=r"belongs to another baseline or is damaged: .* hold more than the"):
        Memory.from_bytes(b"DLM1" + bomb, 3)
    with pytest.raises(ValueError, match=f"hold more than the {STEPS_LIMIT} bytes that fit here"):
        unpack(bomb)


def test_damaged_states_are_refused_and_nothing_else_is_raised() -> None:
    rng = Random(2)
    world = World()
    layout, start = world.monitor().baseline.layout, world.monitor().start()
    rows = np.column_stack([np.arange(50.0)] * len(layout.columns))
    state = WindowState.of(layout, rows, np.full(50, NOON), hash_event_ids(np.arange(50).astype("S36")))
    signals = len(start.charts.evidence)
    readers: list[tuple[bytes, Callable[[bytes], object]]] = [
        (state.to_bytes(), lambda data: WindowState.from_bytes(layout, data)),
        (start.to_bytes(), lambda data: Memory.from_bytes(data, signals)),
        (pack(["7-9", "12-12", "100-4711"]), unpack),
    ]
    for content, read in readers:
        refused = 0
        for _ in range(1_500):
            changed = bytearray(content)
            if rng.random() < 0.3:
                del changed[rng.randrange(len(changed)) :]
            else:
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            try:
                read(bytes(changed))
            except ValueError:
                refused += 1
        assert refused > 1_000


# ---- consumer and evaluator ----


def test_a_damaged_bundle_costs_the_other_versions_nothing() -> None:
    """Its own records wait for the repair: the batch fails and is retried, nothing is quarantined."""
    objects = {**bundle_objects(), **bundle_objects(OTHER)}
    damaged = bundle_prefix(MODEL, OTHER) + BASELINE_FILE
    world = World({**objects, damaged: objects[damaged] + b" "})
    world.consume(healthy(200))
    newer = [replace(event, model_version=OTHER) for event in healthy(200, first=5_000)]
    with pytest.raises(BundleError, match=f"baseline.json of {OTHER} has sha256 .* upload the bundle again"):
        world.consume(newer)
    assert not world.rows("quarantine")
    world.s3.objects["models", damaged] = objects[damaged]
    world.consume(newer)
    world.s3.objects["models", damaged] = objects[damaged] + b" "
    with pytest.raises(ExceptionGroup, match="some series could not be judged") as caught:
        world.evaluate(NOON + 3_600_000)
    [fault] = caught.value.exceptions
    assert "upload the bundle again" in str(fault)
    assert [verdict["model_version"] for verdict in world.verdicts().values()] == [VERSION]
    world.s3.objects["models", damaged] = objects[damaged]
    assert world.evaluate()["judged"] == 1
    assert {row["model_version"] for row in world.rows("predictions")} == {VERSION, OTHER}
    assert len(world.rows("predictions")) == 400


def test_a_record_of_the_model_alone_reaches_its_bundle() -> None:
    """A forged name does not make the consumer read another model's bundle."""
    world = World()
    world.consume([prediction(1)])
    calls = world.calls.count
    world.consume([prediction(2), prediction(3, model_name="other"), prediction(4, model_name="other2")])
    assert len(world.rows("quarantine")) == 2
    assert world.calls.count - calls == 2 + 3 + 4, (
        "the bundle, a window of predictions, one of the quarantine"
    )
