"""What the template's alarms and its dashboard watch, read from the template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.local_template import read
from tests.checkout import PROJECT

RESOURCES: dict[str, Any] = read(PROJECT / "sam_template.yaml")["Resources"]

DASHBOARD = "Dashboard"

_SEARCH = re.compile(
    r"SEARCH\('\{Driftline,([\w,]+)\} ModelName=\"m\"(?: MetricName=\"(\w+)\")?', '\w+', \d+\)"
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A metric as it is asked for: its dimensions are names only, in the order of the alphabet."""

    namespace: str
    name: str
    dimensions: tuple[str, ...]


def alarms() -> dict[str, Any]:
    """Every alarm by the end of its name, without the composite one."""
    found = {
        resource["Properties"]["AlarmName"]["Fn::Sub"]: resource["Properties"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    return {name.removeprefix("driftline-${ModelName}-"): alarm for name, alarm in found.items()}


def by_alarm(alarm: Mapping[str, Any]) -> Iterator[Watched]:
    """The metrics of one alarm."""
    stats = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", ()) if "MetricStat" in one]
    for metric in stats or [alarm]:
        dimensions = sorted(dimension["Name"] for dimension in metric["Dimensions"])
        yield Watched(metric["Namespace"], metric["MetricName"], tuple(dimensions))


def body(*, volume: bool = True) -> dict[str, Any]:
    """The dashboard's body for a model named m, with or without the alarm on low volume."""
    text, named = RESOURCES[DASHBOARD]["Properties"]["DashboardBody"]["Fn::Sub"]
    [[condition, low_volume, nothing]] = [value["Fn::If"] for value in named.values()]
    assert condition == "WatchesVolume"
    values = {"DriftThreshold": "2.0", "OutOfRangePercent": "5", "ModelName": "m"}

    def filled(text: str) -> str:
        return re.sub(r"\$\{(?!!)([\w:.]+)\}", lambda found: values.get(found[1], found[1]), text)

    values["LowVolume"] = filled(low_volume["Fn::Sub"]) if volume else nothing
    parsed: dict[str, Any] = json.loads(filled(text).replace("${!", "${"))
    return parsed


def rows(widget: Mapping[str, Any]) -> list[list[Any]]:
    """A widget's metrics without the abbreviations: "." is what stands above, "..." all of it."""
    written: list[list[Any]] = []
    for row in widget["properties"].get("metrics", ()):
        if isinstance(row[0], dict):
            written.append(row)
            continue
        options = [cell for cell in row if isinstance(cell, dict)]
        cells = [cell for cell in row if not isinstance(cell, dict)]
        above = [cell for cell in written[-1] if not isinstance(cell, dict)] if written else []
        if cells[0] == "...":
            cells = [*above[: len(above) - len(cells) + 1], *cells[1:]]
        cells = [above[place] if cell == "." else cell for place, cell in enumerate(cells)]
        written.append([*cells, *options])
    return written


def by_widget(widget: Mapping[str, Any]) -> Iterator[Watched]:
    """The metrics that a widget names, those of searches among them; "*" for all of the dimensions."""
    for row in rows(widget):
        if isinstance(row[0], dict):
            for dimensions, name in _SEARCH.findall(row[0]["expression"]):
                yield Watched("Driftline", name or "*", tuple(sorted(dimensions.split(","))))
        else:
            cells = [cell for cell in row if not isinstance(cell, dict)]
            yield Watched(cells[0], cells[1], tuple(sorted(cells[2::2])))
