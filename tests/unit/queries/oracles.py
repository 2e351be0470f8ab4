"""What each question must answer, computed with pandas from the same rows; no SQL here.

An oracle takes the archive's frames and returns the rows in the question's order. `near` marks what the SQL
rounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.queries.archive_made import SCHEMAS, Archive

SINCE = "2026-01-29"
"""The day after the first: what lies before it must not count."""

VALUES = {"feature": "rooms", "lowest": "2", "highest": "7"}
CATEGORICAL = ("categories_by_week", "new_categories")

type Rows = list[tuple[Any, ...]]
type Frames = dict[str, Any]
"""Frames by name; what pandas' stubs say of their cells is wider than what they hold."""


def frames(archive: Archive) -> Frames:
    """The tables since the first day asked for, and what the views of them must be."""
    found: Frames = {
        name: pd.DataFrame(archive.tables[name], columns=schema.names) for name, schema in SCHEMAS.items()
    }
    found = {name: frame[frame["dt"] >= SINCE].copy() for name, frame in found.items()}
    for name in ("prediction", "label", "shadow"):
        found[f"{name}s"] = found[f"{name}_files"].drop_duplicates("event_id").copy()
    found["quarantine"] = found["quarantine_files"].drop_duplicates(["shard_id", "sequence_number"])
    for feature in ("rooms", "area"):
        found["predictions"][feature] = [row[feature] for row in found["predictions"]["features"]]
    verdicts = found["verdict_files"].sort_values("revision", ascending=False)
    verdicts = verdicts.drop_duplicates(["model_version", "window_seconds", "span", "start"])
    shadow = verdicts["shadow"].fillna(value=False).astype(bool)
    found["verdicts"], found["shadow_verdicts"] = verdicts[~shadow].copy(), verdicts[shadow].copy()
    labels = found["labels"].dropna(subset="label").sort_values(["event_time", "event_id"])
    found["last_labels"] = labels.drop_duplicates("prediction_id", keep="last")[["prediction_id", "label"]]
    joined = found["predictions"].merge(
        found["last_labels"], left_on="event_id", right_on="prediction_id", how="inner"
    )
    joined["error"] = joined["prediction"] - joined["label"]
    joined["covers"] = _covers(joined, "interval_lower", "interval_upper")
    joined["width"] = joined["interval_upper"] - joined["interval_lower"]
    found["errors"] = joined
    return found


def _covers(rows: Any, lower: str, upper: str) -> Any:
    """1 where the interval holds the label, 0 where not, NaN where there is none."""
    return rows["label"].between(rows[lower], rows[upper]).astype(float).where(rows[lower].notna())


def near(value: float | None, digits: int) -> Any:
    """What SQL rounds to these digits; null for NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return pytest.approx(value, abs=0.5001 * 10.0**-digits, rel=1e-9)


def _null(value: Any) -> Any:
    return None if value is None or (isinstance(value, float) and math.isnan(value)) else value


def _groups(frame: Any, *keys: str) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Groups in the order of their keys."""
    for key, rows in frame.groupby(list(keys), sort=True, dropna=False):
        yield key if isinstance(key, tuple) else (key,), rows


def _quantile(values: Any, share: float) -> Any:
    """The smallest value with at least this share of the others at or below it."""
    ordered = sorted(values.dropna())
    return ordered[max(math.ceil(share * len(ordered) - 1e-9), 1) - 1] if ordered else None


def _listed(values: Any) -> Any:
    return None if values is None or (isinstance(values, float) and math.isnan(values)) else list(values)


# ---- traffic ----


def traffic_by_window(f: Frames) -> Rows:
    return [
        (
            *key,
            len(g),
            near(g["prediction"].mean(), 2),
            near((g["interval_upper"] - g["interval_lower"]).mean(), 2),
            near(g["confidence"].mean(), 3),
        )
        for key, g in _groups(f["predictions"], "window_start", "model_version", "source")
    ]


def sources(f: Frames) -> Rows:
    p = f["predictions"]
    rows = [
        (
            *key,
            len(g),
            near(100 * len(g) / len(p), 2),
            near(g["prediction"].mean(), 4),
            int(g["interval_lower"].isna().sum()),
            g["event_time"].min(),
            g["event_time"].max(),
        )
        for key, g in _groups(p, "source", "model_version")
    ]
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))


