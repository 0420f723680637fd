"""Exceptions of the core, with their exit codes.

    NerTasksError
    ├── InputMissing        a path that was given does not exist              exit 66
    ├── ConfigInvalid       a setting, flag or YAML key is wrong              exit 78
    ├── DataRejected        labelled data does not pass its gate              exit 65
    ├── DocumentRejected    one document cannot be tagged                     exit 65
    ├── ArtifactBroken      a model folder or checkpoint is damaged           exit 76
    │   ├── EncoderUnsupported   the encoder is of no family we can train     exit 76
    │   └── SchemaTooNew         a newer release wrote the record             exit 76
    ├── GateNotPassed       a model or a night is worse than it may be        exit 77
    ├── StorageFull         no space left for what would be written           exit 74
    ├── StoreUnavailable    the store on S3 does not answer, or not to us now exit 75
    ├── DatabaseUnavailable a database does not answer, or not to us now      exit 75
    └── Busy                another process is at work on the same thing      exit 75

Each message states in one line what was found, what was expected and where. A `NerTasksError` is not retried unless it is
`retryable`. Any other exception is a transient error or a bug: exit 1, and the orchestrator may retry it.

Messages of other libraries may quote a document. Report such an error with `redact_error`.
"""

import traceback


class NerTasksError(Exception):
    """Base class of the core's exceptions."""

    exit_code = 1
    retryable = False


class InputMissing(NerTasksError):
    exit_code = 66


class ConfigInvalid(NerTasksError):
    exit_code = 78


class DataRejected(NerTasksError):
    exit_code = 65


class DocumentRejected(NerTasksError):
    exit_code = 65


class ArtifactBroken(NerTasksError):
    exit_code = 76


class EncoderUnsupported(ArtifactBroken):
    pass


class SchemaTooNew(ArtifactBroken):
    """Nothing is damaged, so what may be made again after damage must not be made again here."""


class GateNotPassed(NerTasksError):
    exit_code = 77


class StorageFull(NerTasksError):
    """Space may be freed between two tries, so the orchestrator may try again."""

    exit_code = 74
    retryable = True


class StoreUnavailable(NerTasksError):
    """Networks, servers and expired credentials recover, so the orchestrator may try again."""

    exit_code = 75
    retryable = True


class DatabaseUnavailable(NerTasksError):
    """Servers are restarted and fail over, so the orchestrator may try again."""

    exit_code = 75
    retryable = True


class Busy(NerTasksError):
    """The other process will end, so the orchestrator may try again."""

    exit_code = 75
    retryable = True


def redact_error(error: BaseException) -> str:
    """Return the type of an error and where it was raised: `ValueError at records.py, line 62`."""
    frames = traceback.extract_tb(error.__traceback__)
    at = f" at {frames[-1].filename.rsplit('/', 1)[-1]}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{at}"


def redact_traceback(error: BaseException) -> str:
    """Return the traceback of an unexpected error with lines of code, but without messages."""
    chain, one = [], error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)  # type: ignore[assignment]
    tracebacks = [
        "".join(traceback.format_tb(each.__traceback__)) + f"{type(each).__name__} (its words may quote a document)\n"
        for each in reversed(chain)
    ]
    return "Traceback (most recent call last):\n" + "\n".join(tracebacks)
