"""Lineage of a step's result as OpenLineage data sets: docs/monitoring.md.

Airflow's OpenLineage provider asks the operator after its task has finished, and only if a transport is configured;
OpenLineage is not imported before that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors.base import OperatorLineage

    from ner_tasks.store import Store


@dataclass
class Trace:
    """Inputs and outputs of a step.

    Attributes:
        inputs: version of each key of the store that was read; None if it has no version.
        outputs: version of each key of the store that was written; None if it has no version.
        n_rows: number of documents or sentences in each output, by key.
    """

    inputs: Mapping[str, str | None] = field(default_factory=dict)
    outputs: Mapping[str, str | None] = field(default_factory=dict)
    n_rows: Mapping[str, int] = field(default_factory=dict)


def make_lineage(trace: Trace, store: "Store") -> "OperatorLineage":
    """Convert a trace to OpenLineage data sets.

    Args:
        trace: inputs and outputs of a step.
        store: the store that their keys belong to.

    Source: naming of files in https://openlineage.io/docs/spec/naming.
    """
    from airflow.providers.openlineage.extractors.base import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet

    inputs = [InputDataset(*name, facets=facets) for _, name, facets in _iter_data_sets(trace.inputs.items(), store)]
    outputs = []
    for key, name, facets in _iter_data_sets(trace.outputs.items(), store):
        n = trace.n_rows.get(key)
        rows: dict[str, Any] = {} if n is None else {"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=n)}
        outputs.append(OutputDataset(*name, facets=facets, outputFacets=rows))
    return OperatorLineage(inputs=inputs, outputs=outputs)


def _iter_data_sets(
    versions: Iterable[tuple[str, str | None]], store: "Store"
) -> Iterable[tuple[str, tuple[str, str], dict[str, Any]]]:
    from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet

    for key, version in versions:
        facets = {"version": DatasetVersionDatasetFacet(datasetVersion=version)} if version else {}
        yield key, split_dataset_name(store.where(key)), facets


def split_dataset_name(place: str) -> tuple[str, str]:
    """Split a location into an OpenLineage namespace and name: a bucket and a key, or `file` and a path.

    Args:
        place: a path, or `s3://bucket/key`.
    """
    scheme, _, rest = place.partition("://")
    if not rest:
        return "file", place
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key