def predictions_by_day(f: Frames) -> Rows:
    return [
        (
            *key,
            len(g),
            near(g["prediction"].mean(), 4),
            near(g["prediction"].std(), 4),
            g["prediction"].min(),
            *tuple(_quantile(g["prediction"], share) for share in (0.05, 0.5, 0.95)),
            g["prediction"].max(),
            near((g["interval_upper"] - g["interval_lower"]).mean(), 4),
        )
        for key, g in _groups(f["predictions"], "dt", "model_version")
    ]


def least_certain(f: Frames) -> Rows:
    p = f["predictions"].dropna(subset="interval_lower").copy()
    p["width"] = p["interval_upper"] - p["interval_lower"]
    p["relative"] = p["width"] / p["prediction"].abs()
    p = p.sort_values(["relative", "event_id"], ascending=[False, True]).head(50)
    return [
        (
            r.event_time,
            r.event_id,
            r.model_version,
            r.source,
            r.prediction,
            r.interval_lower,
            r.interval_upper,
            near(r.width, 4),
            near(r.relative, 4),
            r.confidence,
            r.features,
        )
        for r in p.itertuples()
    ]


def volume_anomalies(f: Frames) -> Rows:
    hours = f["predictions"].groupby(["dt", "hour"]).size().rename("n").reset_index()
    begins = pd.to_datetime(hours["dt"]) + pd.to_timedelta(hours["hour"], unit="h")
    hours["silent"] = begins.diff().dt.total_seconds().fillna(3600) / 3600 - 1
    rows: Rows = []
    for r in hours.itertuples():
        same = hours.loc[hours["hour"] == r.hour, "n"]
        usual = _quantile(same, 0.5)
        scale = max(1.4826 * _quantile((same - usual).abs(), 0.5), math.sqrt(usual), 1)
        z = (r.n - usual) / scale
        if (len(same) >= 3 and abs(z) >= 4) or r.silent > 0:
            rows.append((r.dt, r.hour, r.n, usual, len(same), near(z, 1), int(r.silent)))
    return rows


def reconciliation(f: Frames) -> Rows:
    kinds = ("predictions", "labels", "shadows", "quarantine")
    files = ("prediction_files", "label_files", "shadow_files", "quarantine_files")
    counts = {name: f[name].groupby(["dt", "hour"]).size() for name in (*kinds, *files)}
    places = sorted({place for series in counts.values() for place in series.index})
    rows = []
    for place in places:
        once = [int(counts[name].get(place, 0)) for name in kinds]
        copies = sum(int(counts[name].get(place, 0)) for name in files) - sum(once)
        rows.append((*place, *once, sum(once), copies))
    return rows


def duplicate_deliveries(f: Frames) -> Rows:
    sizes = f["prediction_files"].groupby(["dt", "event_id"]).size().rename("copies").reset_index()
    sizes = sizes[sizes["copies"] > 1]
    return [(*key, len(g), g["event_id"].min()) for key, g in _groups(sizes, "dt", "copies")]


def quarantine_reasons(f: Frames) -> Rows:
    rows = [
        (*key, len(g), g["arrival_time"].min(), g["arrival_time"].max())
        for key, g in _groups(f["quarantine"], "reason")
    ]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def unaccounted_records(f: Frames) -> Rows:
    r = f["reconciled_files"].assign(hour=f["reconciled_files"]["window_start"].str[11:13])
    names = ("captured", "archived", "folded", "waiting", "unaccounted")
    return [
        (*key, len(g), *(int(g[name].sum()) for name in names), g["reconciled_at"].max())
        for key, g in _groups(r, "dt", "hour", "kind", "model_version")
    ]


# ---- features ----


def feature_by_window(f: Frames) -> Rows:
    return [
        (
            *key,
            len(g),
            int(g["rooms"].isna().sum()),
            g["rooms"].nunique(),
            near(g["rooms"].mean(), 4),
            near(g["rooms"].std(), 4),
            _null(g["rooms"].min()),
            _null(g["rooms"].max()),
        )
        for key, g in _groups(f["predictions"], "window_start", "model_version")
    ]


