"""PyTorch with the Hugging Face model, batched by length."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import BertForTokenClassification

from benchmarks.peers.models import HUGGING_FACE, make_reader
from benchmarks.peers.runners import Batches, Job
from benchmarks.peers.spans import Span


class PytorchRunner:
    """`BertForTokenClassification` with its fused attention, without gradients."""

    def __init__(self, job: Job):
        torch.set_num_threads(job.n_threads)
        self._reader = make_reader(job.model, job.form)
        dtype = torch.bfloat16 if job.engine.precision == "BF16" else torch.float32
        model = BertForTokenClassification.from_pretrained(job.model / HUGGING_FACE, dtype=dtype)
        self._model = model.eval()
        self.facts: dict[str, Any] = {
            "attention": model.config._attn_implementation,  # noqa: SLF001  it has no public name
            "weights": str(dtype).removeprefix("torch."),
            "versions": {"torch": torch.__version__, "transformers": version("transformers")},
        }

    @torch.inference_mode()
    def logits(self, batches: Batches) -> Sequence[NDArray[np.float32]]:
        results = []
        for piece_ids, shape_ids in batches:
            pieces = torch.from_numpy(piece_ids.astype(np.int64))  # [B, T]
            answer = self._model(
                input_ids=pieces,
                attention_mask=(pieces != self._reader.pad_id).long(),
                token_type_ids=torch.from_numpy(shape_ids.astype(np.int64)),
            )
            results.append(answer.logits.float().numpy())  # [B, T, K]
        return results

    def spans(self, sentences: Sequence[Sequence[str]]) -> list[Span]:
        return self._reader.spans(sentences, self.logits)
