"""Retrain the model that a stack serves: `python -m training retrain` with the stack's names filled in."""

from __future__ import annotations

from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from scripts.bundles import watched_model
from scripts.stack import LOCAL, Stack, StackError
from scripts.telling import ended
from training.retrain_cli import HELP, Names, carried_out, quietly, services

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=f"{__doc__}\n{HELP}")
def retrain(
    *,
    reason: Annotated[str, typer.Option(help="Why; it stays in the manifest.")] = "",
    since: Annotated[
        str, typer.Option(help="When the incident began, ISO 8601: only labels since then count.")
    ] = "",
    until: Annotated[str, typer.Option(help="The last time whose predictions are read. Default: now.")] = "",
    force: Annotated[bool, typer.Option(help="Whatever the policy's mode and its cool-down.")] = False,
    calibrate: Annotated[
        bool, typer.Option(help="Find the charts' thresholds by simulation, some 15 seconds.")
    ] = True,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
) -> None:
    """Ask the stack for its names, then do as `python -m training retrain`."""
    try:
        stack = Stack.load(config_env)
    except (StackError, ClientError, BotoCoreError) as error:
        raise ended(error, 1) from None
    to = services(stack.client, names_of(stack), calibrate=quietly if calibrate else None)
    carried_out(to, reason=reason, since=since, until=until, run="", force=force)


def names_of(stack: Stack) -> Names:
    """How a stack's resources are called."""
    return Names(
        model_name=watched_model(stack),
        models_bucket=stack.outputs["ModelsBucketName"],
        window_table=stack.outputs["WindowTableName"],
        athena_workgroup=stack.outputs["AthenaWorkgroupName"],
        glue_database=stack.outputs["GlueDatabaseName"],
        active_bundle_parameter=stack.outputs["ActiveBundleParameterName"],
        alarm_topic_arn=stack.outputs["AlarmTopicArn"],
    )


if __name__ == "__main__":
    app(prog_name="python -m scripts.retrain")
