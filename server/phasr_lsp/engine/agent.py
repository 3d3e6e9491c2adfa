"""The loop of one attempt: prompt, reply, change, check, and again while a repair may help."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.errors import BreaksSyntax, ReplyIncomplete, ReplyUnusable
from phasr_lsp.domain.formats import Files, Malformed
from phasr_lsp.domain.formats.continuation import joined, whole_lines
from phasr_lsp.domain.model import EditFormat, Finish, Message, ModelRequest, Reply
from phasr_lsp.domain.outcome import Outcome
from phasr_lsp.domain.route import Choice
from phasr_lsp.domain.task import TaskEvent
from phasr_lsp.engine import ports
from phasr_lsp.engine.aim import Aim
from phasr_lsp.engine.context import write_messages
from phasr_lsp.engine.normalise import Broken, after, guarded, normalise, widened
from phasr_lsp.engine.ports import Gateway, OnText, Record, Syntax
from phasr_lsp.engine.threads import Threads
from phasr_lsp.engine.verify import Flaw, find_flaw

REPAIRS = 2
"""How often a model is told what was wrong with its reply before the attempt fails."""

CONTINUATIONS = 2
"""How often a model that reached its limit of output tokens is asked to go on."""

UNSTREAMED_TOKENS_A_SECOND = 50
"""A reply that isn't streamed is written in silence, at this rate or a faster one."""


@dataclass(frozen=True)
class Watcher:
    """Who wants to know how an attempt goes on."""

    event: Callable[[TaskEvent], None]
    reply: Callable[[Reply], None]
    """Called with every reply before anything is done with it: it is paid for."""
    text: OnText | None = None
    """Called with each piece of a reply; None where nobody looks, and nothing is streamed then."""


@dataclass(frozen=True)
class _Unusable:
    """A reply that isn't the result, and what the model is told about it."""

    complaint: str
    reason: str
    """The same for a person, in one line."""
    outcome: Outcome
    kept: ChangeSet = field(default_factory=ChangeSet)
    """The edits that were made and needn't be sent again."""


