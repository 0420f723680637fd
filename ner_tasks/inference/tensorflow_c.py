"""Sessions of TensorFlow through its C API, without importing its Python package.

Importing the package takes 6 s of CPU and 240 MiB, most of it for training, data pipelines and Keras. The C API of the
same library runs the same graphs; TensorFlow's promise of compatibility covers it.

Source: tensorflow/c/c_api.h, tf_tensor.h, tf_buffer.h and tf_status.h, which the wheel contains.
"""

import ctypes
import importlib.util
import weakref
from collections.abc import Callable, Sequence
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_tasks.errors import ConfigInvalid

Array = NDArray[Any]
# on Linux and macOS
LIBRARIES = ("libtensorflow_cc.so.2", "libtensorflow_cc.2.dylib")
_TYPES = {1: np.dtype(np.float32), 3: np.dtype(np.int32)}  # by number in `TF_DataType`
_TYPE_NUMBERS = {dtype: number for number, dtype in _TYPES.items()}


class _Buffer(ctypes.Structure):
    """`TF_Buffer`: bytes that belong to the caller."""

    _fields_ = (("data", c_void_p), ("length", c_size_t), ("data_deallocator", c_void_p))


class _Output(ctypes.Structure):
    """`TF_Output`: one output of an operation."""

    _fields_ = (("operation", c_void_p), ("index", c_int))


# result and arguments of each function
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "TF_NewStatus": (c_void_p, ()),
    "TF_DeleteStatus": (None, (c_void_p,)),
    "TF_GetCode": (c_int, (c_void_p,)),
    "TF_Message": (c_char_p, (c_void_p,)),
    "TF_NewGraph": (c_void_p, ()),
    "TF_DeleteGraph": (None, (c_void_p,)),
    "TF_NewImportGraphDefOptions": (c_void_p, ()),
    "TF_DeleteImportGraphDefOptions": (None, (c_void_p,)),
    "TF_GraphImportGraphDef": (None, (c_void_p, POINTER(_Buffer), c_void_p, c_void_p)),
    "TF_GraphOperationByName": (c_void_p, (c_void_p, c_char_p)),
    "TF_NewSessionOptions": (c_void_p, ()),
    "TF_DeleteSessionOptions": (None, (c_void_p,)),
    "TF_SetConfig": (None, (c_void_p, c_char_p, c_size_t, c_void_p)),
    "TF_NewSession": (c_void_p, (c_void_p, c_void_p, c_void_p)),
    "TF_DeleteSession": (None, (c_void_p, c_void_p)),
    "TF_SessionRun": (
        None,
        # session, options; inputs, their values, their number; the same of outputs; targets, their number; metadata
        (c_void_p, c_void_p, *(c_void_p, c_void_p, c_int) * 2, c_void_p, c_int, c_void_p, c_void_p),
    ),
    "TF_AllocateTensor": (c_void_p, (c_int, POINTER(c_int64), c_int, c_size_t)),
    "TF_DeleteTensor": (None, (c_void_p,)),
    "TF_TensorData": (c_void_p, (c_void_p,)),
    "TF_TensorType": (c_int, (c_void_p,)),
    "TF_NumDims": (c_int, (c_void_p,)),
    "TF_Dim": (c_int64, (c_void_p, c_int)),
}


class TensorFlowError(RuntimeError):
    """An error that TensorFlow reports, with its message."""


