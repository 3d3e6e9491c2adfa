"""The Hugging Face hub as a source of weights."""

import os
from http import HTTPStatus

from phasr_lsp.adapters.model_store.transfer import CHUNK_BYTES, SourceFailed, Transfer

TIMEOUT_SECONDS = 10.0
"""The longest that the hub may stay silent."""


def fetch(transfer: Transfer) -> None:
    """Fill the partial file, going on from what is there.

    The address and the session are huggingface_hub's, with its settings for mirrors, proxies and offline use. The
    bytes are read here, since its own download neither resumes nor can be stopped, and retries for half a minute
    where there is no network. No token is sent: the repositories are public.

    Raises `SourceFailed` and `InstallCancelled`.
    """
    import httpx
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.errors import OfflineModeIsEnabled

    model = transfer.model
    url = hf_hub_url(
        model.hub.repository, model.file, revision=model.hub.revision, endpoint=os.environ.get("HF_ENDPOINT")
    )
    headers = {"Accept-Encoding": "identity"}
    if arrived := transfer.arrived():
        headers["Range"] = f"bytes={arrived}-"
    try:
        with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT_SECONDS) as response:
            response.raise_for_status()
            resumed = response.status_code == HTTPStatus.PARTIAL_CONTENT
            with transfer.partial.open("ab" if resumed else "wb") as out:
                for chunk in response.iter_bytes(CHUNK_BYTES):
                    transfer.write(out, chunk)
    except httpx.HTTPStatusError as error:
        raise SourceFailed(f"answered {error.response.status_code}") from error
    except httpx.HTTPError as error:
        raise SourceFailed("can't be reached") from error
    except OfflineModeIsEnabled as error:
        raise SourceFailed("is switched off by HF_HUB_OFFLINE") from error