class Agent:
    """Turns an aim into a verified ChangeSet with the help of one model."""

    def __init__(
        self, gateway: Gateway, syntax: Syntax, threads: Threads, workspace: ports.Files, record: Record
    ) -> None:
        self._gateway = gateway
        self._syntax = syntax
        self._threads = threads
        self._workspace = workspace
        self._record = record

    async def run(self, aim: Aim, choice: Choice, timeout_seconds: float, watch: Watcher) -> ChangeSet:
        """`timeout_seconds` is the longest silence, without the time in which an unstreamed reply is written.

        Raises a `ModelError` when the model gives no reply, `ReplyUnusable` when none of its replies can be used.
        """
        size = max(len(aim.source.text), len(aim.files.target.text))
        messages = await self._threads.run(size, lambda: write_messages(aim, choice.profile, choice.endpoint))
        if watch.text is None:
            timeout_seconds += choice.profile.max_output_tokens / UNSTREAMED_TOKENS_A_SECOND
        files, made = aim.files, ChangeSet()
        repairs = 0
        while True:
            text, ended = await self._ask(messages, choice, timeout_seconds, watch)
            files = await self._widened(text, files, aim)
            read = partial(self._read, text, ended, files, made, aim)
            found, written = await self._threads.run(max(size, len(text)), read)
            if isinstance(found, ChangeSet):
                outcome = Outcome.GOOD if written is aim.format else Outcome.OTHER_FORMAT
                self._record.count(choice.endpoint.provider_model, aim.format, outcome)
                return found
            self._record.count(choice.endpoint.provider_model, aim.format, found.outcome)
            if not ended and found.kept.empty:
                raise ReplyIncomplete(
                    f"{choice.endpoint.model} was cut off at its limit of output tokens.",
                    "Work on a smaller part, or raise max_output_tokens for this model.",
                )
            if repairs == REPAIRS:
                raise _error(found, choice.endpoint.model)
            repairs += 1
            watch.event(TaskEvent.TRY_AGAIN)
            files, made = after(found.kept, files), made.then(found.kept)
            messages = (*messages, Message("assistant", text), Message("user", found.complaint))

    async def _ask(
        self,
        messages: tuple[Message, ...],
        choice: Choice,
        timeout_seconds: float,
        watch: Watcher,
    ) -> tuple[str, bool]:
        """One answer, put together where it takes several replies, and whether it came to its end.

        Raises a `ModelError`.
        """
        text = ""
        for time in range(1 + CONTINUATIONS):
            so_far = (Message("assistant", text),) if text else ()
            reply = await self._gateway.complete(
                ModelRequest(
                    choice.endpoint,
                    (*messages, *so_far),
                    choice.profile.max_output_tokens,
                    choice.profile.temperature,
                    timeout_seconds,
                ),
                watch.text,
            )
            watch.reply(reply)
            watch.event(TaskEvent.REPLIED)
            text = joined(text, reply.text)
            if reply.finish is not Finish.LENGTH:
                return text, True
            if not whole_lines(text) or time == CONTINUATIONS:
                break
            text = whole_lines(text)
            watch.event(TaskEvent.TRY_AGAIN)
        return text, False

    async def _widened(self, text: str, files: Files, aim: Aim) -> Files:
        """With the files that the reply names besides, where the task may reach beyond its own."""
        files, unknown = await self._threads.run(len(text), partial(guarded, text, files))
        if not aim.reaches:
            return files
        return widened(files, await self._workspace.lookup(aim.source.uri, unknown))

    def _read(
        self, text: str, ended: bool, files: Files, made: ChangeSet, aim: Aim
    ) -> tuple[ChangeSet | _Unusable, EditFormat]:
        """What an answer comes to, together with what the ones before it did."""
        normal = normalise(text, aim.format, files, self._syntax)
        match normal.result:
            case ChangeSet() as changes if not ended:
                cut = Malformed("The answer was cut off.", changes, truncated=True)
                return _malformed(_fitting(cut, made)), normal.format
            case ChangeSet() as changes:
                try:
                    result = made.then(changes) if made.files else changes
                except ValueError as error:
                    return _malformed(Malformed(f"It doesn't fit the edits made before: {error}.")), normal.format
                flaw = find_flaw(result, aim, files, self._syntax)
                return (_refused(flaw, made) if flaw else result), normal.format
            case Broken() as broken:
                return _refused(Flaw(str(broken), breaks_syntax=True), made), normal.format
            case Malformed() as malformed:
                return _malformed(_fitting(malformed, made)), normal.format


def _fitting(malformed: Malformed, made: ChangeSet) -> Malformed:
    """Without the edits that don't follow upon those made before."""
    try:
        made.then(malformed.kept)
    except ValueError:
        return replace(malformed, kept=ChangeSet())
    return malformed


def _refused(flaw: Flaw, made: ChangeSet) -> _Unusable:
    wrong = f"{flaw.reason} {flaw.demand}".rstrip()
    stays = "" if made.empty else " The edits that were made before it stay; nothing of it was made."
    return _Unusable(
        f"That can't be used. {wrong}{stays}\nAnswer again, in the form that was asked for.",
        flaw.reason,
        Outcome.BREAKS_SYNTAX if flaw.breaks_syntax else Outcome.REFUSED,
    )


def _malformed(malformed: Malformed) -> _Unusable:
    outcome = Outcome.TRUNCATED if malformed.truncated else Outcome.MALFORMED
    if malformed.kept.empty:
        complaint = f"That can't be used. {malformed.reason}\nAnswer again, in the form that was asked for."
    else:
        complaint = (
            f"Not all of that could be made. {malformed.reason}\n"
            "The other edits were made: don't send them again. Send those that are missing, in the form that was "
            "asked for."
        )
    return _Unusable(complaint, malformed.reason, outcome, malformed.kept)


def _error(found: _Unusable, model: str) -> ReplyUnusable:
    first = found.reason.splitlines()[0]
    if found.outcome is Outcome.BREAKS_SYNTAX:
        return BreaksSyntax(f"{model}'s edit was not applied. {first}", "Try a stronger model.")
    return ReplyUnusable(f"No edit can be made from {model}'s replies. {first}", "Try a stronger model.")
