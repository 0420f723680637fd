"""Speed against peers: the same weights, documents and threads, each engine in a process of its own, taking turns.

engines      the list of engines: what runs what
checkpoint   a trained folder -> a Hugging Face folder that computes the same
conversion   that folder -> ONNX, ONNX Runtime and OpenVINO files, each checked against our own logits
models       which folder belongs to which engine, and what is made where
documents    labelled sentences -> documents, and documents -> entities: the same for all
reading      sentences -> batches -> spans, for engines that only give logits
spans        tag ids -> spans, all at once
runners/     one module per library
worker       the process of one engine: JSON lines in, JSON lines out
talk         both ends of those lines
tuning       the best form of a peer, found in an untimed phase
turns        interleaved rounds
ratios       medians and ratios with their spread
tables       Markdown
view         what a person sees meanwhile
"""
