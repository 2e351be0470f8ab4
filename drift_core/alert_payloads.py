"""The forms that channels take: an e-mail, blocks of Slack, a notification of Amazon Q Developer in chat."""

from __future__ import annotations

from typing import Any

from drift_core.alert_text import Told

BLOCKS, HEADER, SECTION, FIELDS, FIELD = 50, 150, 3_000, 10, 2_000
"""Slack's limits: blocks of a message, characters of a header and of a section, fields of a section and
characters of each. https://docs.slack.dev/reference/block-kit/blocks"""

CHAT_VERSION, CHAT_SOURCE = "1.0", "custom"
"""What names the schema of custom notifications.
https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html"""

CHAT_TITLE, CHAT_TEXT = 250, 4_000
"""Characters; within what chat channels show of one message."""


def email(told: Told) -> str:
    """The text of an e-mail: plain, and readable on a phone."""
    parts = [told.headline]
    if told.weight:
        parts.append(told.weight)
    if told.facts:
        parts.append("\n".join(f"{name}: {value}" for name, value in told.facts))
    if told.lines:
        parts.append("\n".join(f"- {line}" for line in told.lines) if told.facts else "\n".join(told.lines))
    if told.steps:
        parts.append("\n".join(f"{name}:\n  {value}" for name, value in told.steps))
    return "\n\n".join(parts) + "\n"


def slack(told: Told) -> dict[str, Any]:
    """A message for an incoming webhook; `text` is what notifications show."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(told.headline, HEADER)}}
    ]
    if told.weight:
        blocks.append(_section(escaped(told.weight)))
    if told.facts:
        fields = [f"*{escaped(name)}*\n{escaped(value)}" for name, value in told.facts[:FIELDS]]
        blocks.append(
            {"type": "section", "fields": [{"type": "mrkdwn", "text": cut(one, FIELD)} for one in fields]}
        )
    if told.lines:
        blocks.append(_section("\n".join(f"• {escaped(line)}" for line in told.lines)))
    blocks += [_section(f"*{escaped(name)}*\n{_linked(value)}") for name, value in told.steps]
    return {"text": escaped(cut(told.headline, HEADER)), "blocks": blocks[:BLOCKS]}


def chat(told: Told) -> dict[str, Any]:
    """A custom notification; messages on one incident make one thread."""
    text = [told.weight] if told.weight else []
    text += [f"*{escaped(name)}*: {escaped(value)}" for name, value in told.facts]
    text += [f"• {escaped(line)}" for line in told.lines]
    content: dict[str, Any] = {
        "textType": "client-markdown",
        "title": cut(escaped(told.headline), CHAT_TITLE),
        "description": cut("\n".join(text) or escaped(told.headline), CHAT_TEXT),
    }
    if told.steps:
        content["nextSteps"] = [f"{escaped(name)}: {_linked(value)}" for name, value in told.steps]
    payload: dict[str, Any] = {"version": CHAT_VERSION, "source": CHAT_SOURCE, "content": content}
    if told.thread:
        payload["metadata"] = {"threadId": told.thread, "summary": cut(told.subject, CHAT_TITLE)}
    return payload


def escaped(text: str) -> str:
    """Text in which nothing is a link, a mention or a command.

    >>> escaped("a & b <!channel>")
    'a &amp; b &lt;!channel&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, length: int) -> str:
    """Text of at most a length; what is cut ends with an ellipsis.

    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, SECTION)}}


def _linked(value: str) -> str:
    """A URL as a link, a command as code."""
    return f"<{value}>" if value.startswith("https://") else f"`{escaped(value)}`"