def outliers(f: Frames) -> Rows:
    rows = []
    for key, g in _groups(f["predictions"], "window_start", "model_version"):
        below, above = int((g["rooms"] < 2).sum()), int((g["rooms"] > 7).sum())
        if below + above:
            share = near(100 * (below + above) / len(g), 2)
            rows.append((*key, len(g), below, above, share, g["rooms"].min(), g["rooms"].max()))
    return rows


def _weekly(f: Frames) -> Any:
    days = f["predictions"]["event_time"].dt
    monday = days.normalize() - pd.to_timedelta(days.day_of_week, unit="D")
    return f["predictions"].assign(week=monday.dt.date)


def distribution_by_week(f: Frames) -> Rows:
    return [
        (
            *key,
            len(g),
            int(g["rooms"].isna().sum()),
            near(g["rooms"].mean(), 4),
            near(g["rooms"].std(), 4),
            g["rooms"].min(),
            *(_quantile(g["rooms"], share) for share in (0.05, 0.25, 0.5, 0.75, 0.95)),
            g["rooms"].max(),
        )
        for key, g in _groups(_weekly(f), "week", "model_version")
    ]


def categories_by_week(f: Frames) -> Rows:
    rows = []
    for key, g in _groups(_weekly(f), "week", "model_version"):
        counts = g["area"].value_counts(dropna=False)
        ordered = sorted(counts.items(), key=lambda one: (-one[1], _null(one[0]) is None, one[0]))
        rows += [(*key, _null(value), n, near(100 * n / len(g), 2)) for value, n in ordered]
    return rows


def new_categories(f: Frames) -> Rows:
    rows = [
        (_null(key[0]), g["event_time"].min(), g["event_time"].max(), len(g))
        for key, g in _groups(f["predictions"], "area")
    ]
    return sorted(rows, key=lambda row: row[1], reverse=True)


def missing_by_day(f: Frames) -> Rows:
    return [
        (*key, len(g), int(g["rooms"].isna().sum()), near(100 * g["rooms"].isna().mean(), 2))
        for key, g in _groups(f["predictions"], "dt", "model_version", "source")
    ]


# ---- labels ----


def prediction_error(f: Frames) -> Rows:
    return [
        (
            *key,
            len(g),
            near(g["error"].mean(), 2),
            near(g["error"].abs().mean(), 2),
            near(math.sqrt((g["error"] ** 2).mean()), 2),
            near(100 * g["covers"].mean(), 1),
        )
        for key, g in _groups(f["errors"], "window_start", "model_version")
    ]


def daily_error(f: Frames) -> Rows:
    return [
        (
            *key,
            len(g),
            near(g["error"].mean(), 4),
            near(g["error"].abs().mean(), 4),
            near(_quantile(g["error"].abs(), 0.5), 4),
            near(math.sqrt((g["error"] ** 2).mean()), 4),
            near(g["error"].abs().max(), 4),
            near(100 * g["covers"].mean(), 1),
            near(100 * g["interval_coverage"].mean(), 1),
        )
        for key, g in _groups(f["errors"], "dt", "model_version")
    ]


def largest_errors(f: Frames) -> Rows:
    e = f["errors"].assign(size=f["errors"]["error"].abs())
    e = e.sort_values(["size", "event_id"], ascending=[False, True]).head(50)
    return [
        (
            r.event_time,
            r.event_id,
            r.model_version,
            r.source,
            r.prediction,
            r.label,
            near(r.error, 9),
            _null(r.interval_lower),
            _null(r.interval_upper),
            r.features,
        )
        for r in e.itertuples()
    ]


def error_by_confidence(f: Frames) -> Rows:
    e = f["errors"].dropna(subset="confidence").copy()
    e["band"] = np.floor(10 * e["confidence"]) / 10
    return [
        (
            *key,
            len(g),
            near(g["error"].abs().mean(), 4),
            near(g["width"].mean(), 4),
            near(100 * g["covers"].mean(), 1),
        )
        for key, g in _groups(e, "model_version", "band")
    ]


