"""The outbox: documents, reports and messages that were decided on, until all are where they belong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from drift_consumer.alert_store import AlertStore, Kept, Notice, Parcel
from drift_consumer.channels import RefusedError, Send
from drift_consumer.incident_documents import IncidentDocuments
from drift_core.alert_state import Message
from drift_core.alert_text import Place, Told, notice, told
from drift_core.incident import Incident

GIVEN_UP_MS = 24 * 3_600_000
"""Age at which a message is given up: nobody is helped by yesterday's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """Works off what is kept; what is done is written at once, so that a crash repeats one message at most.

    Attributes
    ----------
    channels : by name.
    write_report : as in `drift_consumer.alert.Resources`.
    """

    store: AlertStore
    documents: IncidentDocuments
    channels: Mapping[str, Send]
    place: Place
    write_report: Callable[[Incident, int], str | None]

    def work(self, kept: Kept, now: int) -> tuple[Kept, list[Exception]]:
        """Write documents and reports, then tell people.

        Returns
        -------
        What is left, and what failed: that is tried again by the next run, but for what was refused or is
        too old.
        """
        faults: list[Exception] = []
        kept = self._write_documents(kept, faults)  # a report shows the incident that it is about
        kept = self._write_reports(kept, now, faults)
        kept = self._write_documents(kept, faults)  # and the document names its report
        failing: set[str] = set()
        for parcel in kept.outbox:
            sent = set(parcel.sent) & self.channels.keys()
            for name in self.channels:
                # What failed is not overtaken: an end would come before its begin.
                if name not in sent | failing and self._sent(name, parcel, kept, now, faults):
                    sent.add(name)
                elif name not in sent:
                    failing.add(name)
            if sent != set(parcel.sent) or not self.channels:
                kept = self.store.change(partial(_with, parcel=parcel, sent=sent, of=set(self.channels)))
        return kept, faults

    def _sent(self, name: str, parcel: Parcel, kept: Kept, now: int, faults: list[Exception]) -> bool:
        """Whether a channel is done with a parcel: it has it, will never take it, or it is too old."""
        try:
            self.channels[name](self._told(parcel, kept))
        except RefusedError as fault:
            faults.append(fault)
            return True
        except Exception as fault:
            fault.add_note(f"while telling {name}")
            faults.append(fault)
            if now - parcel.since < GIVEN_UP_MS:
                return False
            faults.append(RefusedError(f"a message was given up for {name} after a day"))
        return True

    def _told(self, parcel: Parcel, kept: Kept) -> Told:
        match parcel.what:
            case Notice() as one:
                return notice(one.title, one.text)
            case Message() as message:
                known = kept.alerting.incidents.get(message.incident.incident_id, message.incident)
                incident = replace(message.incident, report=known.report)
                return told(replace(message, incident=incident), self.place)

    def _write_documents(self, kept: Kept, faults: list[Exception]) -> Kept:
        written: dict[str, Incident] = {}
        for name in kept.unwritten:
            incident = kept.alerting.incidents.get(name)
            if incident is None:
                continue
            try:
                self.documents.write(incident)
                written[name] = incident
            except Exception as fault:
                fault.add_note(f"while writing the document of {name}")
                faults.append(fault)

        def without(stored: Kept) -> Kept:
            """A person may have changed an incident since: that change is not written yet."""
            now = stored.alerting.incidents
            left = [n for n in stored.unwritten if n in now and now[n] != written.get(n)]
            return replace(stored, unwritten=tuple(left))

        return self.store.change(without) if written else kept

    def _write_reports(self, kept: Kept, now: int, faults: list[Exception]) -> Kept:
        fresh = {
            parcel.what.incident.incident_id
            for parcel in kept.outbox
            if isinstance(parcel.what, Message) and not parcel.sent and parcel.what.at == now
        }
        for name in sorted(fresh & kept.alerting.incidents.keys()):
            try:
                key = self.write_report(kept.alerting.incidents[name], now)
            except Exception as fault:
                lost = RefusedError(f"the report of {name} was not written; its message goes without")
                lost.__cause__ = fault
                faults.append(lost)
                continue
            if key is not None:
                kept = self.store.change(partial(_reported, name=name, key=key))
        return kept


def _reported(kept: Kept, *, name: str, key: str) -> Kept:
    """The incident with its report, and its document to be written again."""
    incident = kept.alerting.incidents.get(name)
    if incident is None or incident.report == key:
        return kept
    unwritten = tuple(dict.fromkeys((*kept.unwritten, name)))
    return replace(kept, alerting=kept.alerting.having(replace(incident, report=key)), unwritten=unwritten)


def _with(kept: Kept, *, parcel: Parcel, sent: set[str], of: set[str]) -> Kept:
    """The outbox with what channels have a parcel now; without it once all do."""
    after = replace(parcel, sent=tuple(sorted(sent)))
    left = [after if one == parcel else one for one in kept.outbox]
    return replace(kept, outbox=tuple(one for one in left if not of <= set(one.sent)))
