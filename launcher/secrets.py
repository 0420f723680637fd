"""Secrets of one installation: created once, readable by the owner only, ignored by git."""

import json
import os
import secrets as random
from pathlib import Path

from cryptography.fernet import Fernet

from launcher.layout import Layout

USER = "admin"


def create(layout: Layout) -> bool:
    """Create the missing secrets. Returns True if any was missing."""
    made = False
    if not layout.secrets.is_file():
        values = {
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
            "AIRFLOW__API__SECRET_KEY": random.token_urlsafe(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": random.token_urlsafe(48),
        }
        _write_private(layout.secrets, "".join(f"{key}={value}\n" for key, value in values.items()))
        made = True
    if not layout.passwords.is_file():
        _write_private(layout.passwords, json.dumps({USER: random.token_urlsafe(12)}) + "\n")
        made = True
    return made


def password(layout: Layout) -> str:
    """Return the password of the only user, `admin`."""
    return str(json.loads(layout.passwords.read_text(encoding="utf-8"))[USER])


def _write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600 from the start."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)