def label_delay(f: Frames) -> Rows:
    first = f["labels"].groupby("prediction_id")["event_time"].min().rename("labelled_at")
    p = f["predictions"].merge(first, left_on="event_id", right_index=True)
    seconds = p["labelled_at"].dt.floor("s") - p["event_time"].dt.floor("s")
    p["hours"] = seconds.dt.total_seconds() / 3600
    return [
        (
            *key,
            len(g),
            near(_quantile(g["hours"], 0.5), 2),
            near(_quantile(g["hours"], 0.9), 2),
            near(g["hours"].max(), 2),
        )
        for key, g in _groups(p, "dt", "model_version")
    ]


def unlabelled_predictions(f: Frames) -> Rows:
    known = set(f["last_labels"]["prediction_id"])
    p = f["predictions"].assign(known=f["predictions"]["event_id"].isin(known))
    return [
        (
            *key,
            len(g),
            int(g["known"].sum()),
            int((~g["known"]).sum()),
            near(100 * g["known"].mean(), 1),
            _null(g.loc[~g["known"], "event_id"].min()),
        )
        for key, g in _groups(p, "dt", "model_version")
    ]


def labels_accounted(f: Frames) -> Rows:
    """Each record by hand: a copy, a class, a label of nobody, a corrected one or the one that is used."""
    served = dict(zip(f["predictions"]["event_id"], f["predictions"]["event_time"], strict=True))
    latest = {
        row.prediction_id: row.event_id
        for row in f["labels"].dropna(subset="label").sort_values(["event_time", "event_id"]).itertuples()
    }
    rows = []
    for (day,), g in _groups(f["label_files"], "dt"):
        once = g.drop_duplicates("event_id")
        of_number = once.dropna(subset="label")
        matched = of_number[of_number["prediction_id"].isin(served)]
        used = matched[[latest[r.prediction_id] == r.event_id for r in matched.itertuples()]]
        late = sum(
            (r.event_time.normalize() - served[r.prediction_id].normalize()).days > 30
            for r in used.itertuples()
        )
        rows.append(
            (
                day,
                len(g),
                len(used),
                len(matched) - len(used),
                len(of_number) - len(matched),
                int(once["label"].isna().sum()),
                len(g) - len(once),
                late,
            )
        )
    return rows


def shadow_comparison(f: Frames) -> Rows:
    s = f["shadows"].rename(columns={"event_id": "shadow_id"})
    pairs = s.merge(f["errors"], left_on="prediction_id", right_on="event_id", suffixes=("_s", ""))
    pairs["shadow_error"] = (pairs["prediction_s"] - pairs["label"]).abs()
    pairs["difference"] = pairs["shadow_error"] - pairs["error"].abs()
    pairs["shadow_covers"] = _covers(pairs, "interval_lower_s", "interval_upper_s")
    return [
        (
            *key,
            len(g),
            near(g["error"].abs().mean(), 4),
            near(g["shadow_error"].mean(), 4),
            near(g["difference"].mean(), 4),
            near(g["difference"].std() / math.sqrt(len(g)), 4),
            near(100 * g["covers"].mean(), 1),
            near(100 * g["shadow_covers"].mean(), 1),
        )
        for key, g in _groups(pairs, "dt_s", "model_version", "model_version_s")
    ]


def model_quality(f: Frames) -> Rows:
    q = f["quality_files"]
    q = q[q["segment"] == "(all)"].sort_values(["start", "model_version"])
    return [
        (
            r.start,
            r.model_version,
            r.predictions,
            r.labelled,
            near(r.mae, 4),
            near(r.training_mae, 4),
            near(r.estimated_mae, 4),
            near(r.bias, 4),
            near(r.r2, 3),
            near(100 * r.interval_coverage, 1),
            near(100 * r.label_share, 1),
            near(r.score, 3),
            r.degraded,
            None,
            r.judged_at,
        )
        for r in q.itertuples()
    ]


