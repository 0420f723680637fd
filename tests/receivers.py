"""Servers on loopback that record what they receive: a webhook and a mail server."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.ports import free_port


class Webhook:
    """Keeps the bodies that are posted to it, in order."""

    def __init__(self, url, status):
        self.url, self.status = url, status
        self.bodies, self.paths = [], []

    @property
    def said(self):
        return [json.loads(body) for body in self.bodies]

    def wait_for(self, found, seconds=120):
        """The first that `found` says is it."""
        deadline = time.monotonic() + seconds
        while not (those := [one for one in self.said if found(one)]):
            assert time.monotonic() < deadline, self.said
            time.sleep(0.5)
        return those[0]


@contextmanager
def webhook(status=200):
    """A web server that answers with `status`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            hook.paths.append(self.path)
            hook.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(hook.status)
            self.end_headers()
            self.wfile.write(b"ok")  # what Slack answers

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook = Webhook(f"http://127.0.0.1:{server.server_port}", status)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def mailbox():
    """An SMTP server; its port, and the mails that it took."""
    from aiosmtpd.controller import Controller

    class Keep:
        def __init__(self):
            self.mails = []

        async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
            self.mails.append(envelope)
            return "250 OK"

    kept = Keep()
    port = free_port()
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port, kept.mails
    finally:
        controller.stop()


@contextmanager
def collector():
    """An OpenTelemetry collector: its URL, and each request that it got, decoded."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/metrics"
            got.append(ExportMetricsServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()


def metrics_of(requests):
    """Metrics in what a collector got: name -> values of its points, with their attributes."""
    found = {}
    for request in requests:
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = (metric.gauge if metric.HasField("gauge") else metric.sum).data_points
                    for point in points:
                        value = point.as_double if point.HasField("as_double") else point.as_int
                        tags = {item.key: item.value.string_value for item in point.attributes}
                        found.setdefault(metric.name, []).append((value, tags))
    return found
