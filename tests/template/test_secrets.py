"""No secret in an environment variable, in a parameter or in the configuration of deployments.

Files are searched for secrets by `make check`, with checkov; here it finds one.
"""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from scripts.stack import PROJECT
from tests.template.transform import EVERYTHING, of_type, transformed

SECRET = re.compile(r"secret|passw|token|credential|private|api_?key|access_?key", re.IGNORECASE)

RESOURCES = {
    "AWS::S3::Bucket",
    "AWS::SSM::Parameter",
    "AWS::Kinesis::Stream",
    "AWS::SQS::Queue",
    "AWS::DynamoDB::Table",
    "AWS::Athena::WorkGroup",
    "AWS::Glue::Database",
    "AWS::SNS::Topic",
}
"""What an environment may name: such a reference is a name or a URL."""

NUMBER_OR_WORD = re.compile(r"[0-9.]+|[A-Za-z]+")


def test_environments_hold_names_and_numbers_only(template: dict[str, Any]) -> None:
    created = transformed(**EVERYTHING)
    parameters = template["Parameters"]
    functions = of_type(created, "AWS::Lambda::Function")
    assert functions
    for function, properties in functions.items():
        for name, value in properties["Environment"]["Variables"].items():
            assert not SECRET.search(name), name
            if isinstance(value, str):
                assert NUMBER_OR_WORD.fullmatch(value), (function, name)
                continue
            (kind, target), *others = value.items()
            assert (kind, others) == ("Ref", []), (function, name)
            assert target in parameters or created[target]["Type"] in RESOURCES, (function, name)


def test_no_parameter_takes_a_secret(template: dict[str, Any]) -> None:
    """`KmsKeyArn` and `SlackWebhookSecret` are names; what they name stays where it is."""
    for name, parameter in template["Parameters"].items():
        assert name == "SlackWebhookSecret" or not SECRET.search(name), name
        assert "NoEcho" not in parameter, name


def test_the_webhook_itself_is_no_value_of_its_parameter(template: dict[str, Any]) -> None:
    pattern = template["Parameters"]["SlackWebhookSecret"]["AllowedPattern"]
    assert not re.fullmatch(pattern, "https://hooks.slack.com" + "/services/T000/B000/XXXX")


def test_nothing_is_resolved_from_a_store_of_secrets(template: dict[str, Any]) -> None:
    """Such a reference would put the secret's value into the function's settings."""
    assert "{{resolve:" not in str(template)


def test_the_configuration_of_deployments_has_no_secret() -> None:
    config = tomllib.loads((PROJECT / "samconfig.toml").read_text())
    del config["version"]
    allowed = {
        "stack_name",
        "region",
        "template_file",
        "build_in_source",
        "parallel",
        "capabilities",
        "resolve_s3",
        "confirm_changeset",
        "fail_on_empty_changeset",
        "parameter_overrides",
    }
    for environment in config.values():
        for command in environment.values():
            assert set(command["parameters"]) <= allowed
            for pair in command["parameters"].get("parameter_overrides", []):
                assert re.fullmatch(r"\w+=\w*", pair), pair


def test_a_secret_in_a_file_is_found(tmp_path: Path) -> None:
    """As `make check` asks; given a folder, checkov would pass over the code."""
    (recipe,) = re.findall(
        r"checkov -f \$\$\(git .+?\) (--framework secrets .+)", (PROJECT / "Makefile").read_text()
    )
    file = tmp_path / "settings.py"
    command = [str(PROJECT / ".venv-audit" / "bin" / "checkov"), "-f", str(file), *recipe.split()]
    file.write_text(f"key = '{'AKIA' + 'QYLPMN5HFIQR7XYA'}'\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "AWS Access Key" in done.stdout) == (1, True), done.stdout
