"""The loop of one attempt: prompt, reply, change, check, and again while a repair may help."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.errors import BreaksSyntax, ReplyIncomplete, ReplyUnusable
from phasr_lsp.domain.formats import PARSERS, Malformed
from phasr_lsp.domain.model import Finish, Message, ModelRequest, Reply
from phasr_lsp.domain.route import Choice
from phasr_lsp.domain.task import TaskEvent
from phasr_lsp.engine.aim import Aim
from phasr_lsp.engine.context import write_messages
from phasr_lsp.engine.ports import Gateway, OnText, Syntax
from phasr_lsp.engine.threads import Threads
from phasr_lsp.engine.verify import Flaw, find_flaw

REPAIRS = 2
"""How often a model is told what was wrong with its reply before the attempt fails."""

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


class Agent:
    """Turns an aim into a verified ChangeSet with the help of one model."""

    def __init__(self, gateway: Gateway, syntax: Syntax, threads: Threads) -> None:
        self._gateway = gateway
        self._syntax = syntax
        self._threads = threads

    async def run(self, aim: Aim, choice: Choice, timeout_seconds: float, watch: Watcher) -> ChangeSet:
        """`timeout_seconds` is the longest silence, without the time in which an unstreamed reply is written.

        Raises a `ModelError` when the model gives no reply, `ReplyUnusable` when none of its replies can be used.
        """
        size = max(len(aim.source.text), len(aim.files.target.text))
        messages = await self._threads.run(size, lambda: write_messages(aim, choice.profile, choice.endpoint))
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
            read = partial(self._read, reply.text, aim)
            result = await self._threads.run(max(size, len(reply.text)), read)
            if isinstance(result, ChangeSet):
                return result
            if repairs == REPAIRS:
                raise _error(result, choice.endpoint.model)
            repairs += 1
            watch.event(TaskEvent.TRY_AGAIN)
            wrong = f"{result.reason} {result.demand}".rstrip()
            complaint = f"That can't be used. {wrong}\nAnswer again, in the form that was asked for."
            messages = (*messages, Message("assistant", reply.text), Message("user", complaint))

    def _read(self, text: str, aim: Aim) -> ChangeSet | Flaw:
        result = PARSERS[aim.format](text, aim.files)
        if isinstance(result, Malformed):
            return Flaw(result.reason)
        return find_flaw(result, aim, self._syntax) or result


def _error(flaw: Flaw, model: str) -> ReplyUnusable:
    first = flaw.reason.splitlines()[0]
    if flaw.breaks_syntax:
        return BreaksSyntax(f"{model}'s edit was not applied. {first}", "Try a stronger model.")
    return ReplyUnusable(f"No edit can be made from {model}'s replies. {first}", "Try a stronger model.")