class GraphSession:
    """A session that runs one graph.

    Args:
        graph: serialized GraphDef.
        config: serialized ConfigProto.

    Raises:
        TensorFlowError: TensorFlow does not accept the graph.
        ConfigInvalid: TensorFlow is not installed, or lacks the C API.
    """

    def __init__(self, graph: bytes, config: bytes):
        self._tf = load_library()
        self._graph = self._tf.TF_NewGraph()
        try:
            self._import_graph(graph)
            self._session = self._new_session(config)
        except TensorFlowError:
            self._tf.TF_DeleteGraph(self._graph)
            raise
        # not at the end of the process, which frees everything at once
        weakref.finalize(self, _close, self._tf, self._session, self._graph).atexit = False

    def _import_graph(self, graph: bytes) -> None:
        options = self._tf.TF_NewImportGraphDefOptions()
        buffer = _Buffer(ctypes.cast(c_char_p(graph), c_void_p), len(graph), None)
        try:
            self._call(self._tf.TF_GraphImportGraphDef, self._graph, buffer, options)
        finally:
            self._tf.TF_DeleteImportGraphDefOptions(options)

    def _new_session(self, config: bytes) -> int:
        options = self._tf.TF_NewSessionOptions()
        try:
            self._call(self._tf.TF_SetConfig, options, config, len(config))
            session: int = self._call(self._tf.TF_NewSession, self._graph, options)
            return session
        finally:
            self._tf.TF_DeleteSessionOptions(options)

    def __contains__(self, name: object) -> bool:
        """Whether the graph has an operation of this name."""
        return isinstance(name, str) and bool(self._tf.TF_GraphOperationByName(self._graph, name.encode()))

    def bind(self, inputs: Sequence[str], output: str) -> Callable[..., Array]:
        """Return a function that runs the graph; it may be called from several threads at once.

        Args:
            inputs: names of the operations to feed, each with one output.
            output: name of the operation to fetch.

        Returns:
            A function from one int32 or float32 array per input to the array of the output. Raises `TensorFlowError`
            if an operation fails, such as for an array of a wrong shape.

        Raises:
            TensorFlowError: the graph lacks one of the operations.
        """
        fed = (_Output * len(inputs))(*(self._find(name) for name in inputs))
        fetched = (_Output * 1)(self._find(output))

        def run(*arrays: Array) -> Array:
            tensors: list[int] = []
            result = (c_void_p * 1)()
            try:
                tensors.extend(map(self._to_tensor, arrays))
                values = (c_void_p * len(inputs))(*tensors)
                feeds, fetches = (fed, values, len(inputs)), (fetched, result, 1)
                self._call(self._tf.TF_SessionRun, self._session, None, *feeds, *fetches, None, 0, None)
                return self._to_array(result[0])
            finally:
                for tensor in (*tensors, *filter(None, result)):
                    self._tf.TF_DeleteTensor(tensor)

        return run

    def _find(self, name: str) -> _Output:
        if name not in self:
            raise TensorFlowError(f"found no operation {name[:100]!r}, expected it, in the graph")
        return _Output(self._tf.TF_GraphOperationByName(self._graph, name.encode()), 0)

    def _to_tensor(self, array: Array) -> int:
        array = np.ascontiguousarray(array)
        dims = (c_int64 * array.ndim)(*array.shape)
        tensor: int = self._tf.TF_AllocateTensor(_TYPE_NUMBERS[array.dtype], dims, array.ndim, array.nbytes)
        ctypes.memmove(self._tf.TF_TensorData(tensor), array.ctypes.data, array.nbytes)
        return tensor

    def _to_array(self, tensor: int | None) -> Array:
        shape = [self._tf.TF_Dim(tensor, axis) for axis in range(self._tf.TF_NumDims(tensor))]
        array = np.empty(shape, _TYPES[self._tf.TF_TensorType(tensor)])
        ctypes.memmove(array.ctypes.data, self._tf.TF_TensorData(tensor), array.nbytes)
        return array

    def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function whose last argument is a status.

        Raises:
            TensorFlowError: the status is an error.
        """
        status = self._tf.TF_NewStatus()
        try:
            result = function(*args, status)
            if self._tf.TF_GetCode(status):
                raise TensorFlowError(self._tf.TF_Message(status).decode(errors="replace"))
            return result
        finally:
            self._tf.TF_DeleteStatus(status)


@lru_cache(maxsize=1)
def load_library() -> ctypes.CDLL:
    """Load the library of the installed TensorFlow.

    Raises:
        ConfigInvalid: TensorFlow is not installed, or has no such library, or the library lacks a function of the C API.
    """
    spec = importlib.util.find_spec("tensorflow")  # does not import it
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    paths = [path for folder in folders for name in LIBRARIES if (path := folder / name).is_file()]
    if not paths:
        raise ConfigInvalid(f"found no {' or '.join(LIBRARIES)}, expected it in the package tensorflow, at {folders}")
    library = ctypes.CDLL(str(paths[0]))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name, None)
        if function is None:
            raise ConfigInvalid(f"found no function {name}, expected TensorFlow's C API, in {paths[0]}")
        function.restype, function.argtypes = result, arguments
    return library


def _close(library: ctypes.CDLL, session: int, graph: int) -> None:
    status = library.TF_NewStatus()
    library.TF_DeleteSession(session, status)
    library.TF_DeleteStatus(status)
    library.TF_DeleteGraph(graph)
