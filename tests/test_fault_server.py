"""The fault server's own rules, asked as a plain HTTP client would."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.fault_server import fault_server_process


def say(base: str, prompt: str) -> Any:
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
    return call("POST", f"{base}/chat/completions", body)["choices"][0]["message"]["content"]


def call(method: str, url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.loads(response.read())


def test_the_first_rule_that_fits_and_isnt_used_up_answers() -> None:
    rules = [
        {"text": "once", "when": "name", "times": 1},
        {"text": r"hello \1", "pattern": r"my name is (\w+)", "expand": True},
        {"status": 503, "error": "busy", "when": "fail"},
    ]
    with fault_server_process({"rules": rules}) as urls:
        answers = [say(urls.openai_base, "my name is Ada") for _ in range(2)]
        with pytest.raises(urllib.error.HTTPError) as caught:
            say(urls.openai_base, "fail")
        assert json.load(caught.value)["error"]["message"] == "busy"
        caught.value.close()

        assert [*answers, say(urls.openai_base, "anything")] == ["once", "hello Ada", "OK"]
        assert call("GET", f"{urls.control}/stats") == {"requests": 4, "open": 0, "peak": 1, "hang_ups": 0}
        assert call("GET", f"{urls.control}/requests")[0]["prompt"] == "my name is Ada"


def test_a_new_script_takes_the_place_of_the_old_one() -> None:
    with fault_server_process({"rules": [{"text": "old"}]}) as urls:
        assert say(urls.openai_base, "x") == "old"

        call("POST", f"{urls.control}/script", {"rules": [{"text": "new"}]})
        assert say(urls.openai_base, "x") == "new"

        call("DELETE", f"{urls.control}/script")
        assert call("GET", f"{urls.control}/requests") == []
        assert say(urls.openai_base, "x") == "OK"
