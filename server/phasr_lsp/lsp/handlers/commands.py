"""`workspace/executeCommand`: each answers at once; what it starts goes on without the request."""

from phasr_lsp.domain.task import CANCELLABLE, WAITING
from phasr_lsp.lsp import from_proto
from phasr_lsp.lsp.jsonrpc import CommandCall
from phasr_lsp.lsp.protocol import RunParams, RunResult, TaskParams, TasksResult
from phasr_lsp.lsp.server import PhasrServer


def run(ls: PhasrServer, call: CommandCall) -> RunResult:
    session = ls.session
    if call.argument is None:
        session.spawn(session.offer_kinds())
        return RunResult(None)
    params = from_proto.argument(ls.converter, call.argument, RunParams)
    return RunResult(session.run(params, call.msg_id).id)


def cancel(ls: PhasrServer, call: CommandCall) -> TasksResult:
    session = ls.session
    task_id = _named(ls, call) or session.newest(CANCELLABLE)
    return session.result([task_id] if session.fleet.cancel(task_id) else [])


def cancel_all(ls: PhasrServer, call: CommandCall) -> TasksResult:
    session = ls.session
    stopped = [task.id for task in session.cancellable() if session.fleet.cancel(task.id)]
    return session.result(stopped)


def apply(ls: PhasrServer, call: CommandCall) -> TasksResult:
    session = ls.session
    task_id = _named(ls, call) or session.newest(WAITING)
    session.fleet.apply(task_id)
    return session.result([task_id])


def discard(ls: PhasrServer, call: CommandCall) -> TasksResult:
    session = ls.session
    task_id = _named(ls, call) or session.newest(WAITING)
    session.fleet.discard(task_id)
    return session.result([task_id])


def status(ls: PhasrServer, call: CommandCall) -> TasksResult:
    session = ls.session
    return session.result([task.id for task in session.fleet.tasks()])


def install_model(ls: PhasrServer, call: CommandCall) -> None:
    ls.session.install_model()


def _named(ls: PhasrServer, call: CommandCall) -> str | None:
    return from_proto.argument(ls.converter, call.argument, TaskParams).task
