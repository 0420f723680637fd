"""What S3 answers and boto3 raises, in our own words."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from ner_tasks.errors import Busy, ConfigInvalid, InputMissing, NerTasksError, StoreUnavailable

# These become others by themselves, or when somebody renews them, while a night is running.
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "RequestTimeTooSkewed"}
_OVERLOADED = {"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "RequestLimitExceeded"}
# `BadDigest`: the bytes arrived changed; of a HEAD or a conditional answer there is the number alone.
_BROKEN = {"BadDigest", "IncompleteBody", "XAmzContentChecksumMismatch"}
_GONE = {"NoSuchKey", "404"}
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_WEATHER = (
    boto.ConnectionError,
    boto.HTTPClientError,
    boto.IncompleteReadError,
    boto.ChecksumError,
    boto.FlexibleChecksumError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.MetadataRetrievalError,
    boto.SSOError,
    boto.LoginError,
)


@contextmanager
def translate_errors(where: str) -> Iterator[None]:
    """Turn what boto3 raises inside the block into an error of ours, about `where`.

    Raises:
        InputMissing: there is no such object.
        Busy: a condition did not hold, for somebody else has written the object.
        StoreUnavailable: another try may do it; boto3's own tries are over.
        ConfigInvalid: no other try will.
    """
    try:
        yield
    except ClientError as error:
        raise _of_answer(error, where) from error
    except _WEATHER as error:
        raise StoreUnavailable(f"found {_line(error)}, expected S3 to answer, for {where}") from error
    except (BotoCoreError, ValueError) as error:
        raise ConfigInvalid(f"found {_line(error)}, expected settings that boto3 can work with, for {where}") from error


def _of_answer(error: ClientError, where: str) -> NerTasksError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return ConfigInvalid(f"found no such bucket, expected one, at {where}")
    if code in _GONE:
        return InputMissing(f"found nothing, expected an object, at {where}")
    if code in _CHANGED:
        return Busy(f"found that another process has written it, expected to be alone, at {where}")
    if code in _EXPIRED:
        return StoreUnavailable(f"found expired credentials ({code}), expected valid ones, for {where}")
    if code in _OVERLOADED | _BROKEN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return StoreUnavailable(f"found {_line(error)}, expected S3 to answer, for {where}")
    return ConfigInvalid(f"found {_line(error)}, expected to be let in, at {where}")


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
