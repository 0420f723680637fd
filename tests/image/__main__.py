"""Run the tests of the image, and leave nothing behind: no process, mount, network, container or file.

    python -m tests.image [arguments for pytest]        # `make test-image` builds the image first
    python -m tests.image --probe                       # say whether this machine can, and start nothing

With a docker daemon, docker compose runs the stack. Otherwise everything runs in mount, process and network namespaces of
its own, which end with this program however it ends; what a killed run left on disk is removed by the next.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.image import containers

ROOT = Path(__file__).resolve().parents[2]
# read by tests/image/conftest.py
ENGINE, FOLDER = "NIGHTLY_IMAGE_ENGINE", "NIGHTLY_IMAGE_FOLDER"
PREFIX = "ner-image-"
PROBE = "--probe"
UNAVAILABLE = 69
APART = [
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--mount",
    "--pid",
    "--net",
    "--fork",
    "--kill-child",
    "--mount-proc",
]


def main(arguments: Sequence[str]) -> int:
    asked = subprocess.run([ROOT / "docker" / "build", "--engine"], stdout=subprocess.PIPE, text=True, check=False)
    if asked.returncode:
        return asked.returncode
    engine = asked.stdout.strip()
    if engine == "buildah" and (error := _unable()):
        print(f"error: {error}", file=sys.stderr)
        return UNAVAILABLE
    if list(arguments) == [PROBE]:
        return 0
    remove_remains()
    # where PostgreSQL's user may go
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    folder.chmod(0o711)
    lock = _lock(folder)
    tests = [sys.executable, "-m", "pytest", "-m", "image", str(ROOT / "tests" / "image"), *arguments]
    apart = [*APART, "--", containers.INIT, "--"] if engine == "buildah" else []
    code = _run([*apart, *tests], {ENGINE: engine, FOLDER: str(folder)})
    logs = folder / "log"
    if code and logs.is_dir():
        kept = ROOT / "build" / "image-logs"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(logs, kept)
        print(f"logs of the containers: {kept}", file=sys.stderr)
    remove(folder)
    os.close(lock)
    return code


def remove_remains() -> None:
    """Remove what runs left that were killed: their folders, whose locks nobody holds, and their containers."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = _lock(folder)
        except OSError:
            continue  # that run goes on
        print(f"removing {folder}, which a killed run left", flush=True)
        remove(folder)
        os.close(lock)


def remove(folder: Path) -> None:
    """Remove a run's folder and its working container."""
    if shutil.which("buildah"):
        subprocess.run(["buildah", "rm", container_name(folder)], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def container_name(folder: Path) -> str:
    """Return the name of a run's working container, or of its project."""
    return f"nightly-{folder.name.replace('_', '-').lower()}"


def _unable() -> str:
    if os.geteuid():
        return f"found user {os.geteuid()}, expected root, for containers without a docker daemon"
    absent = containers.missing()
    packages = "apt-get install buildah crun debootstrap iproute2 postgresql redis-server tini"
    if absent:
        return f"found no {', '.join(absent)}, expected them (Debian: {packages})"
    # a container without the rights to make namespaces and mounts
    tried = subprocess.run(
        [*APART, "--", "mount", "-t", "tmpfs", "tmpfs", "/tmp"], check=False, capture_output=True, text=True
    )
    said = " ".join(tried.stderr.split()) or f"exit code {tried.returncode}"
    return f"found no right to mount, process and network namespaces ({said}), expected it" if tried.returncode else ""


def _lock(folder: Path) -> int:
    """Hold a run's folder; raises OSError while its run goes on."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _run(command: Sequence[str], more: dict[str, str]) -> int:
    """Run the tests; SIGTERM ends them at once, and Ctrl-C reaches them by itself."""
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **more})
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: process.kill())
    code = process.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
