"""Watches the inbox of today, and sends an event when documents have arrived and the inbox is quiet again."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from ner_tasks.errors import ArtifactBroken, InputMissing, NerTasksError
from ner_tasks.records import PublishedDay, read_record
from ner_tasks.settings import Settings
from ner_tasks.store import keys
from ner_tasks.tagging.arrivals import QUIET_S, InboxState, read_inbox_state
from ner_tasks.tagging.merge import MANIFEST

_POLL_S, _MAX_WAIT_S, _REPEAT_S = 5.0, 60.0, 3600.0
_PAUSE_PER_LISTING = 10  # a listing of many files may take a tenth of the time


class InboxTrigger(BaseEventTrigger):
    """Sends an event when the inbox of today holds something that its published day does not answer.

    A burst is one event, sent when the inbox has not changed for `quiet_s`, and after `max_wait_s` at the latest; files
    that are still written then are left to the next event. What remains unanswered, because a run failed or the DAG was
    paused, gets another event after `repeat_s`.

    Args:
        poll_s: seconds between two looks, above 0; more for an inbox that takes long to list.
        quiet_s: seconds without a change before an event, from 0.
        max_wait_s: seconds after which an inbox that keeps changing sends an event.
        repeat_s: seconds after which an inbox that is not answered sends another event.
    """

    def __init__(
        self,
        *,
        poll_s: float = _POLL_S,
        quiet_s: float = QUIET_S,
        max_wait_s: float = _MAX_WAIT_S,
        repeat_s: float = _REPEAT_S,
    ) -> None:
        super().__init__()
        self.poll_s, self.quiet_s, self.max_wait_s, self.repeat_s = poll_s, quiet_s, max_wait_s, repeat_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("poll_s", "quiet_s", "max_wait_s", "repeat_s")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        sent: tuple[str, InboxState] | None = None
        sent_at = 0.0
        while True:
            day = str(datetime.now(UTC).date())
            seen, took_s = await self._look(day)
            if seen and ((day, seen) != sent or time.monotonic() - sent_at > self.repeat_s):
                quiet, is_quiet = await self._wait_until_quiet(day, seen)
                if quiet:
                    yield TriggerEvent({"day": day, "n_files": quiet.n_files})
                # what was still written when the wait ended needs another event
                sent, sent_at = (day, quiet) if quiet and is_quiet else None, time.monotonic()
            await asyncio.sleep(max(self.poll_s, _PAUSE_PER_LISTING * took_s))

    async def _wait_until_quiet(self, day: str, seen: InboxState) -> tuple[InboxState | None, bool]:
        """Return the inbox as last seen, None if it needs no run, and whether it had not changed for `quiet_s`."""
        until, last = time.monotonic() + self.max_wait_s, seen
        while True:
            await asyncio.sleep(self.quiet_s)
            now, _ = await self._look(day)
            if now is None or now == last or time.monotonic() >= until:
                return now, now == last
            last = now

    async def _look(self, day: str) -> tuple[InboxState | None, float]:
        """Return the state of the day's inbox, None if nothing in it needs a run, and how long it took to find out."""
        began = time.monotonic()
        try:
            # in a thread: the store blocks, and other triggers share this loop
            state = await asyncio.to_thread(_find_unanswered, day)
        except (NerTasksError, OSError) as error:
            self.log.warning("the inbox of %s is not watched now: %s", day, error)
            return None, time.monotonic() - began
        return state, time.monotonic() - began


def _find_unanswered(day: str) -> InboxState | None:
    """Return the state of a day's inbox; None if it is empty, or the published day answers it as it is."""
    store = Settings.from_env().open_store()
    state = read_inbox_state(store.files(keys.inbox_day(day)))
    if not state.n_files:
        return None
    try:
        published = read_record(store, keys.tagged_day(day, MANIFEST), PublishedDay)
    except (InputMissing, ArtifactBroken):  # the run says what is wrong
        return state
    return None if published.get("inbox_sha256") == state.digest else state
