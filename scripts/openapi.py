"""Print the API of a model as an OpenAPI document: `python -m scripts.openapi > openapi.json`.

It is made of the template's definition, of the features of the bundle that is served and of all that the API
answers: for generators of clients, and for tools that test APIs.
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from drift_core.bundle import MANIFEST_FILE, BundleError, Manifest
from ingest_lambda.feedback import labels_schema
from scripts.bundles import BundleMissingError, active_version, reader
from scripts.local_template import read
from scripts.openapi_answers import responses
from scripts.stack import LOCAL, PROJECT, Stack, StackError

VERSION = "3.1.0"
"""Of OpenAPI: the first whose schemas are JSON Schema, in which null can be a type among others."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=__doc__)
def openapi(
    *,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a bundle; else the one that is served.")
    ] = None,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
) -> None:
    """Exit code 1: no stack or no bundle."""
    try:
        if bundle is not None:
            described = document(Manifest.from_json((bundle / MANIFEST_FILE).read_bytes()))
        else:
            stack = Stack.load(config_env)
            manifest = Manifest.from_json(reader(stack, active_version(stack))(MANIFEST_FILE))
            described = document(manifest, url=stack.api_url, with_key="ApiKeyId" in stack.outputs)
    except (OSError, BundleError, BundleMissingError, StackError, ClientError, BotoCoreError) as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    json.dump(described, sys.stdout, indent=2)
    sys.stdout.write("\n")


def document(manifest: Manifest, *, url: str | None = None, with_key: bool = False) -> dict[str, Any]:
    """The API that serves a bundle.

    Parameters
    ----------
    url : of the API with its stage; None leaves it out.
    with_key : whether callers carry a key (parameter Authorization=API_KEY); else they sign.
    """
    template = read(PROJECT / "sam_template.yaml")
    body = copy.deepcopy(template["Resources"]["PredictionApi"]["Properties"]["DefinitionBody"])
    paths = {
        path: {method: _operation(path, described, with_key) for method, described in methods.items()}
        for path, methods in body["paths"].items()
    }
    scheme = "api_key" if with_key else "sigv4"
    return {
        "openapi": VERSION,
        "info": {"title": f"driftline-{manifest.model_name}", "version": manifest.model_version},
        "servers": [{"url": url}] if url else [],
        "paths": paths,
        "components": {
            "schemas": {
                "PredictRequest": manifest.schema.request_schema(),
                "FeedbackRequest": _portable(labels_schema(manifest.task)),
            },
            "securitySchemes": {scheme: _plain(body["components"]["securitySchemes"][scheme])},
        },
    }


def _operation(path: str, described: dict[str, Any], with_key: bool) -> dict[str, Any]:
    """An operation with its answers, for one way of authorization."""
    keyed, signed = described["security"]["Fn::If"][1:]
    return {
        **_plain(described),
        "operationId": path.strip("/"),
        "security": keyed if with_key else signed,
        "responses": responses(path),
    }


def _plain(described: dict[str, Any]) -> dict[str, Any]:
    """Without what only API Gateway reads."""
    return {name: value for name, value in described.items() if not name.startswith("x-amazon-")}


def _portable(schema: Any) -> Any:
    r"""A schema whose patterns every reader knows: `\Z` is Python's alone, and `$` means it elsewhere."""
    match schema:
        case dict():
            return {
                name: value.replace(r"\Z", "$") if name == "pattern" else _portable(value)
                for name, value in schema.items()
            }
        case list():
            return [_portable(value) for value in schema]
        case _:
            return schema


if __name__ == "__main__":
    app(prog_name="python -m scripts.openapi")
