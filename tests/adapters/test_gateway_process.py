"""The gateway in processes of its own: when litellm is imported, and what is left open at the end."""

import subprocess
import sys

import pytest

from tests.fault_server import REPOSITORY


def test_litellm_isnt_imported_before_it_is_needed() -> None:
    program = """if True:
        import asyncio, sys
        from phasr_lsp.adapters.litellm_gateway import LiteLLMGateway
        from phasr_lsp.adapters.prices import PriceMap
        gateway = LiteLLMGateway()
        assert PriceMap().knows("openai/gpt-4o")
        asyncio.run(gateway.aclose())
        assert not {"litellm", "openai", "httpx", "aiohttp"} & set(sys.modules)
        """
    subprocess.run([sys.executable, "-c", program], check=True, timeout=15)


@pytest.mark.timeout(60)
def test_another_event_loop_may_follow() -> None:
    program = """if True:
        import asyncio
        from phasr_lsp.adapters.litellm_gateway import LiteLLMGateway
        from phasr_lsp.domain.model import Endpoint, Message, ModelRequest
        from tests.fault_server import FaultServer

        async def main():
            gateway = LiteLLMGateway()
            async with FaultServer() as server:
                for model, base in (("openai/x", server.openai_base), ("ollama_chat/x", server.origin)):
                    request = ModelRequest(Endpoint(model, model, api_base=base), (Message("user", "x"),), 10)
                    if model == "openai/x":
                        assert (await gateway.complete(request)).text == "OK"
                        assert (await gateway.complete(request, lambda text: print(text or "anew"))).text == "OK"
                await gateway.aclose()
                await gateway.aclose()

        asyncio.run(main())
        asyncio.run(main())
        """
    command = [sys.executable, "-X", "dev", "-W", "ignore::UserWarning", "-c", program]
    ended = subprocess.run(command, check=True, timeout=50, capture_output=True, text=True, cwd=REPOSITORY)
    assert "ResourceWarning" not in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == "anew\nOK\nanew\nOK\n"
