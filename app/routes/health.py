"""`GET /healthz` and `GET /readyz`: the process, and all that it needs."""

from typing import Any

from flask import Blueprint

from app.errors import ServiceError
from app.service import Service, current_service

bp = Blueprint("health", __name__)

_UNKNOWN = "Unknown while the database does not answer."


@bp.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer that the process is alive; asks nothing."""
    return {"status": "ok"}


@bp.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """Answer whether searches can be served, naming database, index and model each."""
    service = current_service()
    parts = {**_data_parts(service), "model": _part(service.model_problem)}
    parts["model"]["name"] = service.embedder.name
    parts["index"] |= {"name": service.index.name, **_switch_parts(service)}
    is_ready = all(part["ready"] for part in parts.values())
    if is_ready:
        parts["index"]["coverage"] = service.similar.coverage()
        lag = service.similar.lag()
        parts["index"]["lag"] = None if lag is None else lag.as_dict()
    if service.lexical is not None:  # without it, searches go on by vectors
        parts["words"] = _words_part(service)
    status = 200 if is_ready else 503
    return {"status": "ready" if is_ready else "not ready", **parts}, status


def _data_parts(service: Service) -> dict[str, dict[str, Any]]:
    try:
        state = service.similar.refresh_state()
    except ServiceError as error:
        service.revive_local_atlas()
        return {"database": _part(error.message), "index": _part(_UNKNOWN)}
    problem = service.similar.problem(state)
    return {"database": _part(None), "index": _part(problem)}


def _switch_parts(service: Service) -> dict[str, Any]:
    """Say in whose place the index is asked, and why none other is that should be."""
    try:
        served = service.served
    except ServiceError:
        return {}
    parts = {"instead_of": served.instead_of, "switch_problem": served.problem}
    return {name: value for name, value in parts.items() if value is not None}


def _words_part(service: Service) -> dict[str, Any]:
    assert service.lexical is not None
    try:
        problem = service.similar.refresh_state().words_problem
    except ServiceError:
        problem = _UNKNOWN
    return {**_part(problem), "name": service.lexical.name}


def _part(problem: str | None) -> dict[str, Any]:
    return {"ready": True} if problem is None else {"ready": False, "detail": problem}
