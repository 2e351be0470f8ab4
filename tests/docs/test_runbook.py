"""The runbook has a section for each alarm, and only for these."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from typer.main import get_command

from scripts import accept, deploy, incidents, query, recover, redrive, replay, retrain, rollback
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


COMMANDS = sorted({line.replace("\n", " ") for line in re.findall(r"`(python -m scripts\.[^`]+)`", TEXT)})

APPS = {
    "scripts.accept": accept.app,
    "scripts.deploy": deploy.app,
    "scripts.incidents": incidents.app,
    "scripts.query": query.app,
    "scripts.recover": recover.app,
    "scripts.redrive": redrive.app,
    "scripts.replay": replay.app,
    "scripts.retrain": retrain.app,
    "scripts.rollback": rollback.app,
}


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one_that_its_script_takes(line: str) -> None:
    """Parsed as the script would; nothing is run."""
    module, *arguments = shlex.split(line.removeprefix("python -m "))
    if module == "scripts.outputs":
        assert arguments[0] in read(PROJECT / "sam_template.yaml")["Outputs"]
        return
    if not arguments:
        assert module in APPS
        return
    command: Any = get_command(APPS[module])
    if module in ("scripts.redrive", "scripts.incidents"):
        command = command.commands[arguments.pop(0)]
    with command.make_context(module, [word.replace("FOLDER", "docs") for word in arguments]) as context:
        assert context.args == []


def test_a_command_that_does_not_exist_would_be_found() -> None:
    """So the test above does test."""
    for arguments in (["--accept-missin"], ["--from"], ["batches"]):
        with pytest.raises(Exception, match=r"No such option|requires an argument|unexpected extra"):
            get_command(recover.app).make_context("recover", arguments)
