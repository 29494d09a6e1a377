"""What can go wrong, as classes that carry their code and their words in both languages.

    AppError                 a rule that the input broke: a UserError in the payload
    ├── NotFound, ValidationFailed, VersionConflict, ...   one class for each ErrorCode in use
    RequestError             everything else that is expected: a GraphQL error with extensions.code
    ├── Unauthenticated, Forbidden, BadUserInput, ...

Anything that is neither is a bug: masked at the top, logged with the request id.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from app.words import Language as Language  # noqa: PLC0414  # for whoever words an error
from app.words import counted, said


class ErrorCode(StrEnum):
    """The codes of user errors, as the contract lists them."""

    NOT_FOUND = "NOT_FOUND"
    VALIDATION_FAILED = "VALIDATION_FAILED"
    ACCOUNT_NOT_SELECTED = "ACCOUNT_NOT_SELECTED"
    ACCOUNT_SUSPENDED = "ACCOUNT_SUSPENDED"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    ILLEGAL_TRANSITION = "ILLEGAL_TRANSITION"
    INVITATION_ALREADY_DECIDED = "INVITATION_ALREADY_DECIDED"
    INVITATION_ALREADY_PENDING = "INVITATION_ALREADY_PENDING"
    INVITATION_EXPIRED = "INVITATION_EXPIRED"
    DUPLICATE_CONTRACT = "DUPLICATE_CONTRACT"
    CONTRACT_NOT_ACTIVE = "CONTRACT_NOT_ACTIVE"
    PROJECT_NOT_APPROVED = "PROJECT_NOT_APPROVED"
    PROJECT_IN_USE = "PROJECT_IN_USE"
    JOB_IN_USE = "JOB_IN_USE"
    JOB_NOT_OPEN = "JOB_NOT_OPEN"
    VACANCIES_EXHAUSTED = "VACANCIES_EXHAUSTED"
    VACANCIES_BELOW_FILLED = "VACANCIES_BELOW_FILLED"
    WORKER_NOT_CITIZEN = "WORKER_NOT_CITIZEN"
    WORKER_AGE = "WORKER_AGE"
    WAGE_BELOW_MINIMUM = "WAGE_BELOW_MINIMUM"
    HOURS_ABOVE_MAXIMUM = "HOURS_ABOVE_MAXIMUM"
    GOSI_REQUIRED = "GOSI_REQUIRED"
    ALREADY_EMPLOYED = "ALREADY_EMPLOYED"
    PERIOD_NOT_OPEN = "PERIOD_NOT_OPEN"
    PERIOD_LOCKED = "PERIOD_LOCKED"
    UNKNOWN_TELEWORKER = "UNKNOWN_TELEWORKER"
    DUPLICATE_LINE = "DUPLICATE_LINE"
    REPORT_REASON_REQUIRED = "REPORT_REASON_REQUIRED"
    LIMIT_REACHED = "LIMIT_REACHED"
    SCOPE_NOT_GRANTABLE = "SCOPE_NOT_GRANTABLE"
    FILE_TYPE_NOT_ALLOWED = "FILE_TYPE_NOT_ALLOWED"
    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    CHECKSUM_MISMATCH = "CHECKSUM_MISMATCH"
    UPLOAD_INCOMPLETE = "UPLOAD_INCOMPLETE"
    SANDBOX_ONLY = "SANDBOX_ONLY"
    ALREADY_REGISTERED = "ALREADY_REGISTERED"
    ALREADY_MEMBER = "ALREADY_MEMBER"
    LAST_OWNER = "LAST_OWNER"


class Worded(Exception):
    """An exception with its words. `values` fill the braces.

    en       the words; their Arabic is in the catalogue (app/words.py)
    en_one   where the words count: what is said of one
    counted  the value that is counted
    """

    en: ClassVar[str]
    en_one: ClassVar[str] = ""
    counted: ClassVar[str] = ""
    retryable: ClassVar[bool] = False

    def __init__(self, **values: Any) -> None:
        super().__init__()
        self.values = values

    def __str__(self) -> str:
        return self.words("en")

    def words(self, language: Language) -> str:
        if self.counted:
            return counted(self.en_one, self.en, self.values[self.counted], language, **self.values)
        return said(self.en, language, **self.values)


class AppError(Worded):
    """A rule that the input broke; nothing was changed.

    path    the input's fields from the outside in, as Python names them; None where no single field is at fault.
    """

    code: ClassVar[ErrorCode]

    def __init__(self, path: tuple[str | int, ...] | None = None, **values: Any) -> None:
        super().__init__(**values)
        self.path = path


class AppErrors(Exception):
    """Several broken rules, told at once."""

    def __init__(self, errors: list[AppError]) -> None:
        super().__init__(", ".join(error.code for error in errors))
        self.errors = errors


class NotFound(AppError):
    """No such thing, or another company's: one error for both, so that a stranger learns nothing."""

    code = ErrorCode.NOT_FOUND
    en = "There is no such thing among what you can see."


