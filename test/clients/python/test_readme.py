"""The README's Python examples, as they stand there, against the address that is really listening."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[3] / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_readme_has_an_example_for_each_sdk() -> None:
    assert [re.findall(r"^from (\w+)", example, re.MULTILINE) for example in EXAMPLES] == [
        ["openai"],
        ["anthropic"],
    ]


@pytest.mark.parametrize("example", EXAMPLES, ids=["openai", "anthropic"])
def test_example_prints_answer_and_cost(
    example: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPENDCAP_KEY", os.environ["SPENDCAP_DEMO_KEY"])
    here = example.replace("http://127.0.0.1:8787", os.environ["SPENDCAP_URL"])
    exec(compile(here, str(README), "exec"), {})
    assert re.search(r"simulated provider.* 0\.0\d+\n$", capsys.readouterr().out)
