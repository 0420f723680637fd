"""Obtain the encoder that training starts from: a packaged one, a folder, or a model of the Hugging Face hub."""

import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from launcher import packaged_encoders
from launcher.layout import Layout
from launcher.packaged_encoders import PACKAGED, WANTED, PackagedEncoder
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.files import atomic
from ner_tasks.model.tokenizer_files import check_tokenizer_files

DEFAULT = "minilm"
NEEDED = ("config.json", "model.safetensors")
CHOICES = f"{', '.join(PACKAGED)}, hub:<owner>/<name>[@<revision>] or a folder"
_HUB = re.compile(r"hub:(?P<id>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")


def obtain(layout: Layout, choice: str, show: Callable[[str], None]) -> Path:
    """Return the folder of the encoder, downloaded if it is missing, and checked.

    Args:
        layout: where to put a downloaded encoder.
        choice: empty for the default, a name in `PACKAGED`, `hub:<id>` or `hub:<id>@<revision>`, or a folder.
        show: called with a line for each download.

    Raises:
        InputMissing: no such folder or model, or a file of it is missing.
        EncoderUnsupported: of a family that cannot be trained.
        ArtifactBroken: the checksums of a packaged encoder's files differ.
    """
    name = choice or DEFAULT
    if name in PACKAGED:
        folder = layout.encoder if name == DEFAULT else layout.var / "encoders" / name
        return _from_packages(PACKAGED[name], folder, show)
    if choice.startswith("hub:"):
        return _from_hub(layout, choice, show)
    folder = Path(choice).expanduser().absolute()
    check(folder)
    return folder


def check(folder: Path, sha256: Mapping[str, str] | None = None) -> None:
    """Raise unless `folder` has the files of a checkpoint that can be trained, with the given checksums."""
    if not folder.is_dir():
        raise InputMissing(f"found no folder, expected an encoder ({CHOICES}), at {folder}")
    if missing := [name for name in NEEDED if not (folder / name).is_file()]:
        raise InputMissing(f"found no {', '.join(missing)}, expected a checkpoint in Hugging Face layout, in {folder}")
    check_tokenizer_files(folder)
    for name, expected in (sha256 or {}).items():
        actual = atomic.sha256_of(folder / name)
        if actual != expected:
            raise ArtifactBroken(
                f"found sha256 {actual[:12]}, expected {expected[:12]}, at {folder / name}; "
                "remove the folder to download it again"
            )
    from ner_tasks.model import encoders  # these import NumPy, which the launcher does without
    from ner_tasks.model.weights import read_config

    encoders.parse_config(read_config(folder), folder / "config.json")


def _from_packages(packaged: PackagedEncoder, folder: Path, show: Callable[[str], None]) -> Path:
    if not folder.exists():
        show(f"encoder: downloading {packaged.title}")
        with tempfile.TemporaryDirectory() as download, atomic.staged_folder(folder) as stage:
            wheels = packaged_encoders.download(packaged, Path(download))
            check(packaged_encoders.unpack(packaged, wheels, stage), packaged.sha256)
    check(folder, packaged.sha256)
    return folder


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
