"""What the local AWS does not know is left out of the local deployment, and nothing else."""

from typing import Any

from scripts.local_template import GRADUAL, PLACE, UNPLACED, for_local, reserved_concurrency


def test_only_what_is_refused_is_left_out(template: dict[str, Any]) -> None:
    smaller, left_out = for_local(template)
    assert set(left_out.values()) == {
        "AWS::Athena::NamedQuery",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::CloudWatch::Alarm",
        GRADUAL,
        PLACE,
    }
    alarms = {name for name, kind in left_out.items() if kind == "AWS::CloudWatch::Alarm"}
    computed = {"ErrorRateAlarm", "EvaluatorAlarm", "QualityFunctionAlarm", "RetrainingAlarm", "AlertsAlarm"}
    assert alarms == computed
    assert [name for name, what in left_out.items() if what == GRADUAL] == ["IngestFunction"]
    function = smaller["Resources"]["IngestFunction"]["Properties"]
    given = template["Resources"]["IngestFunction"]["Properties"]
    assert function == {name: value for name, value in given.items() if name != GRADUAL}
    assert [name for name, what in left_out.items() if what == PLACE] == ["QualityRole", "RetrainingRole"]
    assert {**smaller["Resources"], **{name: template["Resources"][name] for name in left_out}} == template[
        "Resources"
    ]
    assert {key: value for key, value in smaller.items() if key != "Resources"} == {
        key: value for key, value in template.items() if key != "Resources"
    }


def test_nothing_that_stays_refers_to_what_is_left_out(template: dict[str, Any]) -> None:
    smaller, left_out = for_local(template)
    text = str(smaller)
    resources = [name for name, what in left_out.items() if what not in (GRADUAL, PLACE)]
    assert [name for name in resources if f"'{name}'" in text or f"${{{name}" in text] == []


def test_the_reserved_concurrency_is_set_afterwards(template: dict[str, Any]) -> None:
    assert reserved_concurrency(template) == {
        "EvaluatorFunction": 1,
        "ReconcilerFunction": 1,
        "QualityFunction": 1,
        "AlertFunction": 1,
    }


def test_a_statement_loses_its_resource_only_for_actions_that_name_none(template: dict[str, Any]) -> None:
    smaller, _ = for_local(template)
    before, after = (
        resources["QualityRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        for resources in (template["Resources"], smaller["Resources"])
    )
    changed = [one for one, other in zip(after, before, strict=True) if one != other]
    assert [(one["Sid"], one["Resource"]) for one in changed] == [("HearAnswers", "*")]
    assert set(UNPLACED) == set(changed[0]["Action"])
