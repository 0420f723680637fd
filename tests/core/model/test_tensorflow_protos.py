"""The declared messages are those of the installed TensorFlow, and what is not declared survives."""

import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import config_pb2

from ner_tasks.model.tensorflow_protos import ConfigProto, GraphDef

FORMS = ("number", "type", "is_repeated")


def compare(ours, theirs, seen: set[str]) -> int:
    """Compare the declared fields of a message with TensorFlow's; return how many there are."""
    if theirs.full_name in seen:
        return 0
    seen.add(theirs.full_name)
    n_fields = 0
    for field in ours.fields:
        real = theirs.fields_by_name[field.name]
        assert [getattr(field, form) for form in FORMS] == [getattr(real, form) for form in FORMS] or (
            real.type == real.TYPE_ENUM and field.type == field.TYPE_INT32 and field.number == real.number
        ), field.full_name
        n_fields += 1
        if field.message_type:
            n_fields += compare(field.message_type, real.message_type, seen)
    return n_fields


def test_each_declared_field_is_one_of_tensorflow():
    seen: set[str] = set()
    assert compare(GraphDef.DESCRIPTOR, graph_pb2.GraphDef.DESCRIPTOR, seen) == 18
    assert compare(ConfigProto.DESCRIPTOR, config_pb2.ConfigProto.DESCRIPTOR, seen) == 8


def test_fields_that_are_not_declared_keep_their_bytes():
    with tf.Graph().as_default() as graph:
        tf.constant([[1, 2], [3, 4]], tf.int64, name="x")
    theirs = graph.as_graph_def()
    again = tf.compat.v1.GraphDef.FromString(GraphDef.FromString(theirs.SerializeToString()).SerializeToString())
    assert again == theirs
    assert again.versions.producer > 0
