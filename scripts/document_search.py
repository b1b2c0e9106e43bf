"""Run the requests that docs/search.md shows, and write the answers that they really get.

They are asked of the service over the gallery that ships, in a LocalAtlas in a temporary directory;
nothing else is touched.
"""

import contextlib
import io
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from app.config import PROJECT_ROOT, Settings
from app.errors import ServiceError
from scripts._cli import run
from scripts._page import parse_page_arguments, write_or_check

PAGE = PROJECT_ROOT / "docs" / "search.md"
DEMO = PROJECT_ROOT / "demo" / "gallery.jsonl"

_COMMAND = "python -m scripts.document_search"
# A request may name files that go beside it: ```json request photo=demo/gallery/x.webp
# One that is no body for `POST /search` is a path: ```get request
_EXAMPLE = re.compile(
    r"```(?P<kind>json|get) request(?P<files>[^\n]*)\n(?P<request>.*?)\n```\n\n"
    r"```json answer\n(?P<answer>.*?)\n```",
    re.DOTALL,
)
_MODEL_TIMEOUT_S = 120
_LONGEST_TEXT, _LONGEST_NUMBERS = 200, 8
_OF_THE_MOMENT = ("took_ms",)

# Takes a request's fields, or its path, and its files by name; gives the fields of the answer.
Ask = Callable[[dict[str, Any] | str, dict[str, Path]], dict[str, Any]]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or compare it; see `--help`."""
    arguments = parse_page_arguments(argv, command=_COMMAND, description=__doc__)
    old = PAGE.read_text(encoding="utf-8")
    with serving_demo() as ask:
        new = answered(old, ask)
    return write_or_check(PAGE, new, is_check=arguments.check, command=_COMMAND, root=PROJECT_ROOT)


def answered(page: str, ask: Ask) -> str:
    """Return the page with the answers that its requests get, in order.

    A cursor shown as … is that of the answer before.
    """
    cursor: str | None = None

    def with_answer(match: re.Match[str]) -> str:
        nonlocal cursor
        request = match["request"] if match["kind"] == "get" else json.loads(match["request"])
        if isinstance(request, dict) and "cursor" in request:
            request["cursor"] = cursor
        files = dict(pair.split("=", 1) for pair in match["files"].split())
        answer = ask(request, {name: PROJECT_ROOT / path for name, path in files.items()})
        cursor = answer.get("cursor")
        written = match[0][: match.start("answer") - match.start()]
        return f"{written}{_layout(_shown(answer))}\n```"

    return _EXAMPLE.sub(with_answer, page)


@contextlib.contextmanager
def serving_demo() -> Iterator[Ask]:
    """Embed the gallery that ships and yield what asks a service over it."""
    from app import create_app
    from scripts import create_indexes, embed_gallery
    from scripts.run_demo import demo_settings

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = demo_settings(Settings(local_atlas_path=Path(folder)), DEMO)
        with contextlib.redirect_stdout(io.StringIO()):
            embed_gallery.main(["--gallery", str(DEMO)], settings)
            create_indexes.main([], settings)
        app = create_app(settings)
        try:
            client = app.test_client()
            deadline_s = time.monotonic() + _MODEL_TIMEOUT_S
            while client.get("/readyz").status_code != 200:
                if time.monotonic() > deadline_s:
                    raise ServiceError(f"The model is not loaded after {_MODEL_TIMEOUT_S} s.")
                time.sleep(0.1)
            yield lambda request, files: _asked(client, request, files)
        finally:
            app.extensions["similar_items"].close()


def _asked(client: Any, request: dict[str, Any] | str, files: dict[str, Path]) -> dict[str, Any]:
    if isinstance(request, str):
        answer = client.get(request)
    elif not files:
        answer = client.post("/search", json=request)
    else:
        parts: dict[str, Any] = {"query": json.dumps(request)}
        for name, path in files.items():
            parts[name] = (io.BytesIO(path.read_bytes()), path.name)
        answer = client.post("/search", data=parts)
    fields: dict[str, Any] = answer.get_json()
    return fields


def _shown(value: Any) -> Any:
    """Return an answer as a page shows it: rounded, long values cut short, no times."""
    if isinstance(value, dict):
        return {key: _shown(one) for key, one in value.items() if key not in _OF_THE_MOMENT}
    if isinstance(value, list):
        is_vector = len(value) > _LONGEST_NUMBERS and all(isinstance(one, float) for one in value)
        return [*map(_shown, value[:2]), "…"] if is_vector else [_shown(one) for one in value]
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:8]}…"
    return value


def _layout(answer: dict[str, Any]) -> str:
    """Write an answer with a line for each hit, and for each field of an explanation."""
    lines = []
    for key, value in answer.items():
        if key in ("hits", "explain") and value:
            is_list = isinstance(value, list)
            inner = value if is_list else [f"{json.dumps(k)}: {_flat(v)}" for k, v in value.items()]
            rows = ",\n".join(f"    {_flat(one) if is_list else one}" for one in inner)
            opened, closed = "[]" if is_list else "{}"
            lines.append(f"  {json.dumps(key)}: {opened}\n{rows}\n  {closed}")
        else:
            lines.append(f"  {json.dumps(key)}: {_flat(value)}")
    return "{\n" + ",\n".join(lines) + "\n}"


def _flat(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(run(main, log_level="WARNING"))
