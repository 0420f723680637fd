"""Compare the speed of engines with the same weights, documents and threads, each in its own process, in rounds.

engines      the list of engines: what runs what
checkpoint   a trained folder -> an equivalent Hugging Face folder
conversion   that folder -> ONNX, ONNX Runtime and OpenVINO files, each checked against our own logits
models       the folder of each engine, and where models are made
stored       what the store holds: the promoted version, its snapshot, a smaller version
right_sized  a smaller version of ours, in the same rounds
documents    labelled sentences -> documents, and documents -> entities: the same for all
raw_text     labelled sentences -> strings and the characters of their entities, for engines as they are documented
reading      sentences -> batches -> spans, for engines that return logits only
spans        tag ids -> spans
runners/     one module per library
worker       the process of one engine; `ner_tasks.worker_process` is the protocol
tuning       search for the best form of a peer, before anything is timed
rounds       interleaved rounds
ratios       medians and ratios with their spread
goals        what the project asks of the ratios, and what a run gave
tables       Markdown
"""
