"""Reports that write themselves: of each day, and of each incident whenever it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drift_consumer.baselines import Baselines
from report.documents import Documents
from report.facts import Facts
from report.gather import NothingJudgedError, gather, newest_version
from report.keep import daily_folder, daily_key, incident_key, keep
from report.page import page

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HOUR, DAY = 3_600_000, 86_400_000

BEFORE_INCIDENT = 6 * HOUR
"""How much of the time before an incident its report shows."""

LONGEST = 14 * DAY
"""Of an incident that lasts, so much is shown at most."""

SETTLED = HOUR
"""After the end of a day, until its last windows are judged and its report is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """The reports of one model.

    Attributes
    ----------
    bucket : the archive's, with the documents and the reports.
    """

    s3: S3Client
    bucket: str
    baselines: Baselines
    model_name: str

    def write_incident(self, incident_id: str, since: int, now: int) -> str | None:
        """Write the report of an incident; the one before is replaced.

        Parameters
        ----------
        since, now : when what the incident tells of began, and the present, UTC milliseconds.

        Returns
        -------
        Its key; None if nothing was judged in its time.
        """
        begin = max(since - BEFORE_INCIDENT, now - LONGEST)
        facts = self._facts(begin, now, now)
        return None if facts is None else self._keep(incident_key(incident_id), facts)

    def write_daily(self, now: int) -> str | None:
        """Write the report of the last whole day, once.

        Returns
        -------
        Its key; None if it is there already, or nothing was judged that day.
        """
        day = (now - SETTLED) // DAY * DAY - DAY
        written = self.s3.list_objects_v2(
            Bucket=self.bucket, Prefix=f"{daily_folder(day)}daily.{self.model_name}.", MaxKeys=1
        )
        if written["KeyCount"]:
            return None
        facts = self._facts(day, day + DAY, now)
        if facts is None:
            return None
        return self._keep(daily_key(self.model_name, facts.model_version, day), facts)

    def _facts(self, since: int, until: int, now: int) -> Facts | None:
        documents = Documents(s3=self.s3, bucket=self.bucket)
        try:
            version = newest_version(documents, self.model_name, since, until)
        except NothingJudgedError:
            return None
        bundle = self.baselines.get(self.model_name, version)
        return gather(documents, bundle.baseline, bundle.manifest.monitor, since=since, until=until, now=now)

    def _keep(self, key: str, facts: Facts) -> str:
        keep(self.s3, self.bucket, key, page(facts))
        return key
