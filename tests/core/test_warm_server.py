"""Ends of a warm server that no task can bring about; `tests/plugins/test_warm_process.py` has the others."""

import errno
import os
import socket
import sys

import psutil
import pytest

from ner_tasks.cli import warm_server
from ner_tasks.cli.warm_server import WarmServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a warm server needs pidfd and Linux's sockets")


def test_a_server_that_has_retired_leaves_the_socket_of_the_next_one(tmp_path):
    path = tmp_path / "s.sock"
    with listening(path) as first:
        server = WarmServer(first, path, idle_s=60, max_mib=512)
        server._retire()
        with listening(path):
            server._inode = path.stat().st_ino  # a file system may give it again
            server._retire()
            assert path.exists()


def test_a_process_that_nobody_can_follow_is_ended(tmp_path, monkeypatch):
    path, before = tmp_path / "s.sock", psutil.Process().children()  # other tests may have some
    monkeypatch.setattr(warm_server, "_run_command", lambda *_: os.execvp("sleep", ["sleep", "60"]))
    monkeypatch.setattr(os, "pidfd_open", refuse)
    with listening(path) as listener, pytest.raises(OSError, match="Too many open files"):
        WarmServer(listener, path, idle_s=60, max_mib=512)._start(["tag"], 1, listener)
    assert set(psutil.Process().children()) <= set(before)


def refuse(_pid):
    raise OSError(errno.EMFILE, "Too many open files")


def listening(path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    listener.listen()
    return listener
