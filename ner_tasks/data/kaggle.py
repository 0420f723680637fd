"""The labelled data set of Kaggle, fetched by Kaggle's own client."""

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
    """Fetch the newest version of a data set and put its labelled files into the folder `target`.

    Files that are no labelled data are left out: the data set has a second table, of features, in other columns.

    Args:
        dataset: `owner/name`, or `owner/name/versions/N` for one version.
        target: replaced if it is there.
        cache: where the client keeps what it has fetched; a version that lies there whole is not fetched again.

    Returns:
        The data set, its version, the files taken and those left out.

    Raises:
        ConfigInvalid: no credentials, refused ones, or a name that is no data set's.
        InputMissing: no such data set.
        DataRejected: not one labelled file in it.
    """
    os.environ["KAGGLEHUB_CACHE"] = str(cache)
    folder = _fetched(dataset)
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


def _fetched(dataset: str) -> Path:
    """Folder of the data set's files, named by its version. Networks that fail are weather, and tried again."""
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
    """Whether a file is labelled data as far as its header goes."""
    if not is_labelled(path.name):
        return False
    try:
        open_rows(path)
    except NerTasksError:
        return False
    return True
