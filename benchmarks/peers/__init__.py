"""Compare the speed of engines with the same weights, documents and threads, each in its own process, in rounds.

engines      the list of engines: what runs what
checkpoint   a trained folder -> an equivalent Hugging Face folder
conversion   that folder -> ONNX, ONNX Runtime and OpenVINO files, each checked against our own logits
models       the folder of each engine, and where models are made
documents    labelled sentences -> documents, and documents -> entities: the same for all
reading      sentences -> batches -> spans, for engines that return logits only
spans        tag ids -> spans
runners/     one module per library
worker       the process of one engine; `ner_tasks.worker_process` is the protocol
tuning       search for the best form of a peer, before anything is timed
rounds       interleaved rounds
ratios       medians and ratios with their spread
tables       Markdown
"""
