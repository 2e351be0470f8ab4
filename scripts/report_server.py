"""The report on the loopback: made again when the archive has something new, until its stack is gone."""

from __future__ import annotations

import hashlib
import html
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from report.gather import NothingJudgedError
from scripts.stack import Stack, StackError

HOST = "127.0.0.1"

FOLDERS = ("verdicts", "quality", "explained", "incidents", "reconciled")
"""What a report is made of."""

GONE_SECONDS = 5.0
"""How often the server looks whether its stack is still there."""

WAITING = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<title>Driftline</title><body style="font: 1rem system-ui; margin: 4rem auto; max-width: 40rem">
<h1>Driftline</h1><p>{why}</p><p>This page looks again every three seconds.</p></body></html>
"""

type Made = tuple[str, int]
"""A page, and when it was made in UTC milliseconds."""


class Live:
    """The newest page, made again when the listing of the archive has changed."""

    def __init__(self, stack: Stack, make: Callable[[], Made]) -> None:
        self._stack = stack
        self._make = make
        self._lock = threading.Lock()
        self._seen = ""
        self._page: Made | None = None

    def newest(self) -> Made:
        """The page of what the archive holds now.

        Raises
        ------
        NothingJudgedError
            If nothing is judged yet.
        """
        with self._lock:
            seen = self._listing()
            if self._page is None or seen != self._seen:
                self._page, self._seen = self._make(), seen
            return self._page

    def _listing(self) -> str:
        """A digest of the names and the contents of all documents."""
        digest = hashlib.sha256()
        pages = self._stack.client("s3").get_paginator("list_objects_v2")
        for folder in FOLDERS:
            for page in pages.paginate(Bucket=self._stack.outputs["ArchiveBucketName"], Prefix=f"{folder}/"):
                for one in page.get("Contents", ()):
                    digest.update(f"{one['Key']} {one['ETag']}\n".encode())
        return digest.hexdigest()


def serve(stack: Stack, make: Callable[[], Made], *, port: int, told: Callable[[str], None]) -> None:
    """Serve a page until the process ends or the stack cannot be reached any more.

    Parameters
    ----------
    make : the page; raises `NothingJudgedError` while there is nothing to show.
    port : 0 for any free one.
    told : gets the URL.
    """
    live = Live(stack, make)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if self.headers.get("Host", "").partition(":")[0] not in (HOST, "localhost"):
                self._answer(421, "this page is for this machine alone")  # not for a name that leads here
                return
            try:
                text, made_at = live.newest()
            except NothingJudgedError as error:
                text, made_at = WAITING.format(why=html.escape(str(error))), 0
            except (ClientError, BotoCoreError) as error:
                self._answer(503, f"the archive cannot be read: {error}")
                return
            if asked.path == "/changed":
                since = parse_qs(asked.query).get("since", ["0"])[0]
                self._answer(204 if since == str(made_at) else 200, "")
            elif asked.path == "/":
                self._answer(200, text)
            else:
                self._answer(404, "only / is here")

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing: who asked is no news."""

    with ThreadingHTTPServer((HOST, port), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=_end_with, args=(stack, server), daemon=True).start()
        told(f"http://{HOST}:{server.server_address[1]}/")
        server.serve_forever()


def _end_with(stack: Stack, server: ThreadingHTTPServer) -> None:
    """End the server once its stack has gone."""
    gone = threading.Event()
    while not gone.wait(GONE_SECONDS):
        try:
            Stack.load(stack.target.config_env)
        except StackError:
            server.shutdown()
            return
