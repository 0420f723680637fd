"""An S3 server in its own process, behind a proxy that fails on request."""

import contextlib
import http.client
import queue
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
# what boto3 would look for elsewhere
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A server on a free port of loopback; its URL."""
    port = free_port()
    command = [sys.executable, "-m", "tests.s3", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, "the S3 server did not start"
                assert time.monotonic() < deadline, "the S3 server does not answer"
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def client(url: str, service: str = "s3") -> Any:
    import boto3

    return boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test").client(
        service, endpoint_url=url, region_name="us-east-1"
    )


def enforce(url: str, *, on: bool) -> None:
    """Let the server ask who may do what, or let everybody do anything, which it does at first."""
    count = b"0" if on else b"inf"  # of requests that are let through before it asks
    headers = {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(f"{url}/moto-api/reset-auth", data=count, method="POST", headers=headers)
    urllib.request.urlopen(request, timeout=30).close()


@dataclass
class Held:
    """A request that has left its sender and not reached the server, until it is passed on or lost.

    Attributes:
        path: of its URL.
        port: of its sender, on this machine.
        body: what it carries.
    """

    path: str
    port: int
    body: bytes
    _is_lost: bool = False
    _decided: threading.Event = field(default_factory=threading.Event)
    _answers: queue.Queue[int] = field(default_factory=queue.Queue)

    def pass_on(self) -> int:
        """Let the server have it, whether its sender still lives or not; the status of the answer."""
        self._decided.set()
        return self._answers.get(timeout=60)

    def lose(self) -> None:
        """As if its sender had been killed before it was sent."""
        self._is_lost = True
        self._decided.set()

    def is_passed_on(self) -> bool:
        """Wait for the decision."""
        self._decided.wait()
        return not self._is_lost

    def tell(self, status: int) -> None:
        self._answers.put(status)


@dataclass
class Fault:
    """What happens to the next requests that match.

    Attributes:
        matches: of method and path.
        does: `answer`: an error instead of an answer; `stall`: none at all; `lose`: it is done, but no answer
            comes; `tell`: what `tells` makes of the path; `cut` and `hang`: half of the body, then the end or nothing; `flip`: a body of other bytes;
            `hold`: see `Held`.
        times: to so many of them.
        status: of `answer`.
        code: of `answer`, as S3 calls it.
        tells: body of `tell`, by path.
    """

    matches: Callable[[str, str], bool]
    does: str
    times: int = 1
    status: int = 503
    code: str = "SlowDown"
    tells: Callable[[str], bytes] = str.encode
    held: list[Held] = field(default_factory=list)


@dataclass
class Proxy:
    """A server that passes on what it is not told to spoil."""

    target: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    hurry: threading.Event = field(default_factory=threading.Event)

    def spoil(self, method: str, part: str, does: str, **options: Any) -> None:
        """Let requests of a method whose path contains `part` fail."""
        self.faults.append(Fault(lambda verb, path: verb == method and part in path, does, **options))

    def hold(self, method: str, pattern: str) -> Fault:
        """Hold the next request of a method whose path, without a query, matches; it is `held` of the fault then."""
        fault = Fault(lambda verb, path: verb == method and bool(re.search(pattern, path.partition("?")[0])), "hold")
        self.faults.append(fault)
        return fault

    def fault_of(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.matches(method, path):
                fault.times -= 1
                return fault
        return None

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        handler = type("Handler", (_Handler,), {"proxy": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            self.hurry.set()
            server.shutdown()
            server.server_close()


def endless_listing(n_objects: int, *, n_bytes: int = 9) -> Callable[[str], bytes]:
    """A bucket of so many objects, as `tells` of a fault: a page of 1,000 at a time."""
    width = max(6, len(str(n_objects)))

    def page(path: str) -> bytes:
        query = parse_qs(urlsplit(path).query)
        prefix, start = query["prefix"][0], int(query.get("continuation-token", ["0"])[0])
        end = min(start + 1000, n_objects)
        entries = "".join(
            f"<Contents><Key>{prefix}{index:0{width}d}.txt</Key><Size>{n_bytes}</Size><ETag>&quot;{index}&quot;</ETag>"
            "<LastModified>2026-01-31T00:00:00.000Z</LastModified></Contents>"
            for index in range(start, end)
        )
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{end}</NextContinuationToken>"
        return f"<ListBucketResult>{entries}{more if end < n_objects else ''}</ListBucketResult>".encode()

    return page


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, *_: Any) -> None:
        """Not on the screen."""

    def pass_on(self) -> None:
        proxy, body = self.proxy, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy.requests.append((self.command, self.path))
        fault = proxy.fault_of(self.command, self.path)
        if fault and fault.does == "answer":
            said = f"<Error><Code>{fault.code}</Code><Message>as told</Message></Error>".encode()
            return self.answer(fault.status, {"Content-Type": "application/xml"}, said)
        if fault and fault.does == "tell":
            return self.answer(200, {"Content-Type": "application/xml"}, fault.tells(self.path))
        if fault and fault.does == "stall":
            return self.say_nothing()
        held = Held(self.path, self.client_address[1], body) if fault and fault.does == "hold" else None
        if fault and held:
            fault.held.append(held)
            if not held.is_passed_on():
                self.close_connection = True
                return None
        upstream = http.client.HTTPConnection(proxy.target.removeprefix("http://"), timeout=30)
        upstream.request(self.command, self.path, body, dict(self.headers))
        response = upstream.getresponse()
        got = response.read()
        upstream.close()
        if held:
            held.tell(response.status)
            self.close_connection = True
            with contextlib.suppress(ConnectionError):  # its sender may be dead
                self.answer(response.status, dict(response.getheaders()), got)
            return None
        if fault and fault.does == "lose":
            self.close_connection = True
            return None
        self.answer(response.status, dict(response.getheaders()), got, fault)
        return None

    def answer(self, status: int, headers: dict[str, str], body: bytes, fault: Fault | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", headers.get("Content-Length", str(len(body))))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is None or fault.does == "flip":
            self.wfile.write(body if fault is None else bytes(255 - byte for byte in body))
            return
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        if fault.does == "hang":
            self.say_nothing()
        self.close_connection = True

    def say_nothing(self) -> None:
        self.proxy.hurry.wait(30)
        self.close_connection = True

    # names that http.server looks for
    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on  # noqa: N815


def main(port: str, host: str = "127.0.0.1") -> None:
    """Run the server, with three things mended: moto's pattern of a key ends at a line feed; between its look at an
    object and its write there is room for another's, which S3 has not; and whether many objects may be deleted at once it
    asks of the bucket, where S3 asks of each object.
    """
    import xmltodict
    from moto import server
    from moto.moto_server import werkzeug_app
    from moto.s3.responses import S3Response

    authorize = S3Response._authenticate_and_authorize_s3_action

    def of_each_object(said: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
        if said.data.get("Action") != "DeleteObject" or key_name is not None:
            return authorize(said, bucket_name=bucket_name, key_name=key_name)
        objects = xmltodict.parse(said.body, force_list=("Object",), strip_whitespace=False)["Delete"]["Object"]
        for one in objects:
            authorize(said, bucket_name=bucket_name, key_name=one["Key"])
        return None

    S3Response._authenticate_and_authorize_s3_action = of_each_object

    class AnyText(werkzeug_app.RegexConverter):
        def __init__(self, url_map: Any, *items: Any) -> None:
            super().__init__(url_map, *(item.replace(".", r"[\s\S]") for item in items))

    one_at_a_time, answer = threading.Lock(), werkzeug_app.DomainDispatcherApplication.__call__

    def whole(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        is_write = environ["REQUEST_METHOD"] in {"PUT", "DELETE"}
        if not is_write or not environ.keys() & {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"}:
            return answer(app, environ, start_response)
        with one_at_a_time:
            return [b"".join(answer(app, environ, start_response))]

    werkzeug_app.RegexConverter = AnyText
    werkzeug_app.DomainDispatcherApplication.__call__ = whole
    server.main(["-H", host, "-p", port])


if __name__ == "__main__":
    main(*sys.argv[1:])
