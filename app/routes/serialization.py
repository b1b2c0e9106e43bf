"""Documents and hits as JSON."""

import base64
import json
import math
from datetime import datetime
from typing import Any
from uuid import UUID

from bson import json_util
from flask.json.provider import DefaultJSONProvider

from app.composed.answer import ComposedAnswer, ComposedHit, Explanation
from app.hits import Answer
from app.service import Service


class BsonJsonProvider(DefaultJSONProvider):
    """Writes answers that hold BSON values, as `to_json` has them."""

    sort_keys = False

    @staticmethod
    def default(value: Any) -> Any:
        """Return what stands for a value that the encoder does not know."""
        return to_json(value)

    def dumps(self, obj: Any, **options: Any) -> str:
        """Write JSON; a number that JSON has not becomes null."""
        try:
            # The encoder walks a document ten times as fast as `to_json` would.
            return super().dumps(obj, allow_nan=False, **options)
        except ValueError:
            return super().dumps(to_json(obj), **options)


def to_json(value: Any) -> Any:
    """Return a BSON value as JSON can hold it.

    Dates become ISO 8601, binary base64, what JSON has no number for null, and any other type (ids,
    decimals) its text.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: to_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes) and not isinstance(value, UUID):
        return base64.b64encode(value).decode("ascii")
    return str(value)


def answer_to_json(answer: Answer, service: Service) -> dict[str, Any]:
    """Return the body of a search's answer; times in milliseconds."""
    return {
        "hits": [
            {"id": hit.item_id, "score": hit.score, "item": hit.document} for hit in answer.hits
        ],
        **_circumstances(answer, service),
    }


def composed_to_json(answer: ComposedAnswer, service: Service) -> dict[str, Any]:
    """Return the body of a composed search's answer; times in milliseconds."""
    return {
        "hits": [_composed_hit(hit) for hit in answer.hits],
        "shortfall": answer.shortfall,
        "cursor": answer.cursor,
        **_explained(answer.explanation),
        **_circumstances(answer, service),
    }


def _composed_hit(hit: ComposedHit) -> dict[str, Any]:
    body: dict[str, Any] = {"id": hit.item_id, "score": hit.score}
    if hit.match_probability is not None:
        body["match_probability"] = hit.match_probability
    body["item"] = hit.document
    if hit.members is not None:
        body["members"] = hit.members
    if hit.near_identical:
        body["near_identical"] = hit.near_identical
    return body


def _explained(explanation: Explanation | None) -> dict[str, Any]:
    if explanation is None:
        return {}
    # Extended JSON keeps every type: what is shown can be run.
    pipeline = json_util.dumps(explanation.pipeline, json_options=json_util.RELAXED_JSON_OPTIONS)
    ranks = {} if explanation.ranks is None else {"ranks": explanation.ranks}
    return {
        "explain": {
            "inputs": explanation.inputs,
            "hits": explanation.hits,
            **ranks,
            "trace": explanation.trace,
            "questions": explanation.questions,
            "pipeline": json.loads(pipeline),
        }
    }


def _circumstances(answer: Answer | ComposedAnswer, service: Service) -> dict[str, Any]:
    note = {} if answer.note is None else {"note": answer.note}
    return {
        **note,
        "model": service.embedder.name,
        "index": service.index.name,
        "took_ms": {
            "embed": round(answer.embed_ms, 3),
            "search": round(answer.search_ms, 3),
            "total": round(answer.embed_ms + answer.search_ms, 3),
        },
    }