def segment_quality(f: Frames) -> Rows:
    rows: Rows = []
    for key, g in _groups(f["quality_files"], "model_version", "segment"):
        some = g[g["labelled"] > 0]
        if len(some):
            weighed = [np.average(some[name], weights=some["labelled"]) for name in ("mae", "bias")]
            coverage = 100 * np.average(some["interval_coverage"], weights=some["labelled"])
            rows.append(
                (
                    *key,
                    int(g["predictions"].sum()),
                    int(g["labelled"].sum()),
                    near(weighed[0], 4),
                    near(weighed[1], 4),
                    near(coverage, 1),
                    near(g["score"].max(), 2),
                    weighed[0],
                )
            )
    return [row[:-1] for row in sorted(rows, key=lambda row: (row[0], -row[-1], row[1]))]


def estimated_error(f: Frames) -> Rows:
    e = f["explained_files"]
    e = e[(e["feature"] == "(all)") & e["estimated_mae"].notna()].sort_values(["start", "model_version"])
    q = f["quality_files"]
    q = q[(q["segment"] == "(all)") & (q["labelled"] > 0)]
    rows = []
    for r in e.itertuples():
        over = q[(q["model_version"] == r.model_version) & (q["start"] < r.end) & (q["end"] > r.start)]
        real = np.average(over["mae"], weights=over["labelled"]) if len(over) else None
        rows.append(
            (
                r.start,
                r.end,
                r.model_version,
                r.predictions,
                near(r.estimated_mae, 4),
                near(r.training_estimated_mae, 4),
                near(r.estimated_error_score, 3),
                r.estimated_error_since,
                near(real, 4),
                int(over["labelled"].sum()) if len(over) else None,
            )
        )
    return rows


def attribution_drift(f: Frames) -> Rows:
    e = f["explained_files"]
    whole = e[e["feature"] == "(all)"].set_index("start")["ndcg"]
    e = e[e["feature"] != "(all)"].sort_values(
        ["start", "model_version", "importance", "feature"], ascending=[True, True, False, True]
    )
    return [
        (
            r.start,
            r.model_version,
            r.feature,
            near(r.importance, 4),
            near(r.training_importance, 4),
            near(r.score, 3),
            r.guilty,
            near(whole[r.start], 3),
        )
        for r in e.itertuples()
    ]


# ---- verdicts ----


def _ordered(verdicts: Any) -> Any:
    return verdicts.sort_values(["start", "span", "model_version", "window_seconds"])


def drift_history(f: Frames) -> Rows:
    return [
        (
            r.start,
            r.span,
            r.model_version,
            r.n,
            r.drift,
            near(r.drift_score, 3),
            near(r.mean_shift_sigma, 2),
            _listed(r.guilty),
            _listed(r.guilty_segments),
            r.since,
            r.calibrating,
        )
        for r in _ordered(f["verdicts"]).itertuples()
    ]


def shadow_drift(f: Frames) -> Rows:
    return [
        (
            r.start,
            r.span,
            r.model_version,
            r.n,
            r.drift,
            near(r.drift_score, 3),
            _listed(r.guilty),
            r.since,
            r.calibrating,
        )
        for r in f["shadow_verdicts"]
        .sort_values(["start", "span", "model_version", "window_seconds"])
        .itertuples()
    ]


def latest_verdicts(f: Frames) -> Rows:
    last = (
        f["verdicts"]
        .sort_values(["start", "window_seconds"])
        .drop_duplicates(["model_version", "span"], keep="last")
    )
    last = last.sort_values(["model_version", "span"], ascending=[False, True])
    return [
        (
            r.model_name,
            r.model_version,
            r.span,
            r.start,
            r.end,
            r.n,
            r.drift,
            near(r.drift_score, 3),
            _listed(r.guilty),
            r.since,
            r.calibrating,
        )
        for r in last.itertuples()
    ]


def _named(f: Frames, column: str) -> Any:
    v = f["verdicts"]
    first = [_listed(names)[0] if _listed(names) else None for names in v[column]]
    return v.assign(first=first).explode(column).dropna(subset=column)


