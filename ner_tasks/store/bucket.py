"""Objects of one bucket: what boto3 does for us, with errors of ours and nothing half-done.

A request is tried again by boto3 itself. A body that stalls or breaks off after its first byte is not, and is tried
again here. Names are whole object keys, and may be any text.
"""

import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import boto3
import botocore.session
from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.config import Config
from botocore.utils import parse_timestamp

from ner_tasks.errors import Busy, InputMissing, StoreUnavailable
from ner_tasks.files import atomic
from ner_tasks.files.json_text import MAX_BYTES, size_error
from ner_tasks.store.failures import translate_errors

N_THREADS = 16
CHUNK_BYTES = 2**20
N_AT_WORK = 4096  # or waiting for it
N_DELETED_AT_ONCE = 1000  # S3 takes no more

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing shows it.

    Attributes:
        name: its key.
        n_bytes: its size.
        etag: changes with its content.
        modified: when it was written, by the server's clock.
    """

    name: str
    n_bytes: int
    etag: str
    modified: datetime


@dataclass(frozen=True)
class ObjectContent:
    """A small object, read.

    Attributes:
        body: its bytes.
        etag: changes with them.
        age_s: time since it was written, by the server's clock alone.
    """

    body: bytes
    etag: str
    age_s: float


class Bucket:
    """A bucket; connected to when first used.

    Args:
        name: the bucket's.
        timeout_s: longest silence of the server, for connecting as well.
        attempts: how often a request is tried, and a body read.
    """

    def __init__(self, name: str, *, timeout_s: float, attempts: int) -> None:
        self.name, self._timeout_s, self._attempts = name, timeout_s, attempts

    @cached_property
    def _client(self) -> Any:
        config = Config(
            connect_timeout=self._timeout_s,
            read_timeout=self._timeout_s,
            retries={"mode": "standard", "total_max_attempts": self._attempts},
            max_pool_connections=N_THREADS,
        )
        with translate_errors(self.where()):
            # a session of our own, as boto3's default one must not be used by two threads at once
            session = botocore.session.get_session()
            session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_moment)
            return boto3.session.Session(botocore_session=session).client("s3", config=config)

    def where(self, name: str = "") -> str:
        return f"s3://{self.name}/{name}"

    def list(self, prefix: str, *, n_at_once: int = 1000) -> Iterator[ListedObject]:
        """Objects whose names begin with `prefix`, in the order of their names' bytes, a page at a time."""
        pages = self._pages(Bucket=self.name, Prefix=prefix, MaxKeys=n_at_once)
        for page in pages:
            for entry in page.get("Contents", ()):
                yield ListedObject(entry["Key"], entry["Size"], entry["ETag"].strip('"'), entry["LastModified"])

    def folders(self, prefix: str) -> Iterator[str]:
        """What follows `prefix` up to the next '/', each once."""
        for page in self._pages(Bucket=self.name, Prefix=prefix, Delimiter="/"):
            for entry in page.get("CommonPrefixes", ()):
                yield entry["Prefix"].removeprefix(prefix).rstrip("/")

    def get(self, name: str, *, part: tuple[int, int] | None = None) -> ObjectContent:
        """Read a small object, or of a large one the bytes from an offset on, this many.

        Raises:
            InputMissing: there is none.
            ArtifactBroken: the whole of it was asked for, and it is larger than a file of records may be.
        """
        memory = BytesIO()
        span = {"Range": f"bytes={part[0]}-{part[0] + part[1] - 1}"} if part else {}
        response = self._read(name, memory, most=sys.maxsize if part else MAX_BYTES, **span)
        sent = parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"])
        age = sent - response["LastModified"]
        return ObjectContent(memory.getvalue(), response["ETag"].strip('"'), age.total_seconds())

    def download(self, name: str, path: Path, *, etag: str | None = None) -> None:
        """Copy an object to `path`, whole or not at all.

        Raises:
            InputMissing: there is none.
            Busy: it is no longer the one that had `etag`.
            StorageFull: no room for it.
        """
        part = path.with_name(f".{path.name}.part")
        try:
            with atomic.space_for(path), part.open("wb") as file:
                self._read(name, file, etag=etag)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def put(self, name: str, body: bytes) -> None:
        with translate_errors(self.where(name)):
            self._client.put_object(Bucket=self.name, Key=name, Body=body)

    def swap(self, name: str, body: bytes, *, etag: str | None) -> str:
        """Write an object if it is still the one that had `etag`; None: if there is still none. Its new etag.

        Raises:
            Busy: somebody else has written it.
        """
        condition = {"IfMatch": f'"{etag}"'} if etag else {"IfNoneMatch": "*"}
        try:
            with translate_errors(self.where(name)):
                written = self._client.put_object(Bucket=self.name, Key=name, Body=body, **condition)
                return str(written["ETag"]).strip('"')
        except InputMissing:
            raise Busy(f"found that it was removed, expected to be alone, at {self.where(name)}") from None
        except Busy:
            # the somebody may be this very request, whose answer got lost and which boto3 then sent again
            with suppress(InputMissing):
                found = self.get(name)
                if found.body == body:
                    return found.etag
            raise

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; one that is not there is no error."""
        waiting = iter(names)
        while batch := list(islice(waiting, N_DELETED_AT_ONCE)):
            with translate_errors(self.where(batch[0])):
                deleted = self._client.delete_objects(
                    Bucket=self.name, Delete={"Objects": [{"Key": name} for name in batch], "Quiet": True}
                )
            for error in deleted.get("Errors", ()):
                found = f"{error['Code']} for {len(deleted['Errors'])} of {len(batch)}"
                raise StoreUnavailable(f"found {found}, expected to delete all, as {self.where(error['Key'])}")

    def delete_if(self, name: str, *, etag: str) -> None:
        """Delete an object.

        Raises:
            Busy, InputMissing: it is no longer the one that had `etag`.
        """
        with translate_errors(self.where(name)):
            self._client.delete_object(Bucket=self.name, Key=name, IfMatch=f'"{etag}"')

    def upload(self, files: Mapping[str, Path]) -> None:
        """Copy files to objects, several at a time; each becomes visible as a whole."""
        with (
            translate_errors(self.where(next(iter(files), ""))),
            create_transfer_manager(self._client, TransferConfig(max_concurrency=N_THREADS)) as manager,
        ):
            for some in _portions(files.items()):
                futures = [manager.upload(str(path), self.name, name) for name, path in some]
                for future in futures:
                    future.result()

    def _pages(self, **what: Any) -> Iterator[Any]:
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(**what))
        while True:
            with translate_errors(self.where(what["Prefix"])):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _read(
        self, name: str, file: IO[bytes], *, etag: str | None = None, most: int = sys.maxsize, **wanted: str
    ) -> Any:
        """Read an object into `file`, from the beginning again if the body stalls or breaks off; the response."""
        condition = {"IfMatch": f'"{etag}"', **wanted} if etag else wanted
        for attempt in range(self._attempts):
            file.seek(0)
            file.truncate()
            with translate_errors(self.where(name)):
                response = self._client.get_object(Bucket=self.name, Key=name, **condition)
            try:
                with translate_errors(self.where(name)), closing(response["Body"]) as body:
                    if response["ContentLength"] > most:
                        raise size_error(response["ContentLength"], self.where(name))
                    for chunk in body.iter_chunks(CHUNK_BYTES):
                        file.write(chunk)
                return response
            except StoreUnavailable:
                if attempt == self._attempts - 1:
                    raise
                time.sleep(random.uniform(0, min(2**attempt, 20)))
        raise AssertionError("attempts is at least 1")


def _moment(said: Any) -> datetime:
    """A time as S3 writes it. Read by botocore's own way, the times are five sixths of the work of a listing."""
    with suppress(ValueError, TypeError):
        moment = datetime.fromisoformat(said)
        if moment.tzinfo:
            return moment
    return cast(datetime, parse_timestamp(said))  # as HTTP's headers have it


def map_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Results of `work` on each of the items, in their order; the first error ends it."""
    with ThreadPoolExecutor(N_THREADS) as pool:
        return [result for some in _portions(items) for result in pool.map(work, some)]


def _portions(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items, so many at a time that what is noted of each while it is at work takes no memory to speak of."""
    waiting = iter(items)
    while some := list(islice(waiting, N_AT_WORK)):
        yield some
