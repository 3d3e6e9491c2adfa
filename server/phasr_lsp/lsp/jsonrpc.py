"""pygls' protocol class with its faults put right, and what Phasr needs beside: commands, cancel, time limits.

Knows what a message is and whose turn it is; not what any of LSP's methods is for. pygls still makes the server's
capabilities and keeps the workspace's folders; the buffers are in `documents`.
"""

import asyncio
import contextvars
import json
import logging
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from cattrs import ClassValidationError, transform_error
from lsprotocol import types
from pygls.capabilities import ServerCapabilitiesBuilder
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcMethodNotFound,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol, lsp_method

from phasr_lsp.domain.errors import PhasrError
from phasr_lsp.lsp.documents import Documents

if TYPE_CHECKING:
    from cattrs import Converter
    from pygls.lsp.server import LanguageServer

logger = logging.getLogger(__name__)

MsgId = int | str
Handler = Callable[..., Any]
Steps = Generator[tuple[Handler, tuple[Any, ...], None], Any, Any]
"""A built-in handler as pygls runs it: it yields the user's handler and gets its result."""


@dataclass(frozen=True, slots=True)
class CommandCall:
    """One `workspace/executeCommand`."""

    msg_id: MsgId
    argument: Any
    """The only argument as JSON has it; None when there was none."""
    work_done_token: int | str | None


CommandHandler = Callable[[CommandCall], object]
"""Answers at once; raises `PhasrError` or pygls' `JsonRpcInvalidParams`."""


