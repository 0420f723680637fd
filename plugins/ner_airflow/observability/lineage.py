"""What a step's result was made from, as data sets of OpenLineage: docs/signals.md.

Airflow's provider asks an operator once its task is done, and only where a transport is configured; nothing of OpenLineage is
imported before that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors.base import OperatorLineage

    from ner_tasks.store import Store


@dataclass
class Trace:
    """What a step read and wrote: keys of the store, each with its version, None for what has none.

    Attributes:
        inputs: what it was made from.
        outputs: what was made.
        n_rows: documents or sentences in what was made, by key.
    """

    inputs: Mapping[str, str | None] = field(default_factory=dict)
    outputs: Mapping[str, str | None] = field(default_factory=dict)
    n_rows: Mapping[str, int] = field(default_factory=dict)


def make_lineage(trace: Trace, store: "Store") -> "OperatorLineage":
    """The data sets of a trace, called as OpenLineage calls files: https://openlineage.io/docs/spec/naming."""
    from airflow.providers.openlineage.extractors.base import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet

    inputs = [InputDataset(*named, facets=facets) for _, named, facets in _data_sets(trace.inputs.items(), store)]
    outputs = []
    for key, named, facets in _data_sets(trace.outputs.items(), store):
        n = trace.n_rows.get(key)
        rows: dict[str, Any] = {} if n is None else {"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=n)}
        outputs.append(OutputDataset(*named, facets=facets, outputFacets=rows))
    return OperatorLineage(inputs=inputs, outputs=outputs)


def _data_sets(
    versions: Iterable[tuple[str, str | None]], store: "Store"
) -> Iterable[tuple[str, tuple[str, str], dict[str, Any]]]:
    from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet

    for key, version in versions:
        facets = {"version": DatasetVersionDatasetFacet(datasetVersion=version)} if version else {}
        yield key, dataset_name(store.where(key)), facets


def dataset_name(place: str) -> tuple[str, str]:
    """Namespace and name of a place: of a bucket and a key, or of this machine's files and a path."""
    scheme, _, rest = place.partition("://")
    if not rest:
        return "file", place
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key
