"""Request bodies to samples: what a client gets wrong ends here, in a message that says what and where."""

import json
from typing import Any, NoReturn, cast

import numpy as np

PIXELS = 64
LOW, HIGH = 0, 16
MAX_SAMPLES = 1024

# 1024 samples of 64 numbers with 17 digits each are about 1.3 MB.
MAX_BODY_BYTES = 2 * 1024 * 1024

_MAX_ECHO = 32

Array = np.ndarray[Any, Any]


class BadRequestError(Exception):
    """The request cannot be answered as it is; `status` is the HTTP status of the answer, a 4xx."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def parse_input(body: bytes) -> tuple[Array, bool]:
    """Samples of `{"input": ...}`, shape (n, 64), and whether it was one sample and not a list of them."""
    value = _member(_decode(body), "input")
    one = isinstance(value, list) and bool(value) and not isinstance(value[0], list)
    return (_samples([value], "input") if one else _samples(value, "input")), one


def parse_instances(body: bytes) -> Array:
    """Samples of `{"instances": [...]}`, the row format of TensorFlow Serving's REST API, shape (n, 64)."""
    document = _decode(body)
    instances = _member(document, "instances")
    if document.get("signature_name", "serving_default") != "serving_default":
        raise BadRequestError('signature_name is not "serving_default", the only one of this model')
    return _samples(instances, "instances")


def _member(document: dict[str, object], key: str) -> object:
    if key not in document:
        raise BadRequestError(f'the body has no "{key}": it must be an object like {{"{key}": [...]}}')
    return document[key]


def _decode(body: bytes) -> dict[str, object]:
    if not body:
        raise BadRequestError("the body is empty: it must be a JSON object")
    try:
        document = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise BadRequestError(f"the body is not UTF-8: byte {error.start} cannot be decoded") from None
    except RecursionError:
        raise BadRequestError("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequestError(f"the body is not JSON: {error.msg} at {where}") from None
    except ValueError:
        # Python reads no whole number of more than 4300 digits.
        raise BadRequestError("the body has a number with too many digits") from None
    if not isinstance(document, dict):
        raise BadRequestError(f"the body is {_kind(document)}: it must be a JSON object")
    return cast("dict[str, object]", document)


def _refuse_constant(token: str) -> NoReturn:
    raise BadRequestError(f"the body is not JSON: {token} is no JSON number")


def _samples(value: object, key: str) -> Array:
    if not isinstance(value, list):
        raise BadRequestError(f'"{key}" is {_kind(value)}: it must be a list of samples')
    samples = cast("list[object]", value)
    if not samples:
        raise BadRequestError(f'"{key}" is empty: it must have at least one sample')
    if len(samples) > MAX_SAMPLES:
        raise BadRequestError(f'"{key}" has {len(samples)} samples: at most {MAX_SAMPLES} a request')
    for index, sample in enumerate(samples):
        _check(sample, f"sample {index}")
    return np.array(samples, dtype=np.float64)


def _check(sample: object, name: str) -> None:
    if not isinstance(sample, list):
        raise BadRequestError(f"{name} is {_kind(sample)}: it must be a list of {PIXELS} numbers")
    pixels = cast("list[Any]", sample)
    if len(pixels) != PIXELS:
        raise BadRequestError(f"{name} has {len(pixels)} values: it must have {PIXELS}")
    for position, pixel in enumerate(pixels):
        # type() and not isinstance(): JSON's true is no number. Infinity, from 1e400, is out of range.
        if type(pixel) is not int and type(pixel) is not float:
            raise BadRequestError(f"{name}, value {position} is {_kind(pixel)}: it must be a number")
        if not LOW <= pixel <= HIGH:
            shown = str(pixel)
            shown = shown if len(shown) <= _MAX_ECHO else f"{shown[:_MAX_ECHO]}…"
            raise BadRequestError(f"{name}, value {position} is {shown}: it must be from {LOW} to {HIGH}")


def _kind(value: object) -> str:
    """JSON's word for the type of a decoded value."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
