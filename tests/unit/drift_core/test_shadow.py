"""Which requests a challenger is scored on, and which challengers can be."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_core.bundle import BundleError
from drift_core.event import new_event_id
from drift_core.schema import Feature, FeatureSchema, Kind
from drift_core.shadow import ShadowPlan, check_challenger
from tests.unit.ingest_lambda.fixture_bundle import SCHEMA, fixture_bundle

IDS = [new_event_id(1_700_000_000_000 + i) for i in range(20_000)]


@given(st.floats(min_value=0, max_value=1, exclude_min=True))
def test_what_is_written_is_read(share: float) -> None:
    plan = ShadowPlan(version="20261123T040651Z-615f2822", share=share)
    assert ShadowPlan.parse(plan.text()) == plan


@pytest.mark.parametrize(
    "text", ["", "v2", "v2 ", "v2 some", "v2 nan", "v2 0", "v2 1.5", "v2 -1", "a/b 0.1", " 0.1"]
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="shadow"):
        ShadowPlan.parse(text)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_share_is_kept(share: float) -> None:
    """Within 4.5 standard errors of a binomial: wrong once in 100,000 runs of random ids."""
    chosen = sum(ShadowPlan(version="v2", share=share).chooses(one) for one in IDS)
    error = math.sqrt(share * (1 - share) * len(IDS))
    assert abs(chosen - share * len(IDS)) < 4.5 * error


def test_the_choice_is_of_the_id_alone_and_grows_with_the_share() -> None:
    small, large = ShadowPlan(version="v2", share=0.1), ShadowPlan(version="v3", share=0.3)
    assert {one for one in IDS if small.chooses(one)} < {one for one in IDS if large.chooses(one)}
    assert all(ShadowPlan(version="v2", share=1.0).chooses(one) for one in IDS)


def test_a_challenger_may_have_other_categories_and_another_order() -> None:
    champion = fixture_bundle().manifest
    area, rooms, garden = SCHEMA.features
    other = FeatureSchema((garden, replace(area, categories=("hill",)), rooms))
    check_challenger(champion, replace(champion, model_version="v2", schema=other))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema": FeatureSchema(SCHEMA.features[:2])}, "feature 'garden' is absent, not boolean"),
        (
            {"schema": FeatureSchema((*SCHEMA.features, Feature(name="age", kind=Kind.NUMERIC)))},
            "feature 'age' is numeric, not absent",
        ),
        (
            {"schema": FeatureSchema((*SCHEMA.features[:2], Feature(name="garden", kind=Kind.NUMERIC)))},
            "feature 'garden' is numeric, not boolean",
        ),
        ({"target": "rent"}, "its target is 'rent', not 'price'"),
        ({"target_unit": "EUR"}, "its target_unit is 'EUR', not 'thousand EUR'"),
        ({"task": "classification"}, "its task is 'classification', not 'regression'"),
    ],
)
def test_a_challenger_of_another_kind_is_refused(changes: dict[str, object], told: str) -> None:
    champion = fixture_bundle().manifest
    challenger = replace(champion, model_version="v2", **changes)  # type: ignore[arg-type]
    with pytest.raises(BundleError, match=f"v2 cannot be the shadow of v1: {told}"):
        check_challenger(champion, challenger)
