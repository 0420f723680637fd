import pytest

from ner_tasks.errors import redact_error, redact_traceback

MARKER = "Zephyrine Quillfeather"


def raised(handled):
    try:
        try:
            int(MARKER)
        except ValueError as error:
            if handled == "cause":
                raise KeyError(MARKER) from error
            if handled == "context":
                raise KeyError(MARKER)  # noqa: B904 - the other is its context
            raise KeyError(MARKER) from None
    except KeyError as error:
        return error


def test_an_error_is_told_by_its_type_and_its_place():
    assert redact_error(raised("none")) == "KeyError at test_errors.py, line 17"
    assert redact_error(ValueError(MARKER)) == "ValueError"


@pytest.mark.parametrize(("handled", "names"), [("cause", 2), ("context", 2), ("none", 1)])
def test_a_traceback_has_every_place_and_no_words(handled, names):
    told = redact_traceback(raised(handled))
    assert MARKER not in told
    assert told.count("its words may quote a document") == names
    assert "test_errors.py" in told and "in raised" in told
    assert told.rstrip().endswith("KeyError (its words may quote a document)")
