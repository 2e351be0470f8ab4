"""What the page says in tables and sentences, whether or not a script runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from report.facts import Facts
from report.phrases import grouped, moment, number, percent, plural, time
from report.relations import related

RELATED = 5
"""Sentences on relations, at most; the newest."""

ALL = "(all)"
"""The row of a document that is of all rows, or of all features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One count, and what it means."""

    name: str
    value: str
    note: str
    bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRow:
    """One feature over all windows."""

    position: int
    name: str
    kind: str
    drifted: int
    strongest: str
    strongest_at: str
    missing: str
    unseen: str
    outside: str


def counts(facts: Facts) -> list[Count]:
    """Records that came, and what became of them."""
    windows, told = facts.windows, _reconciled(facts.reconciled)
    judged = [
        Count(
            name="judged",
            value=grouped(int(windows.n.sum())),
            note=f"rows in {plural(len(windows), 'window')}",
        ),
        Count(
            name="duplicates", value=grouped(int(windows.duplicates.sum())), note="sent again, counted once"
        ),
        _bad("quarantined", int(windows.quarantined.sum()), "could not be read; kept aside"),
        Count(name="late", value=grouped(int(windows.late.sum())), note="came after their window was judged"),
    ]
    if told is None:
        return judged
    archive = [
        Count(name="captured", value=grouped(told["captured"]), note="records that the archive accounts for"),
        Count(name="archived", value=grouped(told["archived"]), note="distinct rows in the archive"),
    ]
    return [
        *archive,
        *judged,
        _bad("waiting", told["waiting"], "in failed batches, to be sent again"),
        _bad("unaccounted", told["unaccounted"], "archived and not counted, or the reverse"),
    ]


def agreement(facts: Facts) -> str:
    """Whether what came and what was counted agree, in a sentence."""
    told = _reconciled(facts.reconciled)
    if told is None:
        return "The archive was not compared with the counts in this time."
    open_ends = [f"{grouped(told[name])} {name}" for name in ("waiting", "unaccounted") if told[name]]
    if open_ends:
        return f"The archive and the counts do not agree: {' and '.join(open_ends)}; see the runbook."
    return "The archive and the counts agree: no record waits, and none is unaccounted for."


def _bad(name: str, value: int, note: str) -> Count:
    return Count(name=name, value=grouped(value), note=note, bad=value > 0)


def _reconciled(documents: Sequence[Mapping[str, Any]]) -> dict[str, int] | None:
    of_predictions = [one for one in documents if one.get("kind", "prediction") != "label"]
    if not of_predictions:
        return None
    return {
        name: sum(int(one.get(name, 0)) for one in of_predictions)
        for name in ("captured", "archived", "waiting", "unaccounted")
    }


def features(facts: Facts) -> list[FeatureRow]:
    """Every feature, the strongest first: the map's equal for who cannot see it."""
    score = np.nan_to_num(facts.windows.measures["score"], nan=-1.0)
    rows = []
    for position, column in enumerate(facts.columns):
        mine = score[:, position]
        at = int(mine.argmax()) if len(mine) else -1
        most = float(mine[at]) if at >= 0 else -1.0
        known = at >= 0 and most >= 0
        share = {
            name: percent(float(facts.windows.measures[name][at, position])) if known else "–"
            for name in ("missing_share", "unseen_share", "out_of_range_share")
        }
        rows.append(
            FeatureRow(
                position=position,
                name=column.name,
                kind="number" if column.numeric else "category",
                drifted=int((mine > 1).sum()),
                strongest=number(most) if known else "–",
                strongest_at=time(int(facts.windows.start[at])) if known else "–",
                missing=share["missing_share"],
                unseen="–" if column.numeric else share["unseen_share"],
                outside=share["out_of_range_share"] if column.numeric else "–",
            )
        )
    strongest = score.max(axis=0, initial=-1.0)
    return sorted(rows, key=lambda row: -strongest[row.position])


def quality(facts: Facts) -> list[dict[str, str | bool]]:
    """What labels say, window by window: the latest revision of each, of all rows."""
    latest = {(row["start"], row["end"]): row for row in facts.quality if row.get("segment") == ALL}
    return [
        {
            "at": moment(row["start"]),
            "predictions": grouped(row["predictions"]),
            "label_share": percent(row.get("label_share")),
            "mae": number(row.get("mae")),
            "estimated_mae": number(row.get("estimated_mae")),
            "training_mae": number(row.get("training_mae")),
            "coverage": percent(row.get("interval_coverage")),
            "score": number(row.get("score")),
            "degraded": bool(row.get("degraded")),
        }
        for row in latest.values()
    ]


def importance(facts: Facts) -> list[dict[str, str | float | bool]]:
    """What the model rests on in the last hour that was explained, beside training."""
    if not facts.explained:
        return []
    last = facts.explained[-1]["start"]
    rows = [row for row in facts.explained if row["start"] == last and row["feature"] != ALL]
    most = max((max(row["importance"], row["training_importance"]) for row in rows), default=0.0) or 1.0
    return [
        {
            "name": row["feature"],
            "now": number(row["importance"]),
            "training": number(row["training_importance"]),
            "now_width": round(100 * row["importance"] / most, 1),
            "training_width": round(100 * row["training_importance"] / most, 1),
            "score": number(row["score"]),
            "guilty": bool(row["guilty"]),
        }
        for row in rows
    ]


def relations(facts: Facts) -> list[str]:
    """What the newest verdicts say of relations that changed, in sentences."""
    drifted = [row for row in facts.relations if row["score"] > 1][-RELATED:]
    return [f"{one['span']} from {moment(one['start'])}: {related(one)}" for one in drifted]


def segments(facts: Facts) -> list[dict[str, str | int]]:
    """Segments, those that drifted most often first."""
    rows = []
    for name, verdicts in facts.segments.items():
        drifted = [one for one in verdicts if one["drift"]]
        strongest = max(verdicts, key=lambda one: one["score"], default=None)
        if strongest is None:
            continue
        rows.append(
            {
                "name": name,
                "rows": grouped(sum(one["n"] for one in verdicts)),
                "spans": len(verdicts),
                "drifted": len(drifted),
                "score": number(strongest["score"]),
                "column": strongest["column"],
                "signal": strongest["top_contrast"],
                "at": moment(strongest["start"]),
            }
        )
    return sorted(rows, key=lambda row: -int(row["drifted"]))


def incidents(facts: Facts) -> list[dict[str, Any]]:
    """Incidents, the latest first."""
    return [
        {
            "id": one["incident_id"],
            "cause": one["cause"],
            "open": one["state"] == "open",
            "since": moment(one.get("since") or one.get("opened_at")),
            "opened": moment(one.get("opened_at")),
            "recovered": moment(one.get("recovered_at")),
            "features": list(one.get("features") or ()),
            "alarms": list(one.get("alarms") or ()),
            "score": number(one.get("score")),
            "affected": percent(one.get("affected_share")),
            "acknowledged_by": one.get("acknowledged_by"),
            "muted_until": one.get("muted_until") and moment(one["muted_until"]),
            "report": one.get("report"),
        }
        for one in reversed(facts.incidents)
    ]