def guilty_features(f: Frames) -> Rows:
    rows = [
        (*key, len(g), int((g["first"] == key[0]).sum()), g["start"].min(), g["start"].max())
        for key, g in _groups(_named(f, "guilty"), "guilty", "span")
    ]
    return sorted(rows, key=lambda row: (-row[3], -row[2], row[0], row[1]))


def segment_drift(f: Frames) -> Rows:
    rows = [
        (
            *key,
            len(g),
            int(g["in_segments_only"].astype(bool).sum()),
            int((g["first"] == key[0]).sum()),
            g["start"].min(),
            g["start"].max(),
        )
        for key, g in _groups(_named(f, "guilty_segments"), "guilty_segments", "span")
    ]
    return sorted(rows, key=lambda row: (-row[4], -row[2], row[0], row[1]))


def _runs(f: Frames) -> Any:
    """Windows that drifted, each with the number of its run, counted one after another."""
    v = f["verdicts"]
    v = v[(v["span"] == "window") & v["drift"]].copy()
    v["begins"], v["ends"] = (pd.to_datetime(v[name]).dt.tz_localize(None) for name in ("start", "end"))
    parts = []
    for _, g in _groups(v, "model_version", "window_seconds"):
        run, last = 0, None
        numbers, opens = [], []
        for r in g.sort_values("begins").itertuples():
            new = last is None or (r.begins - last).total_seconds() >= 3600
            run += new
            numbers.append(run)
            opens.append(new)
            last = r.ends
        parts.append(g.sort_values("begins").assign(run=numbers, opens=opens))
    return pd.concat(parts)


def drift_runs(f: Frames) -> Rows:
    rows = []
    for (version, seconds, _), g in _groups(_runs(f), "model_version", "window_seconds", "run"):
        strongest = g.loc[g["drift_score"].idxmax()]
        rows.append(
            (
                g["start"].min(),
                g["end"].max(),
                version,
                len(g),
                near(g["drift_score"].max(), 3),
                g.sort_values("begins")["guilty"].iloc[0][0],
                strongest["guilty"][0],
                seconds,
            )
        )
    return [row[:-1] for row in sorted(rows, key=lambda row: (row[0], row[2], row[-1]))]


def first_to_drift(f: Frames) -> Rows:
    rows = []
    for (version, seconds, _), g in _groups(_runs(f), "model_version", "window_seconds", "run"):
        for (feature,), named in _groups(g.explode("guilty"), "guilty"):
            after = named["begins"].min() - g["begins"].min()
            rows.append(
                (
                    g["begins"].min(),
                    version,
                    feature,
                    named["begins"].min(),
                    after.total_seconds() // 60,
                    len(named),
                    seconds,
                )
            )
    rows.sort(key=lambda row: (row[0], row[1], row[-1], row[3], -row[5], row[2]))
    return [row[:-1] for row in rows]


def rows_in_drift(f: Frames) -> Rows:
    v = f["verdicts"]
    v = v[(v["span"] == "window") & v["drift"]].copy()
    v["begins"], v["ends"] = (pd.to_datetime(v[name]).dt.tz_localize(None) for name in ("start", "end"))
    rows = []
    for (version, seconds, _), g in _groups(v, "model_version", "window_seconds", "start"):
        pairs = [
            (d, p)
            for d in g.itertuples()
            for p in f["predictions"].itertuples()
            if p.model_version == version and d.begins <= p.window_start < d.ends
        ]
        for d, p in sorted(pairs, key=lambda pair: pair[1].event_id)[:20]:
            rows.append(
                (
                    d.start,
                    list(d.guilty),
                    near(d.drift_score, 3),
                    p.event_time,
                    p.event_id,
                    p.model_version,
                    p.source,
                    p.prediction,
                    _null(p.interval_lower),
                    _null(p.interval_upper),
                    p.features,
                    seconds,
                )
            )
    rows.sort(key=lambda row: (row[0], row[5], row[-1], row[4]))
    return [row[:-1] for row in rows]


