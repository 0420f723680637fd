"""The Hugging Face pipeline over PyTorch, ONNX Runtime or OpenVINO, called as the documentation of each has it.

Transformers: `pipeline("token-classification", model=folder, aggregation_strategy="simple")`, and the same with
`batch_size`. Optimum: the same `pipeline` with `ORTModelForTokenClassification` or `OVModelForTokenClassification` as the
model. Optimum cannot be installed here (optimum-onnx 0.1 requires transformers below 4.58, optimum-intel 2.2 below 5.6),
so `RuntimeModel` does what those classes do: hand the pipeline's tensors to the runtime, and its logits back.

Passed in addition, for our model only: the shapes of the words, as segment ids.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoTokenizer, TokenClassificationPipeline, pipeline

from benchmarks.peers.models import DOCUMENTED, HUGGING_FACE, ONNX_RUNTIME, OPENVINO
from benchmarks.peers.reading import find_shape_id
from benchmarks.peers.runners import Job
from benchmarks.peers.spans import TextSpan
from ner_tasks.segmentation import split_sentences

# names and arrays of the inputs -> logits [B, T, K]
ComputeTensors = Callable[[dict[str, NDArray[np.int64]]], NDArray[np.float32]]


class ShapeTextPipeline(TokenClassificationPipeline):
    """`token-classification` of strings, for a model with word shapes as segments."""

    shapes_of: dict[str, torch.Tensor]

    def preprocess(self, sentence: str, *given: Any, **parameters: Any) -> Iterator[dict[str, Any]]:
        for inputs in super().preprocess(sentence, *given, **parameters):
            starts = inputs["offset_mapping"][0, :, 0]  # [T]
            is_special = inputs["special_tokens_mask"][0] == 1  # [T]
            inputs["token_type_ids"] = torch.where(is_special, 0, self.shapes_of[sentence][starts])[None]
            yield inputs

    def check_model_type(self, supported_models: Any) -> None:
        """Skip the check: a model on a runtime has a class of its own."""


class RuntimeModel(torch.nn.Module):
    """A model that a runtime computes, with what a pipeline asks of a model."""

    def __init__(self, folder: Path, compute: ComputeTensors):
        super().__init__()
        self.config = AutoConfig.from_pretrained(folder)
        self.device = torch.device("cpu")
        self._compute = compute

    def can_generate(self) -> bool:
        return False

    def forward(self, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self._compute({name: tensor.numpy() for name, tensor in inputs.items()})
        return {"logits": torch.from_numpy(logits)}


class DocumentedRunner:
    """A pipeline with the default settings of its documentation, and the threads of the benchmark."""

    def __init__(self, job: Job):
        torch.set_num_threads(job.n_threads)
        folder = job.model / HUGGING_FACE
        model, versions = _load_model(job)
        self._pipeline = pipeline(
            "token-classification",
            model=model,
            tokenizer=AutoTokenizer.from_pretrained(folder),
            aggregation_strategy="simple",
            pipeline_class=ShapeTextPipeline,
            device="cpu",
            batch_size=job.engine.batch_size,
        )
        self._pipeline.shapes_of = {}
        self.facts: dict[str, Any] = {
            "batches": f"{job.engine.batch_size} texts",
            "versions": {"transformers": version("transformers"), **versions},
        }

    def prepare(self, texts: Sequence[str]) -> None:
        self._pipeline.shapes_of |= {text: _shapes_by_character(text) for text in texts}

    def entities(self, texts: Sequence[str]) -> list[list[TextSpan]]:
        answers = self._pipeline(list(texts))
        return [[(int(one["start"]), int(one["end"]), one["entity_group"]) for one in found] for found in answers]


def _load_model(job: Job) -> tuple[Any, dict[str, str]]:
    """Return what the pipeline takes as its model, and the versions of the libraries."""
    folder = job.model / HUGGING_FACE
    if job.engine.family == "pipeline":
        return str(folder), {"torch": torch.__version__}
    if job.engine.family == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = job.n_threads
        path = job.model / ONNX_RUNTIME / f"{DOCUMENTED}.onnx"
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return RuntimeModel(folder, lambda inputs: session.run(None, inputs)[0]), {
            "onnxruntime": onnxruntime.__version__
        }
    import openvino

    # Optimum's default configuration, besides the threads.
    config = {"PERFORMANCE_HINT": job.engine.hint, "INFERENCE_NUM_THREADS": job.n_threads}
    compiled = openvino.Core().compile_model(job.model / OPENVINO / "int8.xml", "CPU", config)
    return RuntimeModel(folder, lambda inputs: compiled(inputs)[0].copy()), {"openvino": openvino.__version__}


def _shapes_by_character(text: str) -> torch.Tensor:
    """Return the shape id of the word at each character; one more for the offset of an empty text."""
    shapes = torch.zeros(len(text) + 1, dtype=torch.int64)
    for sentence in split_sentences(text):
        for start, end in sentence:
            shapes[start:end] = find_shape_id(text[start:end])
    return shapes
