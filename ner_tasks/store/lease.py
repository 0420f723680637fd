"""Lock on S3: an object that its holder rewrites regularly; the lock expires after a minute without a write.

Every write is conditional on the previous one, so that only one of two contenders succeeds. The age of the object is
measured by the server's clock only.
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
    """Return the holder named in a lock's object."""
    try:
        return str(json.loads(body)["holder"])[:200]
    except (ValueError, TypeError, KeyError, RecursionError):
        return "another process"


class Lease:
    """A lock; use `hold_lock`.

    Args:
        bucket: the bucket.
        name: key of the lock's object.
        lease_s: seconds after which a lock that is not renewed expires.
    """

    def __init__(self, bucket: Bucket, name: str, *, lease_s: float) -> None:
        self._bucket, self._name, self._lease_s = bucket, name, lease_s
        self._holder = f"{socket.gethostname()}, process {os.getpid()}, {uuid.uuid4().hex[:8]}"
        self._n_writes = 0
        self._etag: str | None = None
        self._writing, self._done = threading.Lock(), threading.Event()
        self._lost: Busy | None = None

    def acquire(self, patience_s: float) -> None:
        """Acquire the lock.

        Args:
            patience_s: seconds to wait for another holder.

        Raises:
            Busy: another process still holds it.
        """
        deadline = time.monotonic() + patience_s
        while True:
            with suppress(Busy):
                self._write(None)
                return
            with suppress(InputMissing):  # just released
                current = self._bucket.get(self._name)
                if current.age_s > self._lease_s:
                    with suppress(Busy):
                        self._write(current.etag)
                        return
                if time.monotonic() > deadline:
                    raise Busy(
                        f"found the lock held by {_holder(current.body)}, expected to be alone, on "
                        f"{self._bucket.where(self._name)}"
                    )
                time.sleep(_LOOK_AGAIN_S)

    def renew(self) -> None:
        """Renew the lock for a full lease from now.

        Raises:
            Busy: the lock had expired, and another process has acquired it.
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
        """Renew the lock until it is released or lost; runs in a thread."""
        while not self._done.wait(self._lease_s / 4):
            try:
                self.renew()
            except Busy:
                return
            except NerTasksError:
                # without a response the lock may still be held; the next `renew` raises if it is lost
                continue

    def release(self) -> None:
        """Release the lock."""
        self._done.set()
        # ignore errors: the lock expires after a lease in any case
        with self._writing, suppress(NerTasksError):
            self._bucket.delete_if(self._name, etag=self._etag or "")

    def _write(self, etag: str | None) -> None:
        # never write the same bytes twice: an ETag may be their checksum
        self._n_writes += 1
        body = json.dumps({"holder": self._holder, "n": self._n_writes}).encode()
        self._etag = self._bucket.swap(self._name, body, etag=etag)


@contextmanager
def hold_lock(bucket: Bucket, name: str, *, patience_s: float = 0.0, lease_s: float = LEASE_S) -> Iterator[Lease]:
    """Context manager that holds a lock and renews it in the background.

    Args:
        bucket: the bucket.
        name: key of the lock's object.
        patience_s: seconds to wait for another holder.
        lease_s: seconds after which a lock that is not renewed expires.

    Raises:
        Busy: another process holds the lock, or has taken it over.
    """
    lease = Lease(bucket, name, lease_s=lease_s)
    lease.acquire(patience_s)
    keeper = threading.Thread(target=lease.keep, name=f"lease {name}", daemon=True)
    keeper.start()
    try:
        yield lease
        lease.renew()  # raises if another process acquired the lock in the meantime
    finally:
        lease.release()
        keeper.join()