class ValidationFailed(AppError):
    code = ErrorCode.VALIDATION_FAILED
    en = "This value is not valid."

    def __init__(self, path: tuple[str | int, ...] | None = None, *, en: str = "", **values: Any) -> None:
        super().__init__(path, **values)
        if en:
            self.en = en  # type: ignore[misc]  # this one's own words


class AccountNotSelected(AppError):
    code = ErrorCode.ACCOUNT_NOT_SELECTED
    en = "Choose a company first, with switchAccount."


class AccountSuspended(AppError):
    code = ErrorCode.ACCOUNT_SUSPENDED
    en = "This account is suspended: it can be read, not changed."


class VersionConflict(AppError):
    code = ErrorCode.VERSION_CONFLICT
    en = "Somebody changed this in the meantime: it is at version {current}. Read it again, then repeat your change."


class IllegalTransition(AppError):
    code = ErrorCode.ILLEGAL_TRANSITION
    en = "What is {current} cannot become {wanted}."


class NotEditable(AppError):
    code = ErrorCode.ILLEGAL_TRANSITION
    en = "What is {current} cannot be edited."


class InvitationAlreadyDecided(AppError):
    code = ErrorCode.INVITATION_ALREADY_DECIDED
    en = "This invitation has been decided already: it is {current}."


class InvitationAlreadyPending(AppError):
    code = ErrorCode.INVITATION_ALREADY_PENDING
    en = "An invitation of this establishment waits for the company's decision already."


class InvitationExpired(AppError):
    code = ErrorCode.INVITATION_EXPIRED
    en = "This invitation has expired. Ask the establishment for a new one."


class DuplicateContract(AppError):
    code = ErrorCode.DUPLICATE_CONTRACT
    en = "A contract with this establishment is in force or about to begin."


class ContractNotActive(AppError):
    code = ErrorCode.CONTRACT_NOT_ACTIVE
    en = "The project's contract is not in force."


class ProjectNotApproved(AppError):
    code = ErrorCode.PROJECT_NOT_APPROVED
    en = "Jobs belong to approved projects; this one is {current}."


class ProjectInUse(AppError):
    code = ErrorCode.PROJECT_IN_USE
    en = "People work in this project. End their employments first."


class JobInUse(AppError):
    code = ErrorCode.JOB_IN_USE
    en = "People work in this job. End their employments first."


class VacanciesBelowFilled(AppError):
    code = ErrorCode.VACANCIES_BELOW_FILLED
    en_one = "One place is filled; there cannot be fewer vacancies."
    en = "{filled} places are filled; there cannot be fewer vacancies."
    counted = "filled"


class ContractEnded(AppError):
    code = ErrorCode.CONTRACT_NOT_ACTIVE
    en = "This contract is over: it is {current}."


class FileTypeNotAllowed(AppError):
    code = ErrorCode.FILE_TYPE_NOT_ALLOWED
    en = "Documents are application/pdf, image/png or image/jpeg."


class FileTooLarge(AppError):
    code = ErrorCode.FILE_TOO_LARGE
    en = "A document has at most {most:,} bytes."


class UploadIncomplete(AppError):
    code = ErrorCode.UPLOAD_INCOMPLETE
    en = "The bytes of this document have not arrived: PUT them to its uploadUrl first."


class JobNotOpen(AppError):
    code = ErrorCode.JOB_NOT_OPEN
    en = "People are hired into open jobs; this one is {current}."


class VacanciesExhausted(AppError):
    code = ErrorCode.VACANCIES_EXHAUSTED
    en = "All places of this job are taken."


class WorkerNotCitizen(AppError):
    code = ErrorCode.WORKER_NOT_CITIZEN
    en = "Only citizens are hired here: their national id begins with 1."


class WorkerAge(AppError):
    code = ErrorCode.WORKER_AGE
    en = "On the first day a teleworker is {youngest} to {oldest} years old."


