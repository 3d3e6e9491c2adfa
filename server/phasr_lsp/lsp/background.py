"""Work that nobody awaits: what goes wrong in it must not vanish."""

import asyncio
import logging

_log = logging.getLogger(__name__)


def log_failure(task: asyncio.Task[None]) -> BaseException | None:
    """Log what ended the task, if it wasn't its end or its cancellation, and return it; for a done callback."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("%s failed", task.get_name(), exc_info=error)
    return error
