"""The messages of TensorFlow that inference reads and writes, declared without importing TensorFlow.

Importing TensorFlow takes 6 s of CPU. Fields that are not declared here keep their bytes when a message is copied or
written. `tests/core/model/test_tensorflow_protos.py` compares every field with the installed TensorFlow.

Source: tensorflow/core/framework/{graph,function,op_def,node_def,attr_value,tensor}.proto and
tensorflow/core/protobuf/{config,rewriter_config}.proto, which are part of TensorFlow's public API.
"""

from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "ner_tasks"
_Proto = descriptor_pb2.FieldDescriptorProto


class _ProtoField(NamedTuple):
    """A field: its name, number, and type, which is a scalar type of protocol buffers or a message below."""

    name: str
    number: int
    type: str
    is_repeated: bool = False


# `attr` is a map, which is encoded as repeated entries of key and value.
_MESSAGES = {
    "GraphDef": (
        _ProtoField("node", 1, "NodeDef", is_repeated=True),
        _ProtoField("library", 2, "FunctionDefLibrary"),
        _ProtoField("versions", 4, "VersionDef"),
    ),
    "VersionDef": (),
    "FunctionDefLibrary": (_ProtoField("function", 1, "FunctionDef", is_repeated=True),),
    "FunctionDef": (_ProtoField("signature", 1, "OpDef"), _ProtoField("node_def", 3, "NodeDef", is_repeated=True)),
    "OpDef": (_ProtoField("name", 1, "string"),),
    "NodeDef": (
        _ProtoField("name", 1, "string"),
        _ProtoField("op", 2, "string"),
        _ProtoField("input", 3, "string", is_repeated=True),
        _ProtoField("attr", 5, "NodeDef.AttrEntry", is_repeated=True),
    ),
    "NodeDef.AttrEntry": (_ProtoField("key", 1, "string"), _ProtoField("value", 2, "AttrValue")),
    "AttrValue": (_ProtoField("type", 6, "int32"), _ProtoField("tensor", 8, "TensorProto")),
    "TensorProto": (
        _ProtoField("dtype", 1, "int32"),
        _ProtoField("tensor_content", 4, "bytes"),
        _ProtoField("float_val", 5, "float", is_repeated=True),
    ),
    "ConfigProto": (
        _ProtoField("intra_op_parallelism_threads", 2, "int32"),
        _ProtoField("inter_op_parallelism_threads", 5, "int32"),
        _ProtoField("graph_options", 10, "GraphOptions"),
        _ProtoField("experimental", 16, "ConfigProto.Experimental"),
    ),
    "ConfigProto.Experimental": (_ProtoField("optimize_for_static_graph", 12, "bool"),),
    "GraphOptions": (_ProtoField("rewrite_options", 10, "RewriterConfig"),),
    "RewriterConfig": (
        _ProtoField("disable_meta_optimizer", 19, "bool"),
        _ProtoField("auto_mixed_precision_onednn_bfloat16", 31, "int32"),
    ),
}


def _declare_messages() -> descriptor_pb2.FileDescriptorProto:
    """Declare the messages in a file of their own, whose names do not collide with TensorFlow's."""
    file = descriptor_pb2.FileDescriptorProto(name="tensorflow_subset.proto", package=_PACKAGE, syntax="proto3")
    declared: dict[str, descriptor_pb2.DescriptorProto] = {}
    for name, fields in sorted(_MESSAGES.items()):  # a message comes before those nested in it
        outer, _, own = name.rpartition(".")
        message = declared[outer].nested_type.add(name=own) if outer else file.message_type.add(name=own)
        declared[name] = message
        message.options.map_entry = own == "AttrEntry"
        for field in fields:
            _add_field(message, field)
    return file


def _add_field(message: descriptor_pb2.DescriptorProto, field: _ProtoField) -> None:
    added = message.field.add(name=field.name, number=field.number)
    added.label = _Proto.LABEL_REPEATED if field.is_repeated else _Proto.LABEL_OPTIONAL
    if field.type in _MESSAGES:
        added.type, added.type_name = _Proto.TYPE_MESSAGE, f".{_PACKAGE}.{field.type}"
    else:
        added.type = _Proto.Type.Value(f"TYPE_{field.type.upper()}")


def _message_class(name: str) -> Any:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


_pool = descriptor_pool.DescriptorPool()
_pool.AddSerializedFile(_declare_messages().SerializeToString())
# Classes that protobuf makes at run time, which mypy cannot know.
GraphDef: Any = _message_class("GraphDef")
ConfigProto: Any = _message_class("ConfigProto")
