"""DistilBERT: BERT without segments, under names of its own."""

from ner_tasks.model.encoders.base import Family, LayerNames

DISTILBERT = Family(
    "DistilBERT",
    ("distilbert",),
    prefix="distilbert.",
    settings={
        "vocab_size": "vocab_size",
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "max_position_embeddings": "max_position_embeddings",
    },
    layers="transformer.layer",
    layer=LayerNames(
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        attended="attention.out_lin",
        attended_norm="sa_layer_norm",
        up="ffn.lin1",
        down="ffn.lin2",
        down_norm="output_layer_norm",
    ),
    activation="activation",
)
