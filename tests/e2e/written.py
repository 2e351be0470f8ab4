"""What a deployed stack has written: its logs, its stream and its archive."""

from __future__ import annotations

import io
import re
import time
from collections import Counter

import pyarrow.parquet as pq

from scripts.stack import Stack


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def logged(stack: Stack, since: int, *functions: str) -> str:
    """All that the stack's functions, or those named, have logged since then, in UTC milliseconds."""
    logs, start = stack.client("logs"), f"/driftline/{model_name(stack)}/"
    groups = [
        group["logGroupName"] for group in logs.describe_log_groups(logGroupNamePrefix=start)["logGroups"]
    ]
    pages = logs.get_paginator("filter_log_events")
    return "\n".join(
        event["message"]
        for group in groups
        if not functions or group.removeprefix(start) in functions
        for page in pages.paginate(logGroupName=group, startTime=since)
        for event in page["events"]
    )


def model_name(stack: Stack) -> str:
    found = stack.client("cloudformation").describe_stacks(StackName=stack.target.stack_name)
    values = {given["ParameterKey"]: given["ParameterValue"] for given in found["Stacks"][0]["Parameters"]}
    name: str = values["ModelName"]
    return name


def requests_logged(stack: Stack, since: int) -> int:
    """Requests with a body that are in the function's log."""
    return len(re.findall(r'"message":"(?:predicted|labelled|refused)"', logged(stack, since, "ingest")))


def streamed(stack: Stack) -> list[bytes]:
    """All records of the only shard, in its order."""
    kinesis, name = stack.client("kinesis"), stack.outputs["StreamName"]
    (shard,) = kinesis.list_shards(StreamName=name)["Shards"]
    at = kinesis.get_shard_iterator(
        StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: list[bytes] = []
    while True:
        got = kinesis.get_records(ShardIterator=at, Limit=10_000)
        if not got["Records"]:
            return found
        found += [record["Data"] for record in got["Records"]]
        at = got["NextShardIterator"]


def rows_of(stack: Stack, folder: str) -> Counter[str]:
    """How often the archive holds each event."""
    s3, bucket = stack.client("s3"), stack.outputs["ArchiveBucketName"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{folder}/dt=")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
    return Counter(
        event_id
        for body in bodies
        for event_id in pq.read_table(io.BytesIO(body), columns=["event_id"])[0].to_pylist()
    )
