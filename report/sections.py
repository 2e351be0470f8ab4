"""The parts of the page that are text and tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from report.facts import Facts
from report.numbers import moment, percent, plain
from report.timeline import milliseconds
from report.words import ALL, listed, of_cell

CAUSES = {
    "data": "The data changed",
    "quality": "The model became worse",
    "labels": "Labels stay away",
    "serving": "Predictions are not served",
    "delivery": "Events are not delivered",
    "volume": "Too few requests",
    "monitoring": "The monitor itself",
}
"""What an incident is, by its cause."""

MOST_ROWS = 300
"""Rows of a table, at most; the newest."""


def counts(facts: Facts) -> list[dict[str, str]]:
    """Names and figures of what was counted."""
    windows = facts.windows
    lost = sum(int(one["unaccounted"]) for one in facts.reconciled)
    told = {
        "windows judged": len(windows),
        "rows": int(windows.n.sum()),
        "windows with drift": int(windows.drift.sum()),
        "duplicates left out": int(windows.duplicates.sum()),
        "rows that came late": int(windows.late.sum()),
        "records in quarantine": int(windows.quarantined.sum()),
    }
    if facts.reconciled:
        told["records unaccounted for"] = lost
    return [{"name": name, "value": f"{value:,}"} for name, value in told.items()]


def balance(facts: Facts) -> str:
    """Whether what was captured is what is archived."""
    if not facts.reconciled:
        return (
            "A day after a window its counts are compared with the archive; none of this time has been yet. "
            "Each row was counted once, whatever was delivered twice."
        )
    total = {
        name: sum(int(one[name]) for one in facts.reconciled)
        for name in ("captured", "archived", "unaccounted")
    }
    verdict = "all are accounted for" if not total["unaccounted"] else "the rest is unaccounted for"
    return (
        f"Of what was compared with the archive since, {total['captured']:,} records were captured and "
        f"{total['archived']:,} are archived: {verdict}."
    )


def incidents(facts: Facts) -> list[dict[str, Any]]:
    """The incidents, the newest first."""
    found = []
    for one in reversed(facts.incidents):
        opened = milliseconds(one["opened_at"])
        ended = milliseconds(one["recovered_at"]) if one["recovered_at"] else facts.until
        over = f", over {moment(ended)} UTC" if one["recovered_at"] else ""
        looked_after = f"{one['acknowledged_by']} looks after it" if one.get("acknowledged_by") else ""
        if one.get("muted_until"):
            looked_after = f"muted until {moment(milliseconds(one['muted_until']))} UTC"
        found.append(
            {
                "id": one["incident_id"],
                "state": one["state"],
                "what": CAUSES.get(one["cause"], one["cause"]),
                "when": f"Opened {moment(opened)} UTC{over}.",
                "features": listed(one["features"]),
                "alarms": f"alarms: {', '.join(one['alarms'])}",
                "looked_after": looked_after,
                "from": min(opened, milliseconds(one.get("since")) or opened) // 1000,
                "to": ended // 1000,
            }
        )
    return found


def features(facts: Facts) -> list[dict[str, Any]]:
    """The columns, those with the strongest evidence first."""
    windows = facts.windows
    if not len(windows):
        return []
    score = np.nan_to_num(windows.measures["score"])
    best = score.argmax(0)
    found = []
    for place in np.argsort(-score.max(0), kind="stable").tolist():
        drifted = np.flatnonzero(score[:, place] > 1)
        told = of_cell(facts, int(best[place]), place) if len(drifted) else None
        found.append(
            {
                "name": facts.columns[place].name,
                "column": place,
                "window": int(best[place]),
                "score": plain(float(score[best[place], place]), 3),
                "drifted": len(drifted),
                "first": moment(int(windows.start[drifted[0]])) if len(drifted) else "",
                "last": moment(int(windows.start[drifted[-1]])) if len(drifted) else "",
                "change": f"{told.before} → {told.after}" if told and told.after else "",
            }
        )
    return found


def quality(facts: Facts) -> list[dict[str, str]]:
    """Rows of the table of quality."""

    def told(row: Mapping[str, Any], name: str) -> str:
        return "" if row.get(name) is None else plain(float(row[name]), 3)

    return [
        {
            "start": moment(milliseconds(row["start"])),
            "segment": "all" if row["segment"] == ALL else row["segment"],
            "labelled": f"{row['labelled']:,}",
            "mae": told(row, "mae"),
            "bias": told(row, "bias"),
            "coverage": "" if row.get("interval_coverage") is None else percent(row["interval_coverage"]),
            "score": told(row, "score"),
        }
        for row in facts.quality[-MOST_ROWS:]
    ]


def attribution(facts: Facts) -> list[dict[str, Any]]:
    """Importance of each feature in the newest explained hour, the most important in training first."""
    rows = [row for row in facts.explained if row["feature"] != ALL and row["importance"] is not None]
    newest = max((row["start"] for row in rows), default=None)
    return [
        {name: row[name] for name in ("feature", "importance", "training_importance", "guilty")}
        | {"hour": moment(milliseconds(row["start"]))}
        for row in sorted(rows, key=lambda row: -float(row["training_importance"]))
        if row["start"] == newest
    ]


def related(facts: Facts) -> tuple[list[str], list[str]]:
    """Sentences on the newest relations, and on segments that drifted."""
    relations = []
    for one in [row for row in facts.relations if row["score"] > 1][-5:]:
        text = f"{_span(one)}: features go together otherwise than in training ({_times(one)})"
        if one["pair"]:
            text += (
                f"; most changed: {one['pair'][0]} and {one['pair'][1]}, correlation "
                f"{one['correlation_before']:.2f} → {one['correlation_now']:.2f}"
            )
        if one["classifier_auc"]:
            text += f"; a classifier tells them from training with an AUC of {one['classifier_auc']:.2f}"
        relations.append(f"{text}.")
    segments = []
    for name, rows in facts.segments.items():
        drifted = [row for row in rows if row["drift"]]
        if drifted:
            last = drifted[-1]
            segments.append(
                f"{name}: {len(drifted)} of {len(rows)} verdicts drifted, the last {_span(last)} by "
                f"{last['column']} ({_times(last)})."
            )
    return relations, segments


def limits(facts: Facts) -> list[str]:
    """What this report could not have shown."""
    windows = facts.windows
    told = []
    lasting = windows.lasting[~np.isnan(windows.lasting)]
    if len(lasting):
        told.append(
            f"A lasting shift of one feature by less than {plain(float(np.median(lasting)), 2)} standard "
            f"deviations, and one of a single window by less than "
            f"{plain(float(np.median(windows.detectable)), 2)}."
        )
    calibrating = int(windows.calibrating.sum())
    if calibrating:
        told.append(
            f"Small drifts in {calibrating:,} windows: the noise between windows was not known yet, and only "
            f"gross shifts were told."
        )
    told.append(
        "That the same inputs have other labels now (concept drift): only labels show it."
        if not facts.quality
        else "What predictions without a label are worth: the error is that of labelled ones."
    )
    told.append(
        f"What a window of fewer than {facts.settings['min_samples']} rows says by itself: it was judged "
        f"with the next."
    )
    if facts.other_versions:
        told.append(f"What other versions did: {listed(facts.other_versions)}. Each has a report of its own.")
    if facts.unreadable:
        told.append(
            f"What stands in {len(facts.unreadable):,} documents that could not be read, e.g. "
            f"{facts.unreadable[0]}."
        )
    return told


def _times(one: Mapping[str, Any]) -> str:
    return f"{plain(one['score'], 3)} times the threshold"


def _span(one: Mapping[str, Any]) -> str:
    return f"{one['span']} from {moment(milliseconds(one['start']))} UTC"
