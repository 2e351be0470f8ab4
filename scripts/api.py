"""ApiClient: calls the deployed API as a caller with rights would, signed or with its key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from scripts.stack import Stack, StackError


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer of the API; `body` is its JSON."""

    status: int
    body: Any


class ApiClient:
    """Calls one stack's API; keeps its connection, so use one per thread."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._url = stack.api_url
        verify: Any = stack.target.ca_bundle or True  # a path is allowed; the stubs know only the flag
        self._http = URLLib3Session(verify=verify)
        self._key = _api_key(stack)

    def call(self, method: str, path: str, body: object = None, *, authorized: bool = True) -> Response:
        """Send one request.

        Parameters
        ----------
        path : such as "/predict".
        body : sent as JSON; None sends none; bytes are sent as they are.
        authorized : False leaves the signature or key away, to see that the API refuses.
        """
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = AWSRequest(
            method, self._url + path, data=data, headers={"content-type": "application/json"}
        )
        if authorized and self._key is not None:
            request.headers["x-api-key"] = self._key
        elif authorized:
            credentials = self._stack.session.get_credentials()
            if credentials is None:
                raise StackError(
                    "no AWS credentials to sign with; run: aws configure (or export AWS_PROFILE)"
                )
            SigV4Auth(credentials, "execute-api", self._stack.session.region_name).add_auth(request)
        answer = self._http.send(request.prepare())
        return Response(status=answer.status_code, body=json.loads(answer.content or b"null"))


def _api_key(stack: Stack) -> str | None:
    """The key's value if the stack wants one (parameter Authorization=API_KEY)."""
    key_id = stack.outputs.get("ApiKeyId")
    if key_id is None:
        return None
    value: str = stack.client("apigateway").get_api_key(apiKey=key_id, includeValue=True)["value"]
    return value
