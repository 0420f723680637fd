"""One configuration model per step: what its command, its DAG and its operator can be told.

The part of a model that people choose for a run is a class of its own (`…Params`): its fields are flags of the command and
parameters of the DAG alike. A new setting is one field.
"""
