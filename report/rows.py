"""Documents of labels, explanations, incidents and counts, whose lines are the rows that a report tells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from report.reading import Reading
from report.source import DAY_MS, Listed, Source
from report.spans import moment

INCIDENT_DAYS = 90
"""An incident that was opened so long before a report is looked for: it may last."""

type Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """The documents beside the verdicts, whose lines are rows.

    Attributes
    ----------
    since, until : UTC milliseconds.
    """

    source: Source
    reading: Reading
    model_name: str
    version: str
    since: int
    until: int

    def of(self, folder: str, behind: int) -> tuple[Row, ...]:
        """Rows of this version that overlap the report, of a folder whose documents are named after both.

        Parameters
        ----------
        behind : parts of a document's name behind the version; the last of them is its begin.
        """
        mine = f"{self.model_name}.{self.version}"
        listed = self.source.days(folder, self.since - DAY_MS, self.until, f"{mine}.")
        named = [one for one in listed if name_of(one).rsplit(".", behind)[0] == mine]
        rows = [row for rows in self.reading.each(named, _rows) for row in rows]
        found = [row for row in rows if self._is_mine(row) and self._overlaps(row["start"], row["end"])]
        return _in_order(found, "start")

    def incidents(self) -> tuple[Row, ...]:
        """Incidents of this version, or of none, that were open in the report's time."""
        first = datetime.fromtimestamp((self.since - INCIDENT_DAYS * DAY_MS) / 1000, UTC)
        listed = self.source.listed("incidents/dt=", after=f"incidents/{first:dt=%Y-%m-%d}")
        last = f"incidents/{datetime.fromtimestamp(self.until / 1000, UTC):dt=%Y-%m-%d}~"
        rows = self.reading.each((one for one in listed if one.key < last), _incident)
        found = [
            row
            for row in rows
            if row["model_name"] == self.model_name
            and row["model_version"] in ("", self.version)
            and self._overlaps(row["since"], row["recovered_at"])
        ]
        return _in_order(found, "opened_at")

    def reconciled(self) -> tuple[Row, ...]:
        """Rows of the predictions of this version, the labels of the model, and the quarantine."""
        listed = self.source.days("reconciled", self.since - DAY_MS, self.until)
        wanted = {
            f"prediction.{self.model_name}.{self.version}",
            f"label.{self.model_name}.-",
            "quarantine.-.-",
        }
        named = [one for one in listed if name_of(one).rsplit(".", 2)[0] in wanted]
        rows = [row for rows in self.reading.each(named, _reconciled) for row in rows]
        found = [row for row in rows if self.since <= moment(row["window_start"]) < self.until]
        return _in_order(found, "window_start")

    def _is_mine(self, row: Row) -> bool:
        return (row["model_name"], row["model_version"]) == (self.model_name, self.version)

    def _overlaps(self, start: str, end: str | None) -> bool:
        return moment(start) < self.until and (end is None or moment(end) > self.since)


def name_of(listed: Listed) -> str:
    """The last part of a document's key, without its ending."""
    return listed.key.rpartition("/")[2].removesuffix(".json")


def _rows(content: bytes) -> list[Row]:
    """Rows of a span each, checked to have what they are chosen by."""
    rows = [json.loads(line) for line in content.splitlines()]
    for row in rows:
        moment(row["start"]), moment(row["end"]), row["model_name"], row["model_version"]
    return rows


def _reconciled(content: bytes) -> list[Row]:
    rows = [json.loads(line) for line in content.splitlines()]
    for row in rows:
        moment(row["window_start"])
    return rows


def _incident(content: bytes) -> Row:
    row: Row = json.loads(content)
    moment(row["opened_at"]), moment(row["since"]), row["model_name"], row["model_version"]
    if row["recovered_at"] is not None:
        moment(row["recovered_at"])
    return row


def _in_order(rows: Iterable[Row], field: str) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: moment(row[field])))
