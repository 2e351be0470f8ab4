"""A queue of the demo's own, to which one of the stack's resources may send."""

from __future__ import annotations

import json

from scripts.stack import Stack


def queue_for(stack: Stack, name: str, *, service: str, source: str) -> tuple[str, str]:
    """Make the queue.

    Parameters
    ----------
    service : that sends, e.g. "sns.amazonaws.com".
    source : ARN of the topic or the rule in whose name it does.

    Returns
    -------
    The queue's URL and its ARN.
    """
    sqs = stack.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": source}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn
