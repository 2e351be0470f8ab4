"""Attribution drift: the order of the features, the charts' promise and power, and what is stored."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from drift_core.attribution import MARKS, AttributionBaseline
from drift_core.attribution_drift import AttributionMemory, AttributionVerdict, judge_attribution, ndcg
from drift_core.schema import Matrix
from drift_core.shapley import Attributions
from drift_core.swing import swing

FEATURES = ("size", "area", "garden", "age")
WEIGHTS = np.array([8.0, 4.0, 2.0, 1.0])
HOUR = 3_600_000
WINDOWS = 14_400.0
"""Hours between two false alarms of attributions, at one a month in all."""

importances = st.lists(st.floats(0.01, 1e6), min_size=2, max_size=12, unique=True)


def frozen(values: Matrix, times: Any = None) -> AttributionBaseline:
    return AttributionBaseline.measured(
        FEATURES,
        Attributions(values=values, standard_error=np.zeros(values.shape), expected=0.0),
        np.zeros((2, len(FEATURES)), np.float32),
        permutations=8,
        times=times,
    )


def drawn(rng: np.random.Generator, rows: int, factors: Matrix | float = 1.0) -> Matrix:
    """φ of an additive model, with a tail."""
    return np.asarray(rng.standard_t(5, (rows, len(FEATURES))) * WEIGHTS * factors)


def judged(
    baseline: AttributionBaseline, hours: list[Matrix], windows: float = WINDOWS
) -> list[AttributionVerdict]:
    memory, verdicts = AttributionMemory.start(baseline), []
    for i, values in enumerate(hours):
        verdict, memory = judge_attribution(values, baseline, memory, windows, start=i * HOUR)
        verdicts.append(verdict)
    return verdicts


@given(importances, st.randoms(use_true_random=False))
def test_ndcg_is_that_of_scikit_learn(training: list[float], random: Any) -> None:
    live = random.sample(training, len(training))
    expected = ndcg_score([training], [live])
    assert ndcg(np.array(training), np.array(live)) == pytest.approx(expected)


@given(importances, st.floats(0.001, 1e3))
def test_ndcg_sees_the_order_only(training: list[float], factor: float) -> None:
    values = np.array(training)
    assert ndcg(values, values * factor) == 1.0
    assert ndcg(values * factor, values) == 1.0
    assert ndcg(values, -values) == pytest.approx(ndcg(values, values.max() + values.min() - values))


def test_a_model_without_features_keeps_its_order() -> None:
    assert ndcg(np.zeros(3), np.ones(3)) == 1.0


def test_healthy_hours_keep_the_promise() -> None:
    """The chance of an alarm in T hours is T / A at most, for every baseline: 40 × 50 hours at A = 500."""
    runs, hours, windows = 40, 50, 500.0
    alarms = 0
    for run in range(runs):
        rng = np.random.default_rng(run)
        baseline = frozen(drawn(rng, 1_024))
        found = judged(baseline, [drawn(rng, 256) for _ in range(hours)], windows)
        alarms += max(verdict.score for verdict in found) > 1
        assert all(bool(verdict.guilty) == (verdict.score > 1) for verdict in found)
        assert min(verdict.ndcg for verdict in found) > 0.99
    share = hours / windows
    assert alarms <= runs * share + 3 * np.sqrt(runs * share * (1 - share))


@pytest.mark.parametrize("factor", [0.6, 1.6])
def test_a_feature_that_matters_otherwise_is_named(factor: float) -> None:
    """By 60 %, in at most 6 hours of 256 rows, within the budget of one false alarm a month."""
    for run in range(10):
        rng = np.random.default_rng(run)
        baseline = frozen(drawn(rng, 1_024))
        changed = np.array([1.0, factor, 1.0, 1.0])
        healthy = [drawn(rng, 256) for _ in range(4)]
        found = judged(baseline, healthy + [drawn(rng, 256, changed) for _ in range(6)])
        assert not any(verdict.guilty for verdict in found[:4])
        assert found[-1].guilty == ("area",)
        assert found[-1].score == found[-1].scores["area"] > 1
        assert found[-1].since is not None
        assert 3 * HOUR <= found[-1].since <= 5 * HOUR
        assert found[-1].importance["area"] == pytest.approx(factor * baseline.importance[1], rel=0.25)


def test_another_order_is_below_the_rule_of_clarify() -> None:
    rng = np.random.default_rng(1)
    baseline = frozen(drawn(rng, 1_024))
    [found] = judged(baseline, [drawn(rng, 256, np.array([0.05, 0.2, 2.0, 10.0]))])
    assert found.ndcg < 0.90
    assert list(found.importance) == ["age", "garden", "area", "size"]


def test_charts_come_down_after_recovery() -> None:
    rng = np.random.default_rng(1)
    baseline = frozen(drawn(rng, 1_024))
    strange = [drawn(rng, 256, 3.0) for _ in range(20)]
    found = judged(baseline, strange + [drawn(rng, 256) for _ in range(12)])
    assert found[19].score > 1
    assert found[-1].score < 1


def test_what_follows_the_hour_is_no_drift() -> None:
    """Nights in which a feature matters twice as much: known from training's times, unknown without."""
    rng = np.random.default_rng(2)

    def traffic(times: Any) -> Matrix:
        night = (times % (24 * HOUR) // HOUR < 6)[:, None] & (np.arange(4) == 1)
        return drawn(rng, len(times), np.where(night, 2.0, 1.0))

    times = rng.integers(0, 90 * 24 * HOUR, 1_024)
    values = traffic(times)
    hours = [traffic(np.full(256, hour * HOUR)) for hour in range(72)]
    assert max(verdict.score for verdict in judged(frozen(values, times), hours)) < 1
    assert max(verdict.score for verdict in judged(frozen(values), hours)) > 1


def test_swing_is_nothing_where_nothing_follows_the_clock() -> None:
    """Over 200 draws, what chance leaves is small beside the largest hour's own rise, 0.13."""
    rng = np.random.default_rng(3)
    times = rng.integers(0, 90 * 24 * HOUR, 1_024)
    found = np.array([swing(rng.random((1_024, 1)) < 0.3, times)[0] for _ in range(200)])
    assert found.mean() < 0.04
    assert (found >= 0).all()


def test_swing_is_how_far_the_worst_hour_goes() -> None:
    rng = np.random.default_rng(4)
    times = rng.integers(0, 700 * 24 * HOUR, 50_000)
    share = np.where(times % (24 * HOUR) // HOUR == 7, 0.8, 0.3)
    assert swing((rng.random(50_000) < share)[:, None], times)[0] == pytest.approx(0.48, abs=0.06)


def test_memory_survives_its_bytes() -> None:
    rng = np.random.default_rng(1)
    baseline, memory = frozen(drawn(rng, 300)), AttributionMemory.start(frozen(drawn(rng, 300)))
    for hour in range(3):
        _, memory = judge_attribution(drawn(rng, 50, 1.5), baseline, memory, WINDOWS, start=hour * HOUR)
    data = memory.to_bytes()
    again = AttributionMemory.from_bytes(data, baseline)
    assert again.to_bytes() == data
    one = judge_attribution(drawn(np.random.default_rng(2), 50), baseline, memory, WINDOWS, start=3 * HOUR)
    other = judge_attribution(drawn(np.random.default_rng(2), 50), baseline, again, WINDOWS, start=3 * HOUR)
    assert one[0] == other[0]
    with pytest.raises(ValueError, match="memory"):
        AttributionMemory.from_bytes(data[:-3], baseline)


def described() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    times = rng.integers(0, 9 * 24 * HOUR, 400)
    found: dict[str, Any] = json.loads(frozen(drawn(rng, 400), times).to_json())
    return found


def test_a_baseline_survives_its_text_and_later_fields() -> None:
    text = json.dumps(described())
    baseline = AttributionBaseline.from_json(text, FEATURES)
    assert baseline.to_json() == text
    assert baseline.marks.shape == (4, MARKS)
    later = json.dumps({**described(), "format": 2, "and": "more"})
    assert AttributionBaseline.from_json(later, FEATURES).to_json() == text


def test_a_baseline_of_other_features_is_refused() -> None:
    with pytest.raises(ValueError, match="features"):
        AttributionBaseline.from_json(json.dumps(described()), FEATURES[::-1])
    with pytest.raises(ValueError, match="features"):
        AttributionBaseline.from_json(json.dumps(described()), FEATURES[:3])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", 0),
        ("rows", 0),
        ("permutations", 12),
        ("permutations", 10**9),
        ("background", ""),
        ("background", "AAA="),
        ("background", "?"),
        ("importance", [1.0, 2.0, 3.0, -1.0]),
        ("marks", [[0.0] * MARKS] * 3),
        ("limits", [[0.0] * MARKS] * 4),
        ("limits", [[1.0] * MARKS] * 4),
        ("clumping", [[1.5] * MARKS] * 4),
        ("spread", "wide"),
    ],
)
def test_a_damaged_baseline_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"not attributions of this model: {name}.*train the bundle again"):
        AttributionBaseline.from_json(json.dumps({**described(), name: value}), FEATURES)


@pytest.mark.parametrize("name", sorted(described()))
def test_no_field_may_be_missing_or_null(name: str) -> None:
    without = {key: value for key, value in described().items() if key != name}
    for content in (without, {**without, name: None}):
        with pytest.raises(ValueError, match=name):
            AttributionBaseline.from_json(json.dumps(content), FEATURES)


def test_the_memory_of_the_widest_model_fits_its_item() -> None:
    """DynamoDB takes items of 400 kB; 200 features are the most that a bundle may have."""
    rng = np.random.default_rng(1)
    names, values = tuple(f"f{i}" for i in range(200)), rng.normal(size=(300, 200))
    found = Attributions(values=values, standard_error=np.zeros(values.shape), expected=0.0)
    background = np.zeros((2, 200), np.float32)
    baseline = AttributionBaseline.measured(names, found, background, permutations=8, times=None)
    memory = AttributionMemory.start(baseline)
    for hour in range(5):
        drifting = rng.normal(size=(49, 200)) * (1 + hour)
        _, memory = judge_attribution(drifting, baseline, memory, WINDOWS, start=hour * HOUR)
    assert 20_000 < len(memory.to_bytes()) < 380_000
