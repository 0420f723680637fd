"""Objects of one bucket: a wrapper of boto3 with this project's errors and atomic downloads.

boto3 retries requests, but not bodies that stall or break off after the first byte; these are retried here. Names are
full object keys, and may be any text.
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
from ner_tasks.store.listing_parser import ListingParserFactory

N_THREADS = 16
CHUNK_BYTES = 2**20
N_AT_WORK = 4096  # items submitted at a time
N_DELETED_AT_ONCE = 1000  # limit of S3

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class ListedObject:
    """An object in a listing.

    Attributes:
        name: key of the object.
        n_bytes: size in bytes.
        etag: changes with the content.
        modified: time of the last write, by the server's clock.
    """

    name: str
    n_bytes: int
    etag: str
    modified: datetime


@dataclass(frozen=True)
class ObjectContent:
    """Content of a small object.

    Attributes:
        body: content.
        etag: changes with the content.
        age_s: seconds since the last write, by the server's clock.
    """

    body: bytes
    etag: str
    age_s: float


class Bucket:
    """A bucket; connects on first use.

    Args:
        name: name of the bucket.
        timeout_s: timeout in seconds for connecting and reading.
        attempts: maximum number of attempts per request and per body.
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
            # a separate session: boto3's default session is not thread-safe
            session = botocore.session.get_session()
            parsers = ListingParserFactory()
            parsers.set_parser_defaults(timestamp_parser=_parse_time)
            session.register_component("response_parser_factory", parsers)
            return boto3.session.Session(botocore_session=session).client("s3", config=config)

    def where(self, name: str = "") -> str:
        return f"s3://{self.name}/{name}"

    def list(self, prefix: str, *, n_at_once: int = 1000) -> Iterator[ListedObject]:
        """Iterate over the objects whose names begin with `prefix`, in byte order, one page at a time."""
        pages = self._pages(Bucket=self.name, Prefix=prefix, MaxKeys=n_at_once)
        for page in pages:
            for entry in page.get("Contents", ()):
                yield ListedObject(entry["Key"], entry["Size"], entry["ETag"].strip('"'), entry["LastModified"])

    def folders(self, prefix: str) -> Iterator[str]:
        """Iterate over the distinct folder names directly below `prefix`."""
        for page in self._pages(Bucket=self.name, Prefix=prefix, Delimiter="/"):
            for entry in page.get("CommonPrefixes", ()):
                yield entry["Prefix"].removeprefix(prefix).rstrip("/")

    def get(self, name: str, *, part: tuple[int, int] | None = None) -> ObjectContent:
        """Read a small object, or a part of a large one.

        Args:
            name: key of the object.
            part: offset and number of bytes; None for the whole object.

        Raises:
            InputMissing: there is no such object.
            ArtifactBroken: the whole object was requested, and it is larger than a file of records may be.
        """
        memory = BytesIO()
        span = {"Range": f"bytes={part[0]}-{part[0] + part[1] - 1}"} if part else {}
        response = self._read(name, memory, most=sys.maxsize if part else MAX_BYTES, **span)
        sent = parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"])
        age = sent - response["LastModified"]
        return ObjectContent(memory.getvalue(), response["ETag"].strip('"'), age.total_seconds())

    def download(self, name: str, path: Path, *, etag: str | None = None) -> None:
        """Download an object to `path`, atomically.

        Args:
            name: key of the object.
            path: local file.
            etag: expected ETag; None accepts any.

        Raises:
            InputMissing: there is no such object.
            Busy: its ETag is no longer `etag`.
            StorageFull: no space left on the device.
        """
        part = path.with_name(f".{path.name}.part")
        try:
            with atomic.space_for(path), part.open("wb") as file:
                self._read(name, file, etag=etag)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def put(self, name: str, body: bytes) -> None:
        """Write an object."""
        with translate_errors(self.where(name)):
            self._client.put_object(Bucket=self.name, Key=name, Body=body)

    def swap(self, name: str, body: bytes, *, etag: str | None) -> str:
        """Write an object if its ETag is still `etag` (compare and swap); None: if it still does not exist.

        Returns:
            The new ETag.

        Raises:
            Busy: another process has written or removed it.
        """
        condition = {"IfMatch": f'"{etag}"'} if etag else {"IfNoneMatch": "*"}
        try:
            with translate_errors(self.where(name)):
                written = self._client.put_object(Bucket=self.name, Key=name, Body=body, **condition)
                return str(written["ETag"]).strip('"')
        except InputMissing:
            raise Busy(f"found the object removed by another process, expected it, at {self.where(name)}") from None
        except Busy:
            # the writer may be this request: its response got lost, and boto3 sent it again
            with suppress(InputMissing):
                current = self.get(name)
                if current.body == body:
                    return current.etag
            raise

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; missing ones are ignored."""
        waiting = iter(names)
        while batch := list(islice(waiting, N_DELETED_AT_ONCE)):
            with translate_errors(self.where(batch[0])):
                deleted = self._client.delete_objects(
                    Bucket=self.name, Delete={"Objects": [{"Key": name} for name in batch], "Quiet": True}
                )
            for error in deleted.get("Errors", ()):
                failures = f"{error['Code']} for {len(deleted['Errors'])} of {len(batch)}"
                raise StoreUnavailable(f"found {failures}, expected to delete all, as {self.where(error['Key'])}")

    def delete_if(self, name: str, *, etag: str) -> None:
        """Delete an object if its ETag is still `etag`.

        Raises:
            Busy: it has another ETag.
            InputMissing: there is no such object.
        """
        with translate_errors(self.where(name)):
            self._client.delete_object(Bucket=self.name, Key=name, IfMatch=f'"{etag}"')

    def upload(self, files: Mapping[str, Path]) -> None:
        """Upload files in parallel; each object becomes visible when it is complete."""
        with (
            translate_errors(self.where(next(iter(files), ""))),
            create_transfer_manager(self._client, TransferConfig(max_concurrency=N_THREADS)) as manager,
        ):
            for chunk in _split_chunks(files.items()):
                futures = [manager.upload(str(path), self.name, name) for name, path in chunk]
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
        """Read an object into `file` and return the response; restarts if the body stalls or breaks off."""
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


def _parse_time(value: Any) -> datetime:
    """Parse a time of S3. With botocore's own parser, parsing times takes five sixths of the time of a listing."""
    with suppress(ValueError, TypeError):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo:
            return moment
    return cast(datetime, parse_timestamp(value))  # format of HTTP headers


def map_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Apply `work` to items in parallel and return the results in order; the first error is raised."""
    with ThreadPoolExecutor(N_THREADS) as pool:
        return [result for chunk in _split_chunks(items) for result in pool.map(work, chunk)]


def _split_chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Split items into chunks, to bound the memory of submitted work."""
    waiting = iter(items)
    while chunk := list(islice(waiting, N_AT_WORK)):
        yield chunk