class PhasrProtocol(LanguageServerProtocol):
    """Pass it to pygls' `LanguageServer` as `protocol_cls`; `wire.serve` runs it as its `Session`."""

    def __init__(self, server: "LanguageServer", converter: "Converter") -> None:
        # pygls logs what `initialize` brings, settings included, at INFO.
        logging.getLogger("pygls").setLevel(logging.WARNING)
        super().__init__(server, converter)
        self.commands = cast("dict[str, CommandHandler]", self.fm.commands)  # pyright: ignore[reportUnknownMemberType]
        """What `workspace/executeCommand` offers, by name; complete before `initialize`."""
        self.documents = Documents()
        """The buffers; `initialize` sets their position encoding."""
        self.on_cancel: Callable[[MsgId], None] | None = None
        """Told of every `$/cancelRequest`, also for requests that have been answered."""
        self._initialized = False
        self._waiting: dict[MsgId, _Waiting] = {}
        self._send: Callable[[bytes], None] | None = None

    # The session, as the wire sees it.

    def connect(self, send: Callable[[bytes], None]) -> None:
        self._exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._send = send

    async def finished(self) -> int:
        return await self._exit_code

    def close(self) -> None:
        self._send = None
        if not self._exit_code.done():
            self._exit_code.set_result(0 if self._shutdown else 1)
        self._cancel_handlers()
        waiting, self._waiting = self._waiting, {}
        for request in waiting.values():
            if not request.answer.done():
                request.answer.set_exception(ConnectionResetError("the editor has gone"))

    def receive(self, body: bytes) -> None:
        if self._send is None:
            return
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            self._refuse(None, types.ErrorCodes.ParseError, f"not JSON: {error}")
            return
        if not isinstance(message, dict):
            self._refuse(None, types.ErrorCodes.InvalidRequest, "a message must be one JSON object")
            return
        contextvars.copy_context().run(self._dispatch, cast("dict[str, Any]", message))

    # What comes in.

    def _dispatch(self, message: dict[str, Any]) -> None:
        msg_id, method = message.get("id"), message.get("method")
        if not isinstance(msg_id, int | str) or isinstance(msg_id, bool):
            msg_id = None
        if method is None and ("result" in message or "error" in message or msg_id in self._waiting):
            self._take_answer(msg_id, message)
        elif not isinstance(method, str) or message.get("jsonrpc") != self.VERSION:
            self._refuse(msg_id, types.ErrorCodes.InvalidRequest, "not a JSON-RPC 2.0 message")
        elif msg_id is not None:
            self._take_request(msg_id, method, message.get("params"))
        elif "id" in message:
            self._refuse(None, types.ErrorCodes.InvalidRequest, f"{method}: its id is no string or integer")
        else:
            self._take_notification(method, message.get("params"))

    def _take_request(self, msg_id: MsgId, method: str, params: object) -> None:
        try:
            handler = self._handler_in_turn(method)
            structured = self._structured(method, params)
        except JsonRpcException as error:
            self._refuse(msg_id, error.code, error.message)
            return
        self._ctx_msg_id.set(msg_id)
        self._execute_handler(msg_id, handler, partial(self._answer, msg_id, method), (structured,))

    def _handler_in_turn(self, method: str) -> Handler:
        if self._shutdown:
            raise JsonRpcInvalidRequest(f"{method}: the server is shutting down")
        if method == types.INITIALIZE and self._initialized:
            raise JsonRpcInvalidRequest("the server has been initialized before")
        if method != types.INITIALIZE and not self._initialized:
            raise JsonRpcServerNotInitialized(f"{method}: the server waits for initialize")
        return self._get_handler(method)

    def _take_notification(self, method: str, params: object) -> None:
        in_turn = method == types.EXIT or (self._initialized and not self._shutdown)
        try:
            handler = self._cancel if method == types.CANCEL_REQUEST else self._get_handler(method)
            structured = self._structured(method, params)
        except JsonRpcMethodNotFound:
            logger.debug("ignored %s: nobody handles it", method)
            return
        except JsonRpcInvalidParams as error:
            logger.warning("ignored a malformed %s", error.message)
            return
        if in_turn:
            self._execute_handler(str(uuid4()), handler, partial(self._note, method), (structured,))

    def _structured(self, method: str, params: object) -> Any:
        """LSP's type for the parameters; those of methods that aren't LSP's stay JSON."""
        if method not in types.METHOD_TO_TYPES:
            return params
        params_type = types.METHOD_TO_TYPES[method][2]
        if params_type is None:
            return None
        try:
            return self._converter.structure({} if params is None else params, cast("type[Any]", params_type))
        except Exception as error:
            raise JsonRpcInvalidParams(f"{method}: {_problems(error)}") from error

    def _take_answer(self, msg_id: MsgId | None, message: Mapping[str, Any]) -> None:
        waiting = None if msg_id is None else self._waiting.pop(msg_id, None)
        if waiting is None or waiting.answer.done():
            logger.debug("ignored an answer that nobody waits for")
            return
        try:
            waiting.answer.set_result(self._result(waiting.method, message))
        except JsonRpcException as error:
            waiting.answer.set_exception(error)

    def _result(self, method: str, message: Mapping[str, Any]) -> Any:
        try:
            if (error := message.get("error")) is not None:
                raise JsonRpcException.from_error(self._converter.structure(error, types.ResponseError))
            response_type = self.get_result_type(method)
            if response_type is None:
                return message.get("result")
            return self._converter.structure(message, response_type).result
        except JsonRpcException:
            raise
        except Exception as error:
            raise JsonRpcInternalError(f"the answer to {method}: {_problems(error)}") from error

    def _cancel(self, params: types.CancelParams) -> None:
        if self.on_cancel is not None:
            self.on_cancel(params.id)
        if (running := self._request_futures.get(params.id)) is not None:
            running.cancel()

    def _cancel_handlers(self) -> None:
        for msg_id, running in self._request_futures.copy().items():
            if msg_id != self.msg_id:
                running.cancel()

    # How handlers run.

    def _execute_handler(
        self,
        msg_id: MsgId,
        handler: Handler,
        callback: Callable[[Future[Any]], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        def settled(future: Future[Any]) -> None:
            self._request_futures.pop(msg_id, None)
            callback(future)

        super()._execute_handler(msg_id, handler, settled, args, kwargs)

    def _run_generator(self, future: Future[Any] | None, *, gen: Steps, result_future: Future[Any]) -> None:
        if future is not None and future.cancelled():
            # No built-in handler uses the result of the user's, and pygls would never answer.
            future = Future()
            future.set_result(None)
        super()._run_generator(future, gen=gen, result_future=result_future)

    def _answer(self, msg_id: MsgId, method: str, future: Future[Any]) -> None:
        if future.cancelled():
            self._refuse(msg_id, types.LSPErrorCodes.RequestCancelled, f"{method} was cancelled")
            return
        try:
            body = self._encoded({"jsonrpc": self.VERSION, "id": msg_id, "result": future.result()})
        except PhasrError as error:
            self._refuse(msg_id, types.LSPErrorCodes.RequestFailed, str(error))
        except JsonRpcException as error:
            self._refuse(msg_id, error.code, error.message)
        except Exception:
            logger.exception("%s failed", method)
            text = f"{method} failed inside the server; its log says how."
            self._refuse(msg_id, types.ErrorCodes.InternalError, text)
        else:
            self._put(body)

    def _note(self, method: str, future: Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            logger.error("%s failed", method, exc_info=error)

    # What goes out.

    def notify(self, method: str, params: Any | None = None) -> None:
        """Send a notification; safe from any thread."""
        self._send_data({"jsonrpc": self.VERSION, "method": method} | _given(params))

    async def request(self, method: str, params: Any, timeout_seconds: float) -> Any:
        """Ask the client and return its answer, structured where the method is LSP's.

        Raises `TimeoutError` when there is none in time, `JsonRpcException` when it is an error or makes no
        sense, `ConnectionResetError` when the client goes.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self.ask(method, params)
        except TimeoutError:
            raise TimeoutError(f"the editor didn't answer {method} within {timeout_seconds:g} s") from None

    def ask(self, method: str, params: Any) -> asyncio.Future[Any]:
        """Send a request before this returns; cancelling the future gives up on its answer."""
        msg_id = str(uuid4())
        answer = asyncio.wrap_future(self.send_request(method, params, msg_id=msg_id))
        answer.add_done_callback(lambda _: self._waiting.pop(msg_id, None))
        return answer

    def send_request(
        self,
        method: str,
        params: Any | None = None,
        callback: Callable[[Any], None] | None = None,
        msg_id: MsgId | None = None,
    ) -> Future[Any]:
        """pygls' way to ask, without a time limit; `request` is ours."""
        answer: Future[Any] = Future()
        if callback is not None:
            answer.add_done_callback(lambda done: callback(done.result()))
        msg_id = str(uuid4()) if msg_id is None else msg_id
        body = self._encoded({"jsonrpc": self.VERSION, "id": msg_id, "method": method} | _given(params))
        self._waiting[msg_id] = _Waiting(method, answer)
        self._put(body)
        return answer

    def _refuse(self, msg_id: MsgId | None, code: int, text: str) -> None:
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "error": {"code": code, "message": text}})

    def _send_data(self, data: Any) -> None:
        self._put(self._encoded(data))

    def _put(self, body: bytes) -> None:
        if (send := self._send) is not None:
            send(body)

    def _encoded(self, data: Any) -> bytes:
        return json.dumps(data, default=self._serialize_message, separators=(",", ":")).encode()

    # Methods that pygls handles itself, and we otherwise.

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Steps:
        self._initialized = True
        self.documents.encoding = types.PositionEncodingKind(
            ServerCapabilitiesBuilder.choose_position_encoding(params.capabilities)
        )
        return (yield from super().lsp_initialize(params))

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> Steps:
        self._shutdown = True
        self._cancel_handlers()
        yield from self._users_handler(types.SHUTDOWN, *args)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.close()

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Steps:
        self.documents.open(params.text_document)
        yield from self._users_handler(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Steps:
        document = params.text_document
        self.documents.change(document.uri, document.version, params.content_changes)
        yield from self._users_handler(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Steps:
        self.documents.close(params.text_document.uri)
        yield from self._users_handler(types.TEXT_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    def lsp_workspace__execute_command(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, params: types.ExecuteCommandParams
    ) -> object:
        if (handler := self.commands.get(params.command)) is None:
            raise JsonRpcInvalidParams(f"there is no command {params.command!r}")
        arguments = params.arguments or ()
        if len(arguments) > 1:
            raise JsonRpcInvalidParams(f"{params.command} takes one argument or none, not {len(arguments)}")
        argument = arguments[0] if arguments else None
        return handler(CommandCall(cast("MsgId", self.msg_id), argument, params.work_done_token))

    @lsp_method(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def lsp_work_done_progress_cancel(self, params: types.WorkDoneProgressCancelParams) -> Steps:
        yield from self._users_handler(types.WINDOW_WORK_DONE_PROGRESS_CANCEL, params)

    def _users_handler(self, method: str, *args: Any) -> Steps:
        features = cast("dict[str, Handler]", self.fm.features)  # pyright: ignore[reportUnknownMemberType]
        if (handler := features.get(method)) is not None:
            yield handler, args, None


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request of ours that the client has not answered."""

    method: str
    answer: Future[Any]


def _given(params: Any) -> dict[str, Any]:
    return {} if params is None else {"params": params}


def _problems(error: Exception) -> str:
    """What doesn't fit and where, in one line."""
    if isinstance(error, ClassValidationError):
        return "; ".join(transform_error(error))
    return str(error)
