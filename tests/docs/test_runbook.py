"""The runbook has a section for each alarm, and only for these."""

from __future__ import annotations

import re

from scripts.local_template import read
from tests.checkout import PROJECT

TEXT = (PROJECT / "docs" / "runbook.md").read_text()


def test_every_alarm_has_a_section() -> None:
    resources = read(PROJECT / "sam_template.yaml")["Resources"].values()
    names = [
        resource["Properties"]["AlarmName"]["Fn::Sub"]
        for resource in resources
        if resource["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    ]
    alarms = [name.removeprefix("driftline-${ModelName}-") for name in names]
    assert re.findall(r"^## (.+)$", TEXT, re.MULTILINE) == alarms


def test_every_section_says_where_to_look_and_what_to_do() -> None:
    sections = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
    for section in sections[:-1]:  # the last is of the composite alarm, which adds nothing of its own
        name = section.partition("\n")[0]
        assert "\n- Look: " in section, name
        assert "\n- Do: " in section, name
