"""A lock on S3: an object that its holder keeps writing anew, and that is free once it has not for a minute.

Every write has the condition that the object is still the one written before, so that of two who want it one
gets it; its age is read off the server's clock alone.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ner_tasks.errors import Busy, InputMissing, NerTasksError
from ner_tasks.store.bucket import Bucket

LEASE_S = 60.0
_LOOK_AGAIN_S = 1.0


def _holder(body: bytes) -> str:
    """Who holds a lock, as far as its file says."""
    try:
        return str(json.loads(body)["holder"])[:200]
    except (ValueError, TypeError, KeyError, RecursionError):
        return "somebody"


class Lease:
    """A lock that is held; made by `held`."""

    def __init__(self, bucket: Bucket, name: str, *, lease_s: float) -> None:
        self._bucket, self._name, self._lease_s = bucket, name, lease_s
        self._holder = f"{socket.gethostname()}, process {os.getpid()}, {uuid.uuid4().hex[:8]}"
        self._n_writes = 0
        self._etag: str | None = None
        self._writing, self._done = threading.Lock(), threading.Event()
        self._lost: Busy | None = None

    def acquire(self, patience_s: float) -> None:
        """Take the lock, waiting up to `patience_s` for whoever holds it."""
        deadline = time.monotonic() + patience_s
        while True:
            with suppress(Busy):
                self._write(None)
                return
            with suppress(InputMissing):  # let go of in this moment
                found = self._bucket.get(self._name)
                if found.age_s > self._lease_s:
                    with suppress(Busy):
                        self._write(found.etag)
                        return
                if time.monotonic() > deadline:
                    raise Busy(
                        f"found {_holder(found.body)} at work, expected to be alone, on {self._bucket.where(self._name)}"
                    )
                time.sleep(_LOOK_AGAIN_S)

    def renew(self) -> None:
        """Make sure that it is held still, and for a whole lease from now.

        Raises:
            Busy: somebody else has taken it, as this process did not answer for too long.
        """
        with self._writing:
            if self._lost:
                raise self._lost
            try:
                self._write(self._etag)
            except Busy as error:
                self._lost = error
                raise

    def keep(self) -> None:
        """Renew it until it is let go or lost."""
        while not self._done.wait(self._lease_s / 4):
            try:
                self.renew()
            except Busy:
                return
            except NerTasksError:
                # without an answer it may still be ours; whoever relies on it asks again, and is told
                continue

    def release(self) -> None:
        """Let go of it."""
        self._done.set()
        # gone, taken or out of reach: in a lease's time it is free in any case
        with self._writing, suppress(NerTasksError):
            self._bucket.delete_if(self._name, etag=self._etag or "")

    def _write(self, etag: str | None) -> None:
        # never the same bytes twice, as an etag may be a checksum of them
        self._n_writes += 1
        body = json.dumps({"holder": self._holder, "n": self._n_writes}).encode()
        self._etag = self._bucket.swap(self._name, body, etag=etag)


@contextmanager
def hold_lock(bucket: Bucket, name: str, *, patience_s: float = 0.0, lease_s: float = LEASE_S) -> Iterator[Lease]:
    """Hold the lock `name` while the block runs.

    Args:
        bucket: where it lies.
        name: the object's.
        patience_s: how long to wait for another holder.
        lease_s: time without a sign of life after which it is free.

    Raises:
        Busy: another process holds it, or has taken it over.
    """
    lease = Lease(bucket, name, lease_s=lease_s)
    lease.acquire(patience_s)
    keeper = threading.Thread(target=lease.keep, name=f"lease {name}", daemon=True)
    keeper.start()
    try:
        yield lease
        lease.renew()  # to know that nobody else has been at work in the meantime
    finally:
        lease.release()
        keeper.join()
