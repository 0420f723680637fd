"""Serves files of the store without letting their content run.

A user who can write to `reports/` must not be able to run a script in Airflow's origin. The media type therefore
depends on known file names and is never guessed; any other file is a download of bytes.
"""

import re

from fastapi import HTTPException
from fastapi.responses import FileResponse, Response

from ner_tasks.errors import ArtifactBroken
from ner_tasks.store import Store

CSP = "Content-Security-Policy"
INERT = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
CHARTS = ("plot.svg", "latency.svg")
# reports on a model version: complete pages that load nothing and run no script
MODEL_REPORTS = ("card.html", "page.html", "learning.svg", "size.svg")
_SHOWN = {
    **dict.fromkeys((*CHARTS, "learning.svg", "size.svg"), "image/svg+xml"),
    **dict.fromkeys(("card.html", "page.html"), "text/html; charset=utf-8"),
}
_DOWNLOADED = ("label-studio.json", "label-studio.xml", "doccano.jsonl", "review.json", "codes.csv")
# bytes; larger files have to be copied from the store itself
_MOST_SHOWN, _MOST_DOWNLOADED = 16 * 2**20, 256 * 2**20
_BYTES, _UNKNOWN = "application/octet-stream", "file.bin"
_NOT_SAFE = re.compile(r"[^A-Za-z0-9-]")


def serve_file(store: Store, key: str, *, prefix: str = "") -> Response:
    """Serve a file of the store: known charts and reports inline, any other file as a download.

    Args:
        store: the store.
        key: key of the file.
        prefix: prefix of a download's file name; "" serves a known chart or report inline.

    Returns:
        The response, with headers that forbid scripts.

    Raises:
        InputMissing: there is no such file.
        ArtifactBroken: the file is larger than 16 MiB inline, or 256 MiB as a download.
        HTTPException: `key` is a folder.
    """
    path, name = store.fetch(key), key.rsplit("/", 1)[-1]
    if not path.is_file():
        raise HTTPException(404, "no such file")
    headers = {CSP: INERT, "X-Content-Type-Options": "nosniff"}
    is_download = bool(prefix) or name not in _SHOWN
    most, n_bytes = _MOST_DOWNLOADED if is_download else _MOST_SHOWN, path.stat().st_size
    if n_bytes > most:
        raise ArtifactBroken(f"found {n_bytes:,} bytes, expected at most {most:,}, at {store.where(key)}")
    if is_download:
        saved_as = f"{_NOT_SAFE.sub('_', prefix)[:40]}{name if name in _DOWNLOADED else _UNKNOWN}"
        headers["Content-Disposition"] = f'attachment; filename="{saved_as}"'
    return FileResponse(path, media_type=_BYTES if is_download else _SHOWN[name], headers=headers)
