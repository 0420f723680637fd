"""What can go wrong for a reason that a retry will not mend.

    NerTasksError
    ├── InputMissing        a path that was given does not exist              exit 66
    ├── ConfigInvalid       a setting, flag or YAML key is wrong              exit 78
    ├── DataRejected        labelled data does not pass its gate              exit 65
    ├── DocumentRejected    one document cannot be tagged                     exit 65
    ├── ArtifactBroken      a model folder or checkpoint is damaged           exit 76
    │   └── EncoderUnsupported   the checkpoint is not a BERT we can read     exit 76
    ├── GateNotPassed       a model or a night is worse than it may be        exit 77
    ├── StorageFull         no space left for what would be written           exit 74
    ├── StoreUnavailable    the store on S3 does not answer, or not to us now exit 75
    └── Busy                another process is at work on the same thing      exit 75

Each message says what was found, what was expected and where, in one line. Everything that is not a
`NerTasksError` is weather or a bug: exit 1, and the orchestrator may retry it.

Other libraries' messages may quote the document that they were given. Where such an error is told, `redact_error` is
what is told of it.
"""

import traceback


class NerTasksError(Exception):
    """Base of all errors that the core raises on purpose."""

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


class Busy(NerTasksError):
    """The other process will end, so the orchestrator may try again."""

    exit_code = 75
    retryable = True


def redact_error(error: BaseException) -> str:
    """An error's type, and where it was raised: `ValueError at records.py, line 62`."""
    frames = traceback.extract_tb(error.__traceback__)
    at = f" at {frames[-1].filename.rsplit('/', 1)[-1]}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{at}"


def redact_traceback(error: BaseException) -> str:
    """What Python prints of an error that nobody foresaw, the lines of code included and its words left out."""
    chain, one = [], error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)  # type: ignore[assignment]
    told = [
        "".join(traceback.format_tb(each.__traceback__)) + f"{type(each).__name__} (its words may quote a document)\n"
        for each in reversed(chain)
    ]
    return "Traceback (most recent call last):\n" + "\n".join(told)
