"""What the store holds for a benchmark: the promoted version, its snapshot, and a smaller version.

Not for the peers' processes, whose environment lacks what the store needs.
"""

from pathlib import Path

from benchmarks.peers.right_sized import count_encoder_weights
from ner_tasks.data.snapshot import MANIFEST
from ner_tasks.errors import InputMissing
from ner_tasks.model import model_folder
from ner_tasks.registry.registry import Registry
from ner_tasks.settings import Settings
from ner_tasks.store import keys


def promoted_model() -> Path:
    """Return the folder of the promoted version.

    Raises:
        InputMissing: no version is promoted.
    """
    registry = Registry(Settings.from_env().open_store())
    promotion = registry.promoted()
    if promotion is None:
        where = registry.store.where(keys.MODELS)
        raise InputMissing(f"found no promoted model, expected one (make run) or MODEL=folder, at {where}")
    folders = {kind: registry.fetch(promotion.version, kind) for kind in ("trained", "frozen", "int8")}
    return folders["trained"].parent


def find_snapshot(model: Path) -> Path:
    """Return the snapshot in the store that a model was trained on.

    Raises:
        InputMissing: there is not exactly one.
    """
    wanted = model_folder.read_manifest(model / "trained").lineage.get("data")
    store = Settings.from_env().open_store()
    manifests = [
        (snapshot, store.read_json(keys.snapshot(snapshot, MANIFEST)))
        for snapshot in store.folders(keys.SNAPSHOTS)
        if store.exists(keys.snapshot(snapshot, MANIFEST))
    ]
    fitting = [name for name, manifest in manifests if wanted and manifest.get("source") == wanted]
    if len(fitting) != 1:
        number = len(fitting) or "no"
        raise InputMissing(
            f"found {number} snapshots of the data of {model.name}, expected one or SNAPSHOT=folder, "
            f"at {store.where(keys.SNAPSHOTS)}"
        )
    return store.fetch(keys.snapshot(fitting[0]))


def find_right_sized(model: Path) -> Path | None:
    """Return the folder of the newest registered version that is smaller than `model`; None if there is none.

    Only versions of the same data count: another one might have been trained on this one's test part.

    Args:
        model: folder of a version.
    """
    full = model_folder.read_manifest(model / "trained")
    if full.lineage.get("data") is None:
        return None
    registry = Registry(Settings.from_env().open_store())
    for version in reversed(registry.versions()):
        trained, int8 = registry.find(version, "trained"), registry.find(version, "int8")
        if trained is None or int8 is None:
            continue
        same = trained.lineage.get("data") == full.lineage["data"] and int8.labels == full.labels
        if same and count_encoder_weights(int8.encoder) < count_encoder_weights(full.encoder):
            return registry.fetch(version, "int8").parent
    return None
