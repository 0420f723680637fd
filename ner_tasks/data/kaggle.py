"""Download of a labelled data set with Kaggle's client."""

import os
import shutil
from pathlib import Path
from typing import Any

from ner_tasks.data.batches import is_labelled
from ner_tasks.data.corpus import open_rows
from ner_tasks.errors import ConfigInvalid, DataRejected, InputMissing, NerTasksError
from ner_tasks.files import atomic

CREDENTIALS = "KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN"


def download_dataset(dataset: str, target: Path, cache: Path) -> dict[str, Any]:
    """Download the newest version of a data set and copy its labelled files to the folder `target`.

    Other files are left out; the GMB data set has a second table of features in other columns.

    Args:
        dataset: `owner/name`, or `owner/name/versions/N` for one version.
        target: folder to create or replace.
        cache: cache folder of the client; a complete version there is not downloaded again.

    Returns:
        `dataset`, `version`, `files` (copied) and `left_out`.

    Raises:
        ConfigInvalid: missing or rejected credentials, or an invalid name.
        InputMissing: the data set does not exist.
        DataRejected: the data set has no labelled file.
    """
    os.environ["KAGGLEHUB_CACHE"] = str(cache)
    folder = _download(dataset)
    taken, left_out = [], []
    with atomic.staged_folder(target) as stage:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            if _is_readable(file):
                shutil.copyfile(file, stage / file.name)
                taken.append(file.name)
            else:
                left_out.append(file.name)
        if not taken:
            names = ", ".join(left_out[:5]) or "no file"
            raise DataRejected(f"found {names}, expected a labelled file, in {dataset} of Kaggle")
    print(
        f"{dataset}, version {folder.name}: {', '.join(taken)}; left out: {', '.join(left_out) or 'none'}", flush=True
    )
    return {"dataset": dataset, "version": folder.name, "files": taken, "left_out": left_out}


def _download(dataset: str) -> Path:
    """Download a data set and return its folder, named after its version; network errors may be retried."""
    import kagglehub
    from kagglehub import config
    from kagglehub.exceptions import KaggleApiHTTPError

    if config.get_kaggle_credentials() is None:
        raise ConfigInvalid(f"found no Kaggle credentials, expected {CREDENTIALS} in the environment, for {dataset}")
    try:
        return Path(kagglehub.dataset_download(dataset))
    except KaggleApiHTTPError as error:
        code = error.response.status_code if error.response is not None else 0
        if code in (401, 403):
            raise ConfigInvalid(f"found credentials that Kaggle refuses ({code}), expected {CREDENTIALS}") from None
        if code == 404:
            raise InputMissing(f"found no data set {dataset!r}, expected one, at Kaggle") from None
        raise
    except ValueError as error:
        raise ConfigInvalid(f"found data set {dataset!r}, expected owner/name ({error})") from None


def _is_readable(path: Path) -> bool:
    """Return whether a file has the header of labelled data."""
    if not is_labelled(path.name):
        return False
    try:
        open_rows(path)
    except NerTasksError:
        return False
    return True
