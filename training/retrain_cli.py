"""The command line of retraining: `python -m training retrain --help`."""

from __future__ import annotations

import getpass
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from drift_core.bundle import BundleError
from queries.athena import Athena, AthenaError
from training.challenger import Cause
from training.data import DataError
from training.export import ParityError
from training.lease import Guarded, RefusedError
from training.retrain import Request, Services, retrain
from training.store import BundleStore, StoreError

FAILURES = (
    AthenaError,
    BundleError,
    DataError,
    ParityError,
    StoreError,
    ClientError,
    BotoCoreError,
    OSError,
)
"""What ends a retraining with exit code 1."""

HELP = """
Train the served model again, on archived predictions whose labels have come.

The challenger learns from the older ones. On the latest, which it has not seen, its errors are compared with
those of what was served; it takes over if it is better by the margin of the policy, and if its intervals hold
as many labels as they promise. The policy is part of the served bundle's manifest.

Exit code 0: a decision, also one to refuse the challenger or not to train now; 1: a step failed.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How the resources of a stack are called."""

    model_name: str
    models_bucket: str
    window_table: str
    athena_workgroup: str
    glue_database: str
    active_bundle_parameter: str
    alarm_topic_arn: str


def services(
    client: Callable[[str], Any], names: Names, *, calibrate: Callable[[float], None] | None
) -> Services:
    """What a retraining works with, from a maker of boto3 clients."""
    sns = client("sns")

    def tell(subject: str, text: str) -> None:
        sns.publish(TopicArn=names.alarm_topic_arn, Subject=subject[:100], Message=text)

    return Services(
        store=BundleStore(
            s3=client("s3"),
            ssm=client("ssm"),
            bucket=names.models_bucket,
            parameter=names.active_bundle_parameter,
            model_name=names.model_name,
        ),
        athena=Athena(
            client=client("athena"), workgroup=names.athena_workgroup, database=names.glue_database
        ),
        guarded=Guarded(
            dynamodb=client("dynamodb"),
            table=names.window_table,
            model_name=names.model_name,
            clock=lambda: time.time_ns() // 1_000_000,
        ),
        tell=tell,
        say=typer.echo,
        calibrate=calibrate,
    )


def carried_out(to: Services, *, reason: str, since: str, until: str, run: str, force: bool) -> None:
    """Retrain, say what came of it, and end with the right exit code.

    Parameters
    ----------
    since, until : ISO 8601, or empty.
    run : who trains; empty for whoever is logged in. Where nobody is, what is printed goes to a log, so what
        may quote values of features is not told.
    """
    try:
        request = Request(
            run=run or f"{getpass.getuser()} ({uuid.uuid4().hex[:8]})",
            cause=Cause(reason=reason or "by hand", since=_moment("--since", since)),
            until=_moment("--until", until),
            force=force,
        )
        outcome = retrain(to, request)
    except RefusedError as error:
        typer.echo(f"not now: {error}")
    except FAILURES as error:
        quotes = run and isinstance(error, DataError | ParityError)
        told = (
            f"{type(error).__name__}: python -m scripts.retrain --force by hand tells more"
            if quotes
            else error
        )
        typer.echo(f"error: {told}", err=True)
        raise typer.Exit(1) from error
    else:
        typer.echo(outcome.told(request.cause))


def command(
    *,
    model_name: Annotated[str, typer.Option(envvar="MODEL_NAME", help="The model.")],
    models_bucket: Annotated[str, typer.Option(envvar="MODELS_BUCKET", help="Bucket of the bundles.")],
    window_table: Annotated[str, typer.Option(envvar="WINDOW_TABLE", help="Table with the guard.")],
    athena_workgroup: Annotated[str, typer.Option(envvar="ATHENA_WORKGROUP", help="Who asks the archive.")],
    glue_database: Annotated[str, typer.Option(envvar="GLUE_DATABASE", help="Database of the archive.")],
    active_bundle_parameter: Annotated[
        str, typer.Option(envvar="ACTIVE_BUNDLE_PARAMETER", help="Parameter with the served version.")
    ],
    alarm_topic_arn: Annotated[str, typer.Option(envvar="ALARM_TOPIC_ARN", help="Topic that is told.")],
    reason: Annotated[str, typer.Option(envvar="REASON", help="Why; it stays in the manifest.")] = "",
    since: Annotated[
        str,
        typer.Option(envvar="SINCE", help="When the incident began, ISO 8601: only labels since then count."),
    ] = "",
    until: Annotated[str, typer.Option(help="The last time whose predictions are read. Default: now.")] = "",
    run: Annotated[str, typer.Option(envvar="CODEBUILD_BUILD_ID", help="Name of this run.")] = "",
    force: Annotated[bool, typer.Option(help="Whatever the policy's mode and its cool-down.")] = False,
    calibrate: Annotated[
        bool, typer.Option(help="Find the charts' thresholds by simulation, some 15 seconds.")
    ] = True,
) -> None:
    """Names from options or from the environment, clients from boto3's own settings."""
    names = Names(
        model_name=model_name,
        models_bucket=models_bucket,
        window_table=window_table,
        athena_workgroup=athena_workgroup,
        glue_database=glue_database,
        active_bundle_parameter=active_bundle_parameter,
        alarm_topic_arn=alarm_topic_arn,
    )
    make: Any = boto3.client
    to = services(make, names, calibrate=quietly if calibrate else None)
    carried_out(to, reason=reason, since=since, until=until, run=run, force=force)


def quietly(done: float) -> None:
    """Nobody watches a bar."""


def _moment(option: str, text: str) -> int | None:
    """An ISO time as UTC milliseconds; without a zone it is UTC."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{option} is {text!r}; write ISO 8601 such as 2026-01-31T12:00:00Z"
        ) from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
