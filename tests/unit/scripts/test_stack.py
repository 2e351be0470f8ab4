"""How the scripts find a deployment."""

import dataclasses
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from scripts.stack import Stack, StackError, Target

ENV = """unset AWS_PROFILE AWS_SESSION_TOKEN
export AWS_ENDPOINT_URL=https://127.0.0.1:4567
export AWS_CA_BUNDLE='/a folder/ca.pem'
export AWS_ACCESS_KEY_ID=test
export AWS_SECRET_ACCESS_KEY=test
"""


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("AWS_PROFILE", "company")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    (tmp_path / "env").write_text(ENV)
    return Target.load("local", state=tmp_path)


def test_the_local_environment_has_nothing_of_the_real_aws(local: Target) -> None:
    aws = {name: value for name, value in local.environment.items() if name.startswith("AWS_")}
    assert aws == {
        "AWS_ENDPOINT_URL": "https://127.0.0.1:4567",
        "AWS_CA_BUNDLE": "/a folder/ca.pem",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    assert "PATH" in local.environment


def test_clients_of_the_local_target_reach_it_only(local: Target, tmp_path: Path) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.touch()
    client = dataclasses.replace(
        local, environment={**local.environment, "AWS_CA_BUNDLE": str(trusted)}
    ).client("s3")
    assert client.meta.endpoint_url == "https://127.0.0.1:4567"
    assert local.session.get_credentials().access_key == "test"  # type: ignore[union-attr]


def test_clients_of_aws_have_its_own_endpoint() -> None:
    client = Target.load("dev").client("kinesis")
    assert client.meta.endpoint_url == "https://kinesis.us-east-1.amazonaws.com"


def test_a_local_aws_that_does_not_run_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"^the local AWS is not running; run: python -m scripts\.local up$"):
        Target.load("local", state=tmp_path)


def test_an_unknown_environment_is_named_with_those_that_exist() -> None:
    with pytest.raises(StackError, match=r"has no environment 'test'; it has local, dev, prod$"):
        Target.load("test")


def test_a_stack_that_is_not_deployed_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    class CloudFormation:
        def describe_stacks(self, StackName: str) -> None:
            raise ClientError(
                {"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks"
            )

    monkeypatch.setattr(Target, "client", lambda *_: CloudFormation())
    expected = r"^stack 'driftline-dev' is not deployed; run: python -m scripts\.deploy --config-env dev$"
    with pytest.raises(StackError, match=expected):
        Stack.load("dev")


def test_a_local_aws_that_ended_is_named_with_the_remedy(local: Target, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    gone = {"AWS_ENDPOINT_URL": "https://127.0.0.1:9", "AWS_CA_BUNDLE": str(tmp_path / "ca.pem")}
    target = dataclasses.replace(local, environment={**local.environment, **gone})
    expected = r"^nothing answers at https://127\.0\.0\.1:9; run: python -m scripts\.local up$"
    with pytest.raises(StackError, match=expected):
        Stack.of(target)


def test_the_url_of_the_api_depends_on_where_it_runs(local: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE")
    outputs = {"ApiUrl": "https://abc123.execute-api.us-east-1.amazonaws.com/v1"}
    assert Stack(target=Target.load("dev"), outputs=outputs).api_url == outputs["ApiUrl"]
    assert Stack(target=local, outputs=outputs).api_url == (
        "https://127.0.0.1:4567/_aws/execute-api/abc123/v1"
    )
