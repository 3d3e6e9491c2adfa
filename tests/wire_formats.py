"""What OpenAI's and Anthropic's servers put on the wire: pure functions for the fault server."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

Json = dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """Tokens to claim: all input (the cached part included), all output, cached input."""

    input: int
    output: int
    cached: int = 0


@dataclass(frozen=True)
class Answer:
    """One reply, before it takes a wire format."""

    model: str
    text: str
    pieces: Sequence[str]
    """The text cut as it is streamed."""
    finish: str
    """`stop`, `length` or `content_filter`."""
    counts: Counts | None
    """None: usage is left out."""
    reasoning: str = ""
    empty: bool = False
    """No choice, no content."""


@dataclass(frozen=True)
class Stream:
    """Server-sent events in three parts, so that a fault can strike between them."""

    head: Sequence[bytes]
    text: Sequence[bytes]
    tail: Sequence[bytes]
    """Says that, and why, the reply is over."""


class Wire(Protocol):
    """One provider's format."""

    def whole(self, answer: Answer) -> Json: ...

    def stream(self, answer: Answer) -> Stream: ...

    def error(self, status: int, kind: str, message: str) -> Json: ...

    def prompt(self, body: Json) -> str:
        """All text of a request, roles aside, one message after another."""
        ...


class OpenAIWire:
    """Chat completions."""

    def whole(self, answer: Answer) -> Json:
        message = {"role": "assistant", "content": answer.text}
        if answer.reasoning:
            message["reasoning_content"] = answer.reasoning
        choice = {"index": 0, "message": message, "finish_reason": answer.finish}
        body = self._envelope(answer, "chat.completion", [] if answer.empty else [choice])
        return body if answer.counts is None else {**body, "usage": self._usage(answer.counts)}

    def stream(self, answer: Answer) -> Stream:
        def event(delta: Json, finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            choices = [] if answer.empty else [choice]
            return _data(self._envelope(answer, "chat.completion.chunk", choices))

        head = [event({"role": "assistant", "content": ""})]
        if answer.reasoning:
            head.append(event({"reasoning_content": answer.reasoning}))
        tail = [event({}, answer.finish)]
        if answer.counts is not None:
            usage = self._envelope(answer, "chat.completion.chunk", [])
            tail.append(_data({**usage, "usage": self._usage(answer.counts)}))
        return Stream(head, [event({"content": piece}) for piece in answer.pieces], [*tail, b"data: [DONE]\n\n"])

    def error(self, status: int, kind: str, message: str) -> Json:
        return {"error": {"message": message, "type": kind, "param": None, "code": kind}}

    def prompt(self, body: Json) -> str:
        return "\n".join(_text_of(message["content"]) for message in body["messages"])

    @staticmethod
    def _envelope(answer: Answer, kind: str, choices: list[Json]) -> Json:
        return {
            "id": "chatcmpl-1",
            "object": kind,
            "created": 1_700_000_000,
            "model": answer.model,
            "choices": choices,
        }

    @staticmethod
    def _usage(counts: Counts) -> Json:
        return {
            "prompt_tokens": counts.input,
            "completion_tokens": counts.output,
            "total_tokens": counts.input + counts.output,
            "prompt_tokens_details": {"cached_tokens": counts.cached},
        }


class AnthropicWire:
    """Messages."""

    _FINISH: ClassVar = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}

    def whole(self, answer: Answer) -> Json:
        content: list[Json] = [] if answer.empty else [{"type": "text", "text": answer.text}]
        if answer.reasoning:
            content.insert(0, {"type": "thinking", "thinking": answer.reasoning, "signature": "s"})
        message = {**self._envelope(answer), "content": content, "stop_reason": self._FINISH[answer.finish]}
        return message if answer.counts is None else {**message, "usage": self._usage(answer.counts)}

    def stream(self, answer: Answer) -> Stream:
        counts = answer.counts
        start = self._envelope(answer)
        if counts is not None:
            start["usage"] = {**self._usage(counts), "output_tokens": 1}
        head = [_event({"type": "message_start", "message": start})]
        text: list[bytes] = []
        tail: list[bytes] = []
        if answer.reasoning:
            head += self._block(0, {"type": "thinking", "thinking": "", "signature": ""})
            head += self._delta(0, {"type": "thinking_delta", "thinking": answer.reasoning})
            head += [_event({"type": "content_block_stop", "index": 0})]
        if not answer.empty:
            index = 1 if answer.reasoning else 0
            head += self._block(index, {"type": "text", "text": ""})
            for piece in answer.pieces:
                text += self._delta(index, {"type": "text_delta", "text": piece})
            tail.append(_event({"type": "content_block_stop", "index": index}))
        end: Json = {"type": "message_delta", "delta": {"stop_reason": self._FINISH[answer.finish]}}
        if counts is not None:
            end["usage"] = {"output_tokens": counts.output}
        return Stream(head, text, [*tail, _event(end), _event({"type": "message_stop"})])

    def error(self, status: int, kind: str, message: str) -> Json:
        return {"type": "error", "error": {"type": kind, "message": message}}

    def prompt(self, body: Json) -> str:
        messages: list[Json] = body["messages"]
        return "\n".join([_text_of(body.get("system", "")), *(_text_of(m["content"]) for m in messages)])

    @staticmethod
    def _block(index: int, block: Json) -> list[bytes]:
        return [_event({"type": "content_block_start", "index": index, "content_block": block})]

    @staticmethod
    def _delta(index: int, delta: Json) -> list[bytes]:
        return [_event({"type": "content_block_delta", "index": index, "delta": delta})]

    @staticmethod
    def _envelope(answer: Answer) -> Json:
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": answer.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    @staticmethod
    def _usage(counts: Counts) -> Json:
        return {
            "input_tokens": counts.input - counts.cached,
            "output_tokens": counts.output,
            "cache_read_input_tokens": counts.cached,
            "cache_creation_input_tokens": 0,
        }


def _data(body: Json) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def _event(body: Json) -> bytes:
    return f"event: {body['type']}\n".encode() + _data(body)


def _text_of(content: str | list[Json]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
