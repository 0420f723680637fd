"""Files of the store as the pages serve them: inert, whatever somebody has written there.

Whoever can write to `reports/` must not run script in Airflow's origin. The media type is fixed by our own names and
never guessed; what we do not know is a download of bytes.
"""

import re

from fastapi import HTTPException
from fastapi.responses import FileResponse, Response

from ner_tasks.errors import ArtifactBroken
from ner_tasks.store import Store

CSP = "Content-Security-Policy"
INERT = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
CHARTS = ("plot.svg", "latency.svg")
# of a version, as its steps wrote them: pages of their own, which load nothing and may run nothing
PAPERS = ("card.html", "page.html", "learning.svg")
_SHOWN = {
    **dict.fromkeys((*CHARTS, "learning.svg"), "image/svg+xml"),
    **dict.fromkeys(("card.html", "page.html"), "text/html; charset=utf-8"),
}
_DOWNLOADED = ("label-studio.json", "label-studio.xml", "doccano.jsonl", "review.json")
# larger ones are taken from the store itself
_MOST_SHOWN, _MOST_DOWNLOADED = 16 * 2**20, 256 * 2**20
_BYTES, _UNKNOWN = "application/octet-stream", "file.bin"
_NOT_SAFE = re.compile(r"[^A-Za-z0-9-]")


def serve(store: Store, key: str, *, prefix: str = "") -> Response:
    """A file of the store: one of our own charts and pages as such, any other as a download.

    Args:
        store: the store.
        key: the file.
        prefix: of a download, what its name begins with; "" for a chart or a page.

    Raises:
        InputMissing: there is none.
        ArtifactBroken: it is larger than a page or a download may be.
        HTTPException: something else than a file lies there.
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