def alarms_by_month(f: Frames) -> Rows:
    v, runs = f["verdicts"], _runs(f)
    v, runs = (frame.assign(month=frame["start"].str[:7]) for frame in (v, runs))
    rows = []
    for (month, version), g in _groups(v, "month", "model_version"):
        windows = g[g["span"] == "window"]
        begun = runs[(runs["month"] == month) & (runs["model_version"] == version)]["opens"].sum()
        drifted = {span: int((g["drift"] & (g["span"] == span)).sum()) for span in ("window", "hour", "day")}
        rows.append(
            (
                month,
                version,
                len(windows),
                drifted["window"],
                int(begun),
                drifted["hour"],
                drifted["day"],
                int(windows["calibrating"].sum()),
            )
        )
    return rows


def drift_by_hour(f: Frames) -> Rows:
    v = f["verdicts"]
    v = v[v["span"] == "window"].assign(hour=lambda w: w["start"].str[11:13])
    v = v.assign(weekend=pd.to_datetime(v["start"]).dt.day_of_week >= 5)
    return [
        (
            hour,
            weekend,
            len(g),
            int(g["drift"].sum()),
            near(100 * g["drift"].mean(), 1),
            near(g["drift_score"].mean(), 3),
            near(g["drift_score"].max(), 3),
        )
        for (weekend, hour), g in _groups(v, "weekend", "hour")
    ]


def late_records(f: Frames) -> Rows:
    v = f["verdicts"][f["verdicts"]["span"] == "window"]
    return [
        (
            *key,
            len(g),
            int((g["revision"] > 0).sum()),
            int(g["n"].sum()),
            int(g["late_records"].sum()),
            near(100 * g["late_records"].sum() / g["n"].sum(), 2),
            int(g["late_records"].max()),
        )
        for key, g in _groups(v, "dt", "model_version")
    ]


def version_comparison(f: Frames) -> Rows:
    v = f["verdicts"][f["verdicts"]["span"] == "window"]
    rows = []
    for (version,), g in _groups(f["predictions"], "model_version"):
        e, w = (frame[frame["model_version"] == version] for frame in (f["errors"], v))
        rows.append(
            (
                version,
                g["event_time"].min(),
                g["event_time"].max(),
                len(g),
                near(g["prediction"].mean(), 4),
                near((g["interval_upper"] - g["interval_lower"]).mean(), 4),
                len(w),
                int(w["drift"].sum()),
                near(w["drift_score"].max(), 3),
                len(e),
                near(e["error"].abs().mean(), 4),
            )
        )
    return sorted(rows, key=lambda row: (row[1], row[0]))


def incidents(f: Frames) -> Rows:
    ordered = f["incident_files"].sort_values("incident_id")
    ordered = ordered.sort_values("opened_at", ascending=False, kind="stable")
    return [
        (
            r.incident_id,
            r.state,
            r.opened_at,
            _null(r.recovered_at),
            _null(r.score),
            list(r.features),
            r.messages,
        )
        for r in ordered.itertuples()
    ]


def messages_by_cause(f: Frames) -> Rows:
    i = f["incident_files"].assign(month=f["incident_files"]["opened_at"].str[:7])
    return [
        (
            *key,
            len(g),
            int(g["reopened"].sum()),
            int(g["messages"].sum()),
            int(g["acknowledged_by"].notna().sum()),
            int((g["state"] == "open").sum()),
        )
        for key, g in _groups(i, "month", "cause")
    ]


ORACLES: dict[str, Callable[[Frames], Rows]] = {
    one.__name__: one
    for one in (
        *(traffic_by_window, sources, predictions_by_day, least_certain, volume_anomalies, reconciliation),
        *(duplicate_deliveries, quarantine_reasons, unaccounted_records, feature_by_window, outliers),
        *(
            distribution_by_week,
            categories_by_week,
            new_categories,
            missing_by_day,
            prediction_error,
            daily_error,
        ),
        *(largest_errors, error_by_confidence, label_delay, unlabelled_predictions, labels_accounted),
        *(
            shadow_comparison,
            model_quality,
            segment_quality,
            estimated_error,
            attribution_drift,
            drift_history,
        ),
        *(shadow_drift, latest_verdicts, guilty_features, segment_drift, drift_runs, first_to_drift),
        *(rows_in_drift, alarms_by_month, drift_by_hour, late_records, version_comparison),
        *(incidents, messages_by_cause),
    )
}
