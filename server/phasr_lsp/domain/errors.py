"""Everything that can go wrong, each with what happened and what to do next.

PhasrError
├── ConfigError               a configuration file or setting can't be used
├── RequestError              the task can't start: what it names doesn't fit
│   ├── UnknownKind
│   ├── UnknownTask
│   └── TargetError           the file or the place in it can't be worked on
├── ModelError                the model gave no usable reply
│   ├── NoModel               none is configured, running or installed
│   ├── NoRuntime             its weights are installed, and nothing that runs them
│   ├── UnknownModel
│   ├── KeyMissing
│   ├── KeyRejected
│   ├── QuotaSpent            no retry will help
│   ├── RateLimited
│   ├── ModelUnavailable      refused, reset or 5xx
│   ├── ModelTimeout
│   ├── ContextWindowExceeded
│   ├── RequestRejected       the provider calls the request itself wrong
│   ├── ReplyRefused          the model or its filter declined
│   └── ReplyIncomplete       cut off, empty, or without its end
├── ReplyUnusable             complete, but no edit can be read from it
│   └── BreaksSyntax          the file parsed before and wouldn't after
├── Conflict                  the text changed where the edit goes
└── EditorRefused             the editor didn't carry out the edit
"""


class PhasrError(Exception):
    """Base of all errors that reach a person.

    `message` says what happened, `advice` what to do about it; neither ever holds a key or a prompt.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(f"{message} {advice}".rstrip())
        self.message = message
        self.advice = advice


class ConfigError(PhasrError): ...


class RequestError(PhasrError): ...


class UnknownKind(RequestError): ...


class UnknownTask(RequestError): ...


class TargetError(RequestError): ...


class ModelError(PhasrError): ...


class NoModel(ModelError):
    """`model` names the embedded model whose weights are missing, where it is one in particular."""

    def __init__(self, message: str, advice: str = "", *, model: str | None = None) -> None:
        super().__init__(message, advice)
        self.model = model


class NoRuntime(ModelError): ...


class UnknownModel(ModelError): ...


class KeyMissing(ModelError): ...


class KeyRejected(ModelError): ...


class QuotaSpent(ModelError): ...


class RateLimited(ModelError): ...


class ModelUnavailable(ModelError): ...


class ModelTimeout(ModelError): ...


class ContextWindowExceeded(ModelError): ...


class RequestRejected(ModelError): ...


class ReplyRefused(ModelError): ...


class ReplyIncomplete(ModelError): ...


class ReplyUnusable(PhasrError): ...


class BreaksSyntax(ReplyUnusable): ...


class Conflict(PhasrError): ...


class EditorRefused(PhasrError): ...
