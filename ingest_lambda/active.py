"""The active bundle: asked for again every minute, so that a new version is served without a deployment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from drift_core.bundle import BundleError
from ingest_lambda.bundle import NoBundleError, Served

RETRY_SECONDS = 1.0
"""While there is nothing to serve, AWS is asked at most this often, in seconds."""


class Store(Protocol):
    """Where bundles come from; `ingest_lambda.bundle.BundleStore` is the real one."""

    def active_version(self) -> str:
        """Version to serve."""

    def load(self, version: str) -> Served:
        """The bundle of a version."""


class ActiveBundle:
    """Keeps the active bundle loaded.

    A refresh that fails, for whatever reason, is told to `refused` and leaves the old bundle in place. It
    runs within a request, because a Lambda stands still between requests: that request waits for it.

    Parameters
    ----------
    refresh_seconds : age at which the active version is asked for again.
    clock : seconds, monotonic.
    refused : told of each refresh that failed.
    """

    def __init__(
        self,
        store: Store,
        *,
        refresh_seconds: float,
        clock: Callable[[], float],
        refused: Callable[[Exception], None],
    ) -> None:
        self._store = store
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._refused = refused
        self._served: Served | None = None
        self._failure: Exception | None = None
        self._due = clock()

    def current(self) -> Served:
        """The bundle to serve.

        Raises
        ------
        NoBundleError
            If there has never been one that could be loaded.
        """
        if self._clock() >= self._due:
            self._refresh()
        if self._served is None:
            raise _unavailable(self._failure) from self._failure
        return self._served

    def _refresh(self) -> None:
        try:
            version = self._store.active_version()
            if self._served is None or self._served.manifest.model_version != version:
                self._served = self._store.load(version)
        except Exception as error:  # told to the operator; a working model is worth more than a fresh one
            self._failure = error
            self._refused(error)
        self._due = self._clock() + (RETRY_SECONDS if self._served is None else self._refresh_seconds)


def _unavailable(failure: Exception | None) -> NoBundleError:
    """What a client may know: our own words, never those of a library."""
    if isinstance(failure, NoBundleError):
        return NoBundleError(str(failure))
    if isinstance(failure, BundleError):
        return NoBundleError(f"the active bundle is refused: {failure}")
    return NoBundleError(f"the active bundle cannot be loaded ({type(failure).__name__}); see the log")
