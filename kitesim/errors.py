"""Refusals in Kite's words: an HTTP status, an error_type and a sentence."""


class KiteError(Exception):
    """Becomes the envelope {"status": "error", "message", "error_type", "data": null}."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error_type, self.message = status, error_type, message


def bad_input(message: str) -> KiteError:
    return KiteError(400, "InputException", message)


def bad_token(message: str = "Incorrect `api_key` or `access_token`.") -> KiteError:
    return KiteError(403, "TokenException", message)


def too_many() -> KiteError:
    return KiteError(429, "NetworkException", "Too many requests")
