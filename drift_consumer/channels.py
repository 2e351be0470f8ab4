"""The ways to people: e-mail and chat through topics, Slack through its webhook."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import urllib3

from drift_core.alert_payloads import chat, email, slack
from drift_core.alert_text import Told

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient

RETRIES = urllib3.Retry(
    total=3,
    backoff_factor=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=("POST",),
    respect_retry_after_header=False,  # a webhook that wants minutes gets the next run
    redirect=0,
    raise_on_status=False,
)
"""Of one run; the message stays in the outbox for the next ones."""

TIMEOUT = urllib3.Timeout(connect=3, read=5)
LATER = frozenset({408, 429, *range(500, 600)})
"""Statuses after which it is worth to try again."""


class DeliveryError(RuntimeError):
    """A channel did not take a message now; the next run tries again."""


class RefusedError(RuntimeError):
    """A message that a channel will never take, or a report that was not written: it is not tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Messages as e-mail text to one topic, and as notifications of Amazon Q Developer to another."""

    sns: SNSClient
    incident_topic: str
    chat_topic: str

    def email(self, told: Told) -> None:
        """Publish the text; whoever subscribed an address gets it."""
        self.sns.publish(TopicArn=self.incident_topic, Subject=told.subject, Message=email(told))

    def chat(self, told: Told) -> None:
        """Publish the notification; a chat channel that listens shows it."""
        message = json.dumps(chat(told), ensure_ascii=False)
        self.sns.publish(TopicArn=self.chat_topic, Message=message)


@dataclass(slots=True, kw_only=True)
class Slack:
    """An incoming webhook whose URL is a secret: it is never logged and stands in no error.

    Attributes
    ----------
    secret : its name; the secret is the URL, or a JSON object with the URL under "url".
    """

    secrets: SecretsManagerClient
    pool: urllib3.PoolManager
    secret: str
    _url: str | None = None

    def send(self, told: Told) -> None:
        """Post a message.

        Raises
        ------
        DeliveryError
            If the webhook cannot be reached or asks to come later.
        RefusedError
            If it will never take the message: a wrong payload, a webhook or a channel that is gone.
        """
        body = json.dumps(slack(told), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        url = self._url or self._read()
        try:
            answer = self.pool.request(
                "POST", url, body=body, headers=headers, retries=RETRIES, timeout=TIMEOUT
            )
        except urllib3.exceptions.HTTPError as error:
            # Its text and its causes name the URL.
            raise DeliveryError(f"the webhook of Slack was not reached: {type(error).__name__}") from None
        if answer.status == 200:
            self._url = url
            return
        self._url = None  # the secret may have been renewed
        why = answer.data[:100].decode("utf-8", "replace")
        if answer.status in LATER:
            raise DeliveryError(f"Slack answered {answer.status} ({why})")
        raise RefusedError(
            f"Slack answered {answer.status} ({why}); renew the webhook in the secret {self.secret!r}, "
            f"or empty the parameter SlackWebhookSecret"
        )

    def _read(self) -> str:
        text = self.secrets.get_secret_value(SecretId=self.secret)["SecretString"].strip()
        url = json.loads(text)["url"] if text.startswith("{") else text
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise RefusedError(f"the secret {self.secret!r} holds no URL; put the webhook's URL into it")
        return url


type Send = Callable[[Told], None]
"""Tells people; raises what `Slack.send` raises, or what the service says."""
