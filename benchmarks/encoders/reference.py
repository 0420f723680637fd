"""Write checkpoints with random weights, and the logits that PyTorch transformers computes with them.

    .venv-bench/bin/python -m benchmarks.encoders.reference FOLDER

Each gets a folder: `config.json`, `model.safetensors`, and `reference.npz` with piece ids [B, T] and logits [B, T, K].
"""

import sys
from pathlib import Path

import numpy as np

from benchmarks.encoders.checkpoints import CONFIGS, N_TAGS, draw_pieces, draw_weights

REFERENCE = "reference.npz"


def write_reference(name: str, folder: Path) -> None:
    """Write one checkpoint with its logits.

    Args:
        name: key of `CONFIGS`.
        folder: folder to create.
    """
    import torch
    from transformers import AutoConfig, AutoModelForTokenClassification

    config = AutoConfig.for_model(**CONFIGS[name], num_labels=N_TAGS)
    model = AutoModelForTokenClassification.from_config(config, attn_implementation="eager").eval()
    weights = draw_weights({key: value.shape for key, value in model.state_dict().items()})
    model.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()}, strict=True)
    piece_ids = draw_pieces(CONFIGS[name])
    ids = torch.from_numpy(piece_ids.astype(np.int64))
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=(ids != config.pad_token_id).long()).logits.numpy()
    model.save_pretrained(folder)
    np.savez(folder / REFERENCE, piece_ids=piece_ids, logits=logits)


if __name__ == "__main__":
    for case in CONFIGS:
        write_reference(case, Path(sys.argv[1]) / case)
