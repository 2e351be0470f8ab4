"""The report on the loopback: made again when the archive has something new, until its stack is gone."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from report.documents import Known
from report.facts import Facts
from report.gather import NothingJudgedError
from scripts.bundles import BundleMissingError
from scripts.stack import Stack, StackError

HOST = "127.0.0.1"

GONE_SECONDS = 5.0
"""How often the server looks whether its stack is still there."""

WAITING = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<title>Driftline</title><body style="font: 1rem system-ui; margin: 4rem auto; max-width: 40rem">
<h1>Driftline</h1><p>{why}</p><p>This page looks again every three seconds.</p></body></html>
"""

type Made = tuple[str, int]
"""A page, and when it was made in UTC milliseconds."""


class Live:
    """The newest page, rendered again when a document that it tells of is new or was replaced.

    Parameters
    ----------
    gather : facts, with what it read before; raises `NothingJudgedError` while there is nothing to show.
    render : facts as a page.
    """

    def __init__(self, gather: Callable[[Known], Facts], render: Callable[[Facts], str]) -> None:
        self._gather, self._render = gather, render
        self._known: Known = {}
        self._tags: dict[str, str] = {}
        self._made: Made | None = None
        self._lock = threading.Lock()

    def newest(self) -> Made:
        """The page of what the archive holds now.

        Raises
        ------
        NothingJudgedError
            If nothing is judged yet.
        """
        with self._lock:
            facts = self._gather(self._known)
            tags = {key: tag for key, (tag, _) in self._known.items()}
            if self._made is None or tags != self._tags:
                self._made, self._tags = (self._render(facts), facts.made_at), tags
            return self._made


def serve(stack: Stack, live: Live, *, port: int, told: Callable[[str], None]) -> None:
    """Serve a page until the process ends or the stack cannot be reached any more.

    Parameters
    ----------
    port : 0 for any free one.
    told : gets the URL.
    """

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
            except (ClientError, BotoCoreError, BundleMissingError, ValueError) as error:
                self._answer(503, html.escape(f"no report can be made: {error}"))
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
        with suppress(KeyboardInterrupt):  # the way to end it
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
