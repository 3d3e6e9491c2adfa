"""The loop of one attempt: prompt, reply, change, check, and again while a repair may help."""

from collections.abc import Callable
from dataclasses import dataclass

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.errors import BreaksSyntax, ReplyIncomplete, ReplyUnusable
from phasr_lsp.domain.formats import PARSERS, Malformed
from phasr_lsp.domain.kind import Scope
from phasr_lsp.domain.model import Finish, Message, ModelRequest, Reply
from phasr_lsp.domain.route import Choice
from phasr_lsp.domain.task import TaskEvent
from phasr_lsp.domain.text import FileText, split_lines
from phasr_lsp.engine.aim import Aim
from phasr_lsp.engine.context import write_messages
from phasr_lsp.engine.ports import Gateway, OnText, Syntax

REPAIRS = 2
"""How often a model is told what was wrong with its reply before the attempt fails."""

UNSTREAMED_TOKENS_A_SECOND = 50
"""A reply that isn't streamed is written in silence, at this rate or a faster one."""


_ALWAYS_CHANGE = (Scope.DIAGNOSTIC, Scope.COMMENT)
"""Where somebody says that something is amiss, a reply that changes nothing is no answer."""


@dataclass(frozen=True)
class Watcher:
    """Who wants to know how an attempt goes on."""

    event: Callable[[TaskEvent], None]
    reply: Callable[[Reply], None]
    """Called with every reply before anything is done with it: it is paid for."""
    text: OnText | None = None
    """Called with each piece of a reply; None where nobody looks, and nothing is streamed then."""


class Agent:
    """Turns an aim into a verified ChangeSet with the help of one model."""

    def __init__(self, gateway: Gateway, syntax: Syntax) -> None:
        self._gateway = gateway
        self._syntax = syntax

    async def run(self, aim: Aim, choice: Choice, timeout_seconds: float, watch: Watcher) -> ChangeSet:
        """`timeout_seconds` is the longest silence, without the time in which an unstreamed reply is written.

        Raises a `ModelError` when the model gives no reply, `ReplyUnusable` when none of its replies can be used.
        """
        messages = write_messages(aim, choice.profile, choice.endpoint)
        if watch.text is None:
            timeout_seconds += choice.profile.max_output_tokens / UNSTREAMED_TOKENS_A_SECOND
        repairs = 0
        while True:
            reply = await self._gateway.complete(
                ModelRequest(
                    choice.endpoint,
                    messages,
                    choice.profile.max_output_tokens,
                    choice.profile.temperature,
                    timeout_seconds,
                ),
                watch.text,
            )
            watch.reply(reply)
            watch.event(TaskEvent.REPLIED)
            if reply.finish is Finish.LENGTH:
                raise ReplyIncomplete(
                    f"{choice.endpoint.model} was cut off at its limit of output tokens.",
                    "Work on a smaller part, or raise max_output_tokens for this model.",
                )
            result = self._read(reply.text, aim)
            if isinstance(result, ChangeSet):
                return result
            if repairs == REPAIRS:
                raise result.error(choice.endpoint.model)
            repairs += 1
            watch.event(TaskEvent.TRY_AGAIN)
            complaint = f"That can't be used. {result.reason}\nAnswer again, in the form that was asked for."
            messages = (*messages, Message("assistant", reply.text), Message("user", complaint))

    def _read(self, text: str, aim: Aim) -> "ChangeSet | _Unusable":
        result = PARSERS[aim.format](text, aim.files)
        if isinstance(result, Malformed):
            return _Unusable(result.reason)
        if result.empty and aim.kind.scope in _ALWAYS_CHANGE:
            return _Unusable("The answer is what stands there already: it changes nothing.")
        for change in result.files:
            shown = FileText(change.uri, change.name, change.after, self._language(change.uri, aim))
            line = self._syntax.first_error(shown)
            if line is not None and not self._was_broken(change.before, shown):
                near = split_lines(change.after)[line - 1 : line] or [""]
                return _Unusable(f"With it {change.name} no longer parses; see line {line}: {near[0]}", True)
        return result

    def _was_broken(self, before: str | None, shown: FileText) -> bool:
        if before is None:
            return False
        return self._syntax.first_error(FileText(shown.uri, shown.name, before, shown.language)) is not None

    def _language(self, uri: str, aim: Aim) -> str:
        known = (aim.files.target, *aim.files.others.values())
        return next(file.language for file in known if file.uri == uri)


@dataclass(frozen=True)
class _Unusable:
    """Why a reply can't be used, as the model is told."""

    reason: str
    breaks_syntax: bool = False

    def error(self, model: str) -> ReplyUnusable:
        first = self.reason.splitlines()[0]
        if self.breaks_syntax:
            return BreaksSyntax(f"{model}'s edit was not applied. {first}", "Try a stronger model.")
        return ReplyUnusable(f"No edit can be read from {model}'s replies. {first}", "Try a stronger model.")
