"""The commands for deploying and for the local AWS: what they refuse, and how they end."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts import deploy, local
from scripts.deployment import DeploymentError

runner = CliRunner()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--config-env", "test"], 1, "samconfig.toml has no environment 'test'; it has local, dev, prod"),
        (["--bundle", ".", "--generate", "5"], 2, "--bundle is trained already; leave out --generate 5"),
        (["--parameter", "ShardCount"], 2, "--parameter is written as Name=Value"),
        (["--bundle", "absent"], 2, "does not exist"),
    ],
)
def test_a_deployment_that_cannot_begin(arguments: list[str], code: int, told: str) -> None:
    done = runner.invoke(deploy.app, arguments, env={"COLUMNS": "200"})
    assert done.exit_code == code
    assert told in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--data", "h.csv", "--target", "p", "--model-name", "My_houses"],
            "ModelName is 'My_houses'; give 1 to 40 lower-case letters, digits and hyphens, "
            "beginning with a letter",
        ),
        (["--parameter", "WindowSeconds=7"], "WindowSeconds is '7'; give one of nothing (empty), 10, 12,"),
        (["--parameter", "Window=60"], "the template has no parameter Window; it has ModelName, ShardCount,"),
    ],
)
def test_a_deployment_that_the_template_would_refuse_does_not_begin(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.setattr("scripts.deploy.train", lambda _: pytest.fail("trained"))
    monkeypatch.setattr("scripts.stack.Target.client", lambda *_: pytest.fail("called AWS"))
    done = runner.invoke(deploy.app, ["--config-env", "dev", "--yes", *arguments], env={"COLUMNS": "200"})
    assert done.exit_code == 1
    assert done.output.startswith(told)


def test_a_file_gives_the_model_a_name_that_the_template_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def train(options: list[str]) -> None:
        asked.append(options)
        raise DeploymentError("enough")

    monkeypatch.setattr("scripts.deploy.train", train)
    monkeypatch.setattr("scripts.deploy.check_concurrency", lambda *_, **__: None)
    arguments = ["--data", "California_housing.csv", "--target", "price"]
    done = runner.invoke(deploy.app, ["--config-env", "dev", "--yes", *arguments])
    assert done.output == "enough\n"
    assert asked == [[*arguments, "--model-name", "california-housing"]]


def test_a_deployment_to_an_account_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sts:
        def get_caller_identity(self) -> dict[str, str]:
            return {"Account": "123456789012"}

    monkeypatch.setattr("scripts.stack.Target.client", lambda *_: Sts())
    done = runner.invoke(deploy.app, ["--config-env", "prod"], input="n\n")
    assert done.exit_code == 1
    assert "deploy driftline to account 123456789012, region us-east-1? [y/N]: n" in done.output
    assert "train" not in done.output


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["status"], 3, "the local AWS does not run; start it with: python -m scripts.local up"),
        (["down"], 0, "the local AWS does not run"),
        (["up", "--port", "65536"], 2, "less than or equal to 65535"),
    ],
)
def test_a_local_aws_that_does_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    monkeypatch.setattr(local, "LOCAL_STATE", tmp_path / "state")
    done = runner.invoke(local.app, arguments, env={"COLUMNS": "200"})
    assert (done.exit_code, told in done.output) == (code, True), done.output
