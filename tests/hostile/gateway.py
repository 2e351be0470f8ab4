"""The handler as a WSGI application: what API Gateway passes on, without its own checks."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

type Handler = Callable[[dict[str, Any]], dict[str, Any]]
type Start = Callable[[str, list[tuple[str, str]]], object]

DOCUMENT = "/openapi.json"


class Gateway:
    """REST API, proxy integration.

    Parameters
    ----------
    handler : takes an event and gives the function's answer.
    document : of the API, served at `DOCUMENT`.
    """

    def __init__(self, handler: Handler, document: dict[str, Any]) -> None:
        self.handler = handler
        self.document = document
        self.bodies: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] == DOCUMENT:
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.document).encode()]
        answer = self.handler(event_of(environ))
        headers = [(name, value) for name, values in answer["multiValueHeaders"].items() for value in values]
        status = HTTPStatus(answer["statusCode"])
        start(f"{status.value} {status.phrase}", headers)
        self.bodies.append(answer["body"])
        return [answer["body"].encode()]


def event_of(environ: dict[str, Any]) -> dict[str, Any]:
    """A request as the function gets it; a body that is no text comes as Base64."""
    path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    try:
        text, is_base64 = body.decode(), False
    except UnicodeDecodeError:
        text, is_base64 = base64.b64encode(body).decode(), True
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").title(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    return {
        "httpMethod": environ["REQUEST_METHOD"],
        "path": path,
        "resource": path,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "requestContext": {"stage": "v1", "path": f"/v1{path}", "requestId": "gateway-1"},
        "body": text or None,
        "isBase64Encoded": is_base64,
    }