class WageBelowMinimum(AppError):
    code = ErrorCode.WAGE_BELOW_MINIMUM
    en = "The least monthly wage for this is SAR {least:,}."


class HoursAboveMaximum(AppError):
    code = ErrorCode.HOURS_ABOVE_MAXIMUM
    en = "A week has at most {most} hours of work."


class GosiRequired(AppError):
    code = ErrorCode.GOSI_REQUIRED
    en = "A teleworker has to be registered in Social Insurance (GOSI)."


class FirstDayTooFar(AppError):
    code = ErrorCode.VALIDATION_FAILED
    en = "The first day lies at most {back} days back and {ahead} days ahead."


class LeaveTooLongAgo(AppError):
    code = ErrorCode.VALIDATION_FAILED
    en = "A leave begins at most {back} days back."


class AlreadyEmployed(AppError):
    """Here or elsewhere, once or more often: the words never tell."""

    code = ErrorCode.ALREADY_EMPLOYED
    en = "Other employments leave this person no room for this one in that period."


class DocumentInUse(AppError):
    code = ErrorCode.ILLEGAL_TRANSITION
    en = "This document belongs to another contract or invitation. Upload it once more for this one."


class PeriodNotOpen(AppError):
    code = ErrorCode.PERIOD_NOT_OPEN
    en = "This week cannot be reported yet: it opens on {opens}."


class PeriodLocked(AppError):
    code = ErrorCode.PERIOD_LOCKED
    en = "This week cannot be reported any more: it was locked on {locked}."


class UnknownTeleworker(AppError):
    code = ErrorCode.UNKNOWN_TELEWORKER
    en = "Nobody with this national id was employed there in that week."


class NobodyWorksThere(UnknownTeleworker):
    """An establishment that the company does not work for: one that does not exist is told alike."""

    en = "You had no contract with this establishment in that week, so nobody was employed there."


class DuplicateLine(AppError):
    code = ErrorCode.DUPLICATE_LINE
    en = "Line {first} is about the same teleworker at the same establishment."


class ReportReasonRequired(AppError):
    code = ErrorCode.REPORT_REASON_REQUIRED
    en = "The deadline has passed: changing what was reported needs a reason."


class ScopeNotGrantable(AppError):
    code = ErrorCode.SCOPE_NOT_GRANTABLE
    en = "You cannot give the scope {scope} to a token."


class LimitReached(AppError):
    code = ErrorCode.LIMIT_REACHED
    en = "No more than {limit} are allowed."


class TooManyMessages(AppError):
    """Somebody at this address has written so often within an hour. A user error: the form stays as it is, to be sent later."""

    code, retryable = ErrorCode.LIMIT_REACHED, True
    en_one = "A message was sent from your address a moment ago, and only one an hour is taken. Try again in {minutes} min."
    en = "{limit} messages were sent from your address within an hour, and no more are taken. Try again in {minutes} min."
    counted = "limit"


class AlreadyRegistered(AppError):
    code = ErrorCode.ALREADY_REGISTERED
    en = "This establishment is registered already. Ask one of its owners to invite you."


class AlreadyMember(AppError):
    code = ErrorCode.ALREADY_MEMBER
    en = "This person is a member already, or invited."


class LastOwner(AppError):
    code = ErrorCode.LAST_OWNER
    en = "A company needs an owner. Make somebody else an owner first."


class SandboxOnly(AppError):
    code = ErrorCode.SANDBOX_ONLY
    en = "This works in the sandbox alone, with a token of the SANDBOX environment: {address}."


class RequestError(Worded):
    """A request that cannot be answered as it stands. `code` is not an enum of the graph: it goes to extensions."""

    code: ClassVar[str]
    status: ClassVar[int] = 200

    @property
    def extensions(self) -> dict[str, Any]:
        return {"code": self.code, "retryable": self.retryable}


class Unauthenticated(RequestError):
    """A credential that is missing where one is needed, or bad; it never falls back to anonymous."""

    code, status = "UNAUTHENTICATED", 401
    en = "Sign in, or send a valid SP-Token."


class Forbidden(RequestError):
    code = "FORBIDDEN"
    en = "This takes the permission {permission}, which you do not have for this company."

    @property
    def extensions(self) -> dict[str, Any]:
        """`field`: what wants the permission, as "Type.field"."""
        field = {"field": self.values["field"]} if "field" in self.values else {}
        return {**super().extensions, "permission": self.values["permission"], **field}


