"""What goes wrong with a request, by the codes of gRPC."""

#: By the name of the code: its number in `google.rpc.Code`, and TensorFlow Serving's HTTP status for it.
CODES = {
    "OK": (0, 200),
    "INVALID_ARGUMENT": (3, 400),
    "NOT_FOUND": (5, 404),
    "FAILED_PRECONDITION": (9, 412),
    "UNIMPLEMENTED": (12, 501),
    "INTERNAL": (13, 500),
    "UNAVAILABLE": (14, 503),
}


class RequestError(Exception):
    """A request that cannot be answered. `code` is one of CODES."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
