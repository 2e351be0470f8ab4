"""Fixtures of several files."""

from __future__ import annotations

from tests.integration.archive_written import buckets

__all__ = ["buckets"]