class NotTheActiveAccount(Forbidden):
    """Read through a company of the caller's that is not the active one: rights hold in the active company only."""

    en = "Switch to this company to read this; it takes {permission} there."


class PersonOnly(RequestError):
    """A token acts for its own company for as long as it lives: it neither registers, nor switches, nor logs out."""

    code = "FORBIDDEN"
    en = "Only a signed-in person can do this; a token cannot."


class GatewayOnly(RequestError):
    """What the portal's own side does; no role and no scope allows it."""

    code = "FORBIDDEN"
    en = "Only the portal's gateway can do this."


class WrongEnvironment(RequestError):
    """A credential of the other environment. `address` is where it belongs."""

    code, status = "WRONG_ENVIRONMENT", 403
    en = "This token belongs to the {environment} environment: send it to {address}."


class BadUserInput(RequestError):
    code = "BAD_USER_INPUT"

    def __init__(self, en: str, path: list[str] | None = None, **values: Any) -> None:
        super().__init__(**values)
        self.en, self.path = en, path  # type: ignore[misc]  # this one's own words

    @property
    def extensions(self) -> dict[str, Any]:
        return {**super().extensions, **({"path": self.path} if self.path else {})}


class DocumentTooComplex(RequestError):
    """A document past one of the limits on its shape. `what` was counted."""

    code, status = "DOCUMENT_INVALID", 422
    en = "The document has {found:,} {what}; at most {most:,} are allowed."

    def __init__(self, what: str, *, found: int, most: int) -> None:
        super().__init__(what=what, found=found, most=most)

    def words(self, language: Language) -> str:
        return said(self.en, language, **{**self.values, "what": said(self.values["what"], language)})


class CostLimit(RequestError):
    """An operation that may answer with too much. `way_out` says what to change; `values` fill its braces."""

    code, status = "COST_LIMIT", 422
    en = "This operation may cost {cost:,} points; the most is {maximum:,}. Way out: {way_out}."

    def __init__(self, way_out: str, *, cost: int, maximum: int, **values: Any) -> None:
        super().__init__(cost=cost, maximum=maximum)
        self._way_out = way_out, values

    def words(self, language: Language) -> str:
        return said(self.en, language, **self.values, way_out=self._said(language))

    def _said(self, language: Language) -> str:
        way_out, values = self._way_out
        return said(way_out, language, **values)

    @property
    def extensions(self) -> dict[str, Any]:
        told = {"cost": self.values["cost"], "maximumCost": self.values["maximum"], "suggestion": self._said("en")}
        return {**super().extensions, **told}


class RateLimited(RequestError):
    """The caller's points of this minute do not suffice. `retry_after` is in seconds."""

    code, status, retryable = "RATE_LIMITED", 429, True
    en_one = "This operation may cost {cost:,} points; {remaining:,} of {limit:,} a minute are left. Try again in a second."
    en = "This operation may cost {cost:,} points; {remaining:,} of {limit:,} a minute are left. Try again in {retry_after} s."
    counted = "retry_after"

    @property
    def extensions(self) -> dict[str, Any]:
        return {**super().extensions, "retryAfter": self.values["retry_after"]}


class TooManyAttempts(RequestError):
    """Bad credentials from one address, or for one secret's beginning. `retry_after` is in seconds."""

    code, status, retryable = "RATE_LIMITED", 429, True
    en_one = "Too many credentials were refused. Check yours, and try again in a second."
    en = "Too many credentials were refused. Check yours, and try again in {retry_after} s."
    counted = "retry_after"

    @property
    def extensions(self) -> dict[str, Any]:
        return {**super().extensions, "retryAfter": self.values["retry_after"]}


class TriedTooOften(RequestError):
    """What an account may try only so many times a minute. `retry_after` is in seconds."""

    code, status, retryable = "RATE_LIMITED", 429, True
    en = "This account may try this {limit:,} times a minute. Try again in {retry_after} s."

    @property
    def extensions(self) -> dict[str, Any]:
        return {**super().extensions, "retryAfter": self.values["retry_after"]}


class DeadlineExceeded(RequestError):
    """An operation that was stopped because it took too long. `seconds` is what it had."""

    code, status, retryable = "DEADLINE_EXCEEDED", 503, True
    en = "The operation was stopped after {seconds:g} s. Ask for less, or try again later."


