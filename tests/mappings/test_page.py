"""The code of docs/mappings.md runs."""

import re
from pathlib import Path

import httpx
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "mappings.md").read_text()


def test_the_pages_code_makes_an_index(
    opensearch_url: str, unique_index: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECONDPASS_ENGINE__URL", opensearch_url)
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    exec(compile(code.replace('"products"', f'"{unique_index}"'), "mappings.md", "exec"), {})
    assert capsys.readouterr().out.startswith("['name', 'name.zh', 'brand', 'brand.zh'")
    assert list(httpx.get(f"{opensearch_url}/_alias/{unique_index}").json()) == [f"{unique_index}-000001"]
