"""Request bodies: what is a sample, and what each mistake is answered with."""

import json

import numpy as np
import pytest

from images.workloads.predictor.samples import MAX_SAMPLES, BadRequestError, parse_input, parse_instances

_ZEROS = [0] * 64


def _with(value: str, position: int = 3) -> bytes:
    """A body with one sample whose value at `position` is `value`, as it is."""
    pixels = ["0"] * 64
    pixels[position] = value
    return f'{{"input": [{", ".join(pixels)}]}}'.encode()


@pytest.mark.parametrize(
    ("value", "shape", "one"),
    [
        (_ZEROS, (1, 64), True),
        ([_ZEROS], (1, 64), False),
        ([_ZEROS, [16.0] * 64, [0.5] * 64], (3, 64), False),
        ([_ZEROS] * MAX_SAMPLES, (MAX_SAMPLES, 64), False),
    ],
)
def test_input_is_one_sample_or_a_list_of_them(value: object, shape: tuple[int, int], one: bool) -> None:
    samples, is_one = parse_input(json.dumps({"input": value, "other": "ignored"}).encode())
    assert (samples.shape, samples.dtype, is_one) == (shape, np.float64, one)
    assert samples.tolist() == ([value] if one else value)


def test_instances_are_a_list_of_samples() -> None:
    body = {"signature_name": "serving_default", "instances": [_ZEROS, [16] * 64]}
    assert parse_instances(json.dumps(body).encode()).tolist() == [_ZEROS, [16] * 64]


@pytest.mark.parametrize("value", ["0", "-0", "-0.0", "16", "16.0", "1.6e1", "1e-400", "0.1"])
def test_a_pixel_is_a_number_from_0_to_16(value: str) -> None:
    samples, _ = parse_input(_with(value))
    assert samples[0, 3] == float(value)


_BAD_BODIES = [
    (b"", "the body is empty"),
    (b"   ", "not JSON"),
    (b"{", "not JSON: Expecting property name"),
    (b'{"input": [1,]}', "not JSON"),
    (b'{"input": []} trailing', "not JSON: Extra data at line 1, column 15"),
    (b"input=1", "not JSON"),
    (b"null", "the body is null"),
    (b"[]", "the body is a list"),
    (b"3", "the body is a number"),
    (b"true", "the body is a boolean"),
    (b'"input"', "the body is a string"),
    (b"{}", 'has no "input"'),
    (b'{"inputs": []}', 'has no "input"'),
    (b'{"input": null}', '"input" is null'),
    (b'{"input": {}}', '"input" is an object'),
    (b'{"input": "1 2 3"}', '"input" is a string'),
    (b'{"input": 7}', '"input" is a number'),
    (b'{"input": false}', '"input" is a boolean'),
    (b'{"input": []}', '"input" is empty'),
    (b'{"input": [[]]}', "sample 0 has 0 values: it must have 64"),
    (b'{"input": [[[]]]}', "sample 0 has 1 values"),
    (b'{"input": [1, 2, 3]}', "sample 0 has 3 values: it must have 64"),
    (json.dumps({"input": [0] * 65}).encode(), "sample 0 has 65 values"),
    (json.dumps({"input": [_ZEROS, [0] * 63]}).encode(), "sample 1 has 63 values"),
    (json.dumps({"input": [_ZEROS, 5]}).encode(), "sample 1 is a number: it must be a list of 64 numbers"),
    (json.dumps({"input": [_ZEROS, None]}).encode(), "sample 1 is null"),
    (json.dumps({"input": [*[0] * 63, _ZEROS]}).encode(), "sample 0, value 63 is a list"),
    (json.dumps({"input": [[[0] * 8] * 8]}).encode(), "sample 0 has 8 values"),
    (json.dumps({"input": [_ZEROS] * (MAX_SAMPLES + 1)}).encode(), "has 1025 samples: at most 1024"),
    (_with('"7"'), "sample 0, value 3 is a string: it must be a number"),
    (_with("true"), "sample 0, value 3 is a boolean"),
    (_with("null"), "sample 0, value 3 is null"),
    (_with("{}"), "sample 0, value 3 is an object"),
    (_with("-1"), "sample 0, value 3 is -1: it must be from 0 to 16"),
    (_with("16.001"), "sample 0, value 3 is 16.001"),
    (_with("1e400"), "sample 0, value 3 is inf"),
    (_with("-1e400"), "sample 0, value 3 is -inf"),
    (_with("1" + "0" * 400), f"sample 0, value 3 is 1{'0' * 31}…: it must be"),
    (_with("1" * 5000), "a number with too many digits"),
    (_with("NaN"), "NaN is no JSON number"),
    (_with("Infinity"), "Infinity is no JSON number"),
    (_with("-Infinity"), "-Infinity is no JSON number"),
    (b"[" * 1_000_000, "nested too deeply"),
    (b'{"input":' * 100_000, "nested too deeply"),
    (b'{"input": "\xff"}', "not UTF-8: byte 11"),
    (json.dumps({"input": _ZEROS}).encode("utf-16"), "not UTF-8"),
    (json.dumps({"input": _ZEROS}).encode("utf-16-le"), "not JSON"),
    (json.dumps({"input": _ZEROS}).encode("utf-8-sig"), "not JSON: Unexpected UTF-8 BOM"),
    (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "not UTF-8"),
]


@pytest.mark.parametrize(("body", "message"), _BAD_BODIES, ids=range(len(_BAD_BODIES)))
def test_a_bad_body_is_explained(body: bytes, message: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        parse_input(body)
    assert message in str(refused.value)
    assert refused.value.status == 400
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"input": _ZEROS}, 'has no "instances"'),
        ({"inputs": [_ZEROS]}, 'has no "instances"'),
        ({"instances": _ZEROS}, "sample 0 is a number: it must be a list of 64 numbers"),
        ({"instances": []}, '"instances" is empty'),
        ({"instances": [{"pixels": _ZEROS}]}, "sample 0 is an object"),
        ({"instances": [_ZEROS], "signature_name": "other"}, 'signature_name is not "serving_default"'),
        ({"instances": [_ZEROS], "signature_name": 1}, 'signature_name is not "serving_default"'),
    ],
)
def test_bad_instances_are_explained(body: object, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        parse_instances(json.dumps(body).encode())
