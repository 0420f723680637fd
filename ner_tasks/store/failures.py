"""Translates errors of S3 and boto3 into this project's errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from ner_tasks.errors import Busy, ConfigInvalid, InputMissing, NerTasksError, StoreUnavailable

# Credentials that may be renewed while a night is running.
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "RequestTimeTooSkewed"}
_OVERLOADED = {"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "RequestLimitExceeded"}
# `BadDigest`: the bytes were corrupted on the way. HEAD and conditional requests return only the number.
_BROKEN = {"BadDigest", "IncompleteBody", "XAmzContentChecksumMismatch"}
_GONE = {"NoSuchKey", "404"}
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_TRANSIENT = (
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
    """Context manager that translates boto3's errors.

    Args:
        where: location, for the message.

    Raises:
        InputMissing: there is no such object.
        Busy: a condition failed because another process has written the object.
        StoreUnavailable: a transient error remains after boto3's retries.
        ConfigInvalid: a permanent error, such as wrong settings or missing permissions.
    """
    try:
        yield
    except ClientError as error:
        raise _translate_response(error, where) from error
    except _TRANSIENT as error:
        raise StoreUnavailable(f"found {_line(error)}, expected S3 to answer, for {where}") from error
    except (BotoCoreError, ValueError) as error:
        raise ConfigInvalid(f"found {_line(error)}, expected valid settings for boto3, for {where}") from error


def _translate_response(error: ClientError, where: str) -> NerTasksError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return ConfigInvalid(f"found no such bucket, expected one, at {where}")
    if code in _GONE:
        return InputMissing(f"found nothing, expected an object, at {where}")
    if code in _CHANGED:
        return Busy(f"found the object changed by another process, expected to be alone, at {where}")
    if code in _EXPIRED:
        return StoreUnavailable(f"found expired credentials ({code}), expected valid ones, for {where}")
    if code in _OVERLOADED | _BROKEN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return StoreUnavailable(f"found {_line(error)}, expected S3 to answer, for {where}")
    return ConfigInvalid(f"found {_line(error)}, expected access, at {where}")


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
