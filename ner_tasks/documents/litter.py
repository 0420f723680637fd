"""Files that programs leave beside documents: no person reads them, so they are ignored and never rejected."""

import re
from pathlib import PurePosixPath

# Name of the rule, and what it says of a file's path.
_RULES = (
    ("macos-metadata", re.compile(r"(?:^|/)(?:__MACOSX(?:/|$)|\._[^/]*$|\.DS_Store$|\.AppleDouble(?:/|$))")),
    ("windows-metadata", re.compile(r"(?:^|/)(?:Thumbs\.db|ehthumbs\.db|desktop\.ini)$", re.IGNORECASE)),
    ("office-lock-file", re.compile(r"(?:^|/)(?:~\$[^/]*|\.~lock\.[^/]*#)$")),
    ("signature", re.compile(r"(?:^|/)(?:smime\.p7s|signature\.asc|[^/]*\.p7s)$", re.IGNORECASE)),
)


def rule_of(path: str) -> str:
    """The rule by which a file is ignored, "" if none says so.

    Args:
        path: of the file, in the inbox, an archive or a mail.
    """
    clean = str(PurePosixPath(path.replace("\\", "/")))
    return next((rule for rule, pattern in _RULES if pattern.search(clean)), "")
