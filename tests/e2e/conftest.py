"""The real template, deployed to a local AWS of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drift_core.bundle import MANIFEST_FILE, Manifest
from scripts.deployment import activate, deploy_stack, upload_bundle
from scripts.local_aws import LocalAws
from scripts.process import run
from scripts.stack import LOCAL, Stack, Target
from tests.webhook import Webhook, receiving

WEBHOOK_NAME = "driftline-slack"
"""Name of the secret with the webhook's URL."""

PARAMETERS = {"WindowSeconds": "60", "GraceSeconds": "1", "MinSamples": "50", "BatchingWindowSeconds": "1"}
"""So that a test need not wait for a verdict."""


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS on a free port, which ends with the tests."""
    aws = LocalAws(tmp_path_factory.mktemp("local-aws"))
    aws.start(port=0)
    yield aws
    aws.stop()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small bundle of generated houses."""
    out = str(tmp_path_factory.mktemp("bundles"))
    return Path(run([sys.executable, "-m", "training", "--generate", "3000", "--out", out]))


@pytest.fixture(scope="session")
def webhook() -> Iterator[Webhook]:
    """What stands for Slack."""
    with receiving() as found:
        yield found


@pytest.fixture(scope="session")
def stack(built: Path, local_aws: LocalAws, bundle: Path, webhook: Webhook) -> Stack:
    """The stack, which serves the bundle and tells the webhook."""
    manifest = Manifest.from_json((bundle / MANIFEST_FILE).read_bytes())
    target = Target.load(LOCAL, state=local_aws.state)
    target.client("secretsmanager").create_secret(Name=WEBHOOK_NAME, SecretString=webhook.url)
    told = {"SlackWebhookSecret": WEBHOOK_NAME}
    deployed = deploy_stack(target, manifest, say=lambda _: None, folder=built, parameters=PARAMETERS | told)
    activate(deployed, upload_bundle(deployed, bundle))
    return deployed