class StoppedAfterWriting(DeadlineExceeded):
    """Stopped when mutations had been committed already: to repeat them would do them twice. `performed` are their response keys."""

    retryable = False
    en = "The answer took longer than {seconds:g} s, but what you asked for was done, at least in part. Read before you repeat it."

    @property
    def extensions(self) -> dict[str, Any]:
        return {**super().extensions, "performed": self.values["performed"]}


class BadRequest(RequestError):
    """JSON that is no request, or one that may not come this way."""

    code, status = "BAD_REQUEST", 422

    def __init__(self, en: str, **values: Any) -> None:
        super().__init__(**values)
        self.en = en  # type: ignore[misc]  # this one's own words


class BadIdempotencyKey(RequestError):
    """The header Idempotency-Key is not one key."""

    code, status = "BAD_REQUEST", 400
    en = 'Idempotency-Key is one key of 1 to {most} printable ASCII characters, best in quotes: "8e03978e-40d5".'


class IdempotencyConflict(RequestError):
    """Nothing was done: the key stands for something else."""

    code, status = "IDEMPOTENCY_CONFLICT", 422
    en = "This Idempotency-Key came with another mutation or another input before. Send a new key with a new request."


class IdempotencyInProgress(RequestError):
    """The first request under the key has not come to its outcome yet."""

    code, status, retryable = "IDEMPOTENCY_IN_PROGRESS", 409, True
    retry_after: ClassVar[int] = 1  # seconds
    en = "A request with this Idempotency-Key is still running. Repeat yours in a moment to be told what it came to."

    @property
    def extensions(self) -> dict[str, Any]:
        return {**super().extensions, "retryAfter": self.retry_after}


class DocumentNotFound(RequestError):
    code, status = "DOCUMENT_NOT_FOUND", 422
    en = "No document is registered under this documentId."


class PersistedQueryNotFound(RequestError):
    """The code and the words that clients of Apollo's convention wait for, to send the text along next time: the same in any language."""

    code, status, retryable = "PERSISTED_QUERY_NOT_FOUND", 422, True
    en = "PersistedQueryNotFound"

    def words(self, language: Language) -> str:
        return self.en


class DocumentRequired(RequestError):
    code, status = "DOCUMENT_REQUIRED", 403
    en = "Only registered documents run here: send a documentId."


class UploadNotSigned(RequestError):
    """Where bytes are sent to: an address that the graph did not give, or that was changed."""

    code, status = "SIGNATURE_INVALID", 403
    en = "This is no address that the graph gave. Ask it for a new one, with createDocumentUpload."


class UploadExpired(RequestError):
    code, status = "UPLOAD_EXPIRED", 410
    en = "This address has expired. Ask for a new one, with createDocumentUpload."


class AlreadyUploaded(RequestError):
    code, status = "ALREADY_UPLOADED", 409
    en = "The bytes of this document are here already, and never change."


class UploadBusy(RequestError):
    code, status, retryable = "UPLOAD_IN_PROGRESS", 429, True
    en = "These bytes are being sent several times at once. Wait for one to end."


class UploadTooSlow(RequestError):
    code, status, retryable = "UPLOAD_TOO_SLOW", 408, True
    en = "The bytes took longer than {seconds:g} s to arrive. Send them again."


class UploadTooLarge(RequestError):
    code, status = "FILE_TOO_LARGE", 413
    en = "More than the {size:,} bytes that were announced."


class UploadTooShort(RequestError):
    code, status = "UPLOAD_INCOMPLETE", 422
    en = "{size:,} bytes were announced, {received:,} came. Send them again."


class UploadOfAnotherType(RequestError):
    code, status = "FILE_TYPE_NOT_ALLOWED", 415
    en = "This is not {content_type}, which was announced: what counts is the content. Send it as it is, with that Content-Type."


class UploadDiffers(RequestError):
    code, status = "CHECKSUM_MISMATCH", 422
    en = "The SHA-256 of these bytes is not the one that was announced."


class SummaryNotAvailable(RequestError):
    code, status = "UNAVAILABLE", 503
    en = "Contracts cannot be printed here: the fonts are missing. `python3 dev.py run` brings them."


class Unavailable(RequestError):
    code, status, retryable = "UNAVAILABLE", 503, True
    en = "The portal cannot answer just now. Try again in a moment."


class Internal(RequestError):
    """What a caller sees of a bug: an id by which the log has the rest."""

    code, status = "INTERNAL", 500
    en = "Something went wrong on our side. Tell us the request id {request_id}."

    @property
    def extensions(self) -> dict[str, Any]:
        return {**super().extensions, "requestId": self.values["request_id"]}
