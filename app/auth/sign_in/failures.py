"""Why nobody was signed in.

SignInFailed               no session; says why in both languages
├── SignInInterrupted   400 the trip is unknown here, used, too old, another browser's, or somebody meddled with it
├── SignInRefused       400 the provider said no
├── TooManySignIns      429 from one address
├── ProviderAtFault     502 the provider answered what cannot be believed
└── ProviderUnavailable 503 it is down, slow, or not configured
"""

from __future__ import annotations

from typing import ClassVar

from app.errors import Worded


class SignInFailed(Worded):
    """Nobody was signed in.

    detail   for the log: which check it was. Never a secret, and nothing that the other side wrote.
    """

    status: ClassVar[int]
    retry_after: int = 5  # seconds, where trying again may help

    def __init__(self, detail: str) -> None:
        super().__init__()
        self.detail = detail


class SignInInterrupted(SignInFailed):
    status = 400
    en = "This sign-in took too long, was finished already, or was begun in another browser. Begin again."


class SignInRefused(SignInFailed):
    status = 400
    en = "The unified login did not sign you in."


class TooManySignIns(SignInFailed):
    status, retryable = 429, True
    en = "Too many sign-ins came from your address. Try again in a minute."

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class ProviderAtFault(SignInFailed):
    status = 502
    en = "The answer of the unified login could not be trusted, so you were not signed in."


class ProviderUnavailable(SignInFailed):
    status, retryable = 503, True
    en = "The unified login does not answer just now. Try again in a moment."
