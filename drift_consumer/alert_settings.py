"""What the template tells the alert function, read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from drift_consumer.environment import optional, required
from drift_core.alert_policy import MINUTE_MS, AlertPolicy
from drift_core.alert_text import Place

RUNBOOK = "docs/runbook.md"
"""The runbook in the repository, where no URL is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """The alert function's environment variables, in lower case.

    Attributes
    ----------
    incident_topic, chat_topic : ARNs.
    slack_webhook : name of the secret with the webhook's URL; empty for no Slack.
    incident_quiet_minutes, incident_cool_down_minutes : see `drift_core.alert_policy.AlertPolicy`.
    runbook_url : where the runbook can be read; empty for its path in the repository.
    """

    model_name: str
    models_bucket: str
    archive_bucket: str
    window_table: str
    metrics_namespace: str
    incident_topic: str
    chat_topic: str
    slack_webhook: str
    incident_quiet_minutes: int
    incident_cool_down_minutes: int
    runbook_url: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> AlertSettings:
        """Read the environment.

        Raises
        ------
        ValueError
            If a variable is absent or not of its type; the text names it.
        """
        minutes = {
            name: optional(environ, name.upper(), int) or 0
            for name in ("incident_quiet_minutes", "incident_cool_down_minutes")
        }
        for name, value in minutes.items():
            if value < 1:
                raise ValueError(f"the environment variable {name.upper()} is {value}; set 1 or more minutes")
        return cls(
            model_name=required(environ, "MODEL_NAME"),
            models_bucket=required(environ, "MODELS_BUCKET"),
            archive_bucket=required(environ, "ARCHIVE_BUCKET"),
            window_table=required(environ, "WINDOW_TABLE"),
            metrics_namespace=required(environ, "METRICS_NAMESPACE"),
            incident_topic=required(environ, "INCIDENT_TOPIC"),
            chat_topic=required(environ, "CHAT_TOPIC"),
            slack_webhook=environ.get("SLACK_WEBHOOK", ""),
            runbook_url=environ.get("RUNBOOK_URL", ""),
            **minutes,
        )

    @property
    def policy(self) -> AlertPolicy:
        """How patient alerts are."""
        return AlertPolicy(
            quiet_ms=self.incident_quiet_minutes * MINUTE_MS,
            cool_down_ms=self.incident_cool_down_minutes * MINUTE_MS,
        )

    @property
    def place(self) -> Place:
        """Where messages lead to; the region is that of the topic."""
        return Place(
            region=self.incident_topic.split(":")[3],
            archive_bucket=self.archive_bucket,
            runbook=self.runbook_url or RUNBOOK,
        )
