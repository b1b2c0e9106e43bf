"""`apply`: makes a live index what its file says, and waits until that very definition answers.

A server swaps a rebuilt index in by itself; until then the old definition answers. Where a build
FAILED, what was there before is put back. There is no lock to take on a server, so whoever changes
an index at the same time is found out by the version and the definition that the server lists.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pymongo.operations import SearchIndexModel

from app.errors import IndexNotReady
from app.index_care.builds import NO_REASON, Build, Entry, find_entry, read_build
from app.index_care.definitions import differences
from app.index_care.listing import Documents, list_entries
from app.index_care.planning import Action, Plan, make_plan
from app.index_care.refusals import (
    IndexRefused,
    index_command_errors,
    lost_connection,
    taken_over,
)
from app.lexical_indexes import AnyIndex
from app.live_indexes import create_collection

_FIRST_POLL_S, _LAST_POLL_S = 0.02, 2.0


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What was done.

    Attributes:
        is_collection_new: whether the collection had to be created.
        waited_s: until the file's definition answered; the old one did meanwhile, if there was one.
        replaced_version: of somebody else's definition that this one replaced; None for nobody's.
        old_answered: whether it was an update of an index that answered meanwhile.
    """

    index: str
    namespace: str
    action: Action
    is_collection_new: bool
    waited_s: float
    version: int | None
    replaced_version: int | None
    old_answered: bool

    @property
    def is_good(self) -> bool:
        """What was not done is an error, and no report."""
        return True

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "index": self.index,
            "collection": self.namespace,
            "action": self.action,
            "collection_created": self.is_collection_new,
            "waited_s": round(self.waited_s, 3),
            "version": self.version,
            "replaced_version": self.replaced_version,
        }

    def as_text(self) -> str:
        """Return the report for people."""
        done = {"nothing": "was up to date", "create": "was created", "update": "was updated"}
        lines = [f"{self.index} on {self.namespace} {done[self.action]}"]
        if self.is_collection_new:
            lines.append(f"{self.namespace} did not exist and was created")
        version = "" if self.version is None else f", version {self.version},"
        old = "; the old one answered until then" if self.old_answered else ""
        lines.append(f"the file's definition{version} answers after {self.waited_s:.1f} s{old}")
        if self.replaced_version is not None:
            lines.append(f"it replaced version {self.replaced_version}, which somebody else sent")
        return "\n".join(lines)


def apply_plan(
    collection: Documents,
    index: AnyIndex,
    *,
    timeout_s: float,
    may_break: bool = False,
    take_over: bool = False,
) -> ApplyReport:
    """Make the live index what the file says, and wait until it answers.

    Args:
        collection: created where it is missing.
        index: what is wanted.
        timeout_s: for the build.
        may_break: whether queries that work now may fail or change once it is done.
        take_over: whether a definition that is still being built may be replaced.

    Raises:
        IndexNotReady: the change breaks queries and may not; its type cannot be changed; somebody
            else changes it; the build FAILED, and what was there before is back; or it is not
            done in time, and the server goes on.
        IndexRefused: the user, or the tier, may not.
        DatabaseUnavailable: the connection was lost; the message says what stands.
        The driver's other errors.
    """
    with lost_connection("nothing was changed; run this again."):
        with index_command_errors("createCollection", collection.full_name):
            is_collection_new = create_collection(collection)
        plan = make_plan(list_entries(collection), index)
    _check(plan, may_break=may_break, take_over=take_over)
    started_s = time.monotonic()
    if plan.action == "create":
        with _telling_what_was_made(collection, is_collection_new):
            _create(collection, index)
    elif plan.action == "update":
        _update(collection, index)
    waiting = f"the server goes on building {index.name}; run this again to wait on, or status."
    with lost_connection(waiting):
        entry = _wait(collection, plan, timeout_s=timeout_s)
    version = read_build(entry).latest_version
    return ApplyReport(
        index.name,
        collection.full_name,
        plan.action,
        is_collection_new,
        time.monotonic() - started_s,
        version,
        _replaced(plan, version),
        plan.action == "update" and plan.is_answering,
    )


def _check(plan: Plan, *, may_break: bool, take_over: bool) -> None:
    name = plan.index.name
    if plan.action == "other type":
        raise IndexNotReady(
            f"Search index {name} is of type {plan.live_type} and the file says {plan.index.type}; "
            f"a type cannot be changed, so give the new index another name; migrate makes it "
            f"beside this one."
        )
    if plan.action != "update":
        return
    build = plan.build
    if build is not None and build.is_under_way and not take_over:
        raise IndexNotReady(
            f"Search index {name} is {build.status} with another definition, version "
            f"{build.latest_version}; whoever sent it may be waiting for it. Wait until it is "
            f"built, or replace it with --take-over."
        )
    if plan.breaks and not may_break:
        raise IndexNotReady(
            f"Search index {name} was not changed: {' '.join(plan.breaks)} "
            f"--may-break changes it all the same."
        )


@contextmanager
def _telling_what_was_made(collection: Documents, is_collection_new: bool) -> Iterator[None]:
    try:
        yield
    except IndexRefused as error:
        if is_collection_new:
            message = f"{error.message} {collection.full_name} was created, and is empty."
            raise IndexRefused(message, error.paste) from error
        raise


def _create(collection: Documents, index: AnyIndex) -> None:
    model = SearchIndexModel(index.definition, name=index.name, type=index.type)
    unknown = f"whether {index.name} was created is not known; run status, then this again."
    with (
        lost_connection(unknown),
        index_command_errors("createSearchIndexes", collection.full_name, index),
    ):
        collection.create_search_index(model)


def _update(collection: Documents, index: AnyIndex) -> None:
    unknown = f"whether {index.name} was changed is not known; run status, then this again."
    with (
        lost_connection(unknown),
        index_command_errors("updateSearchIndex", collection.full_name, index),
    ):
        collection.update_search_index(index.name, dict(index.definition))


def _wait(collection: Documents, plan: Plan, *, timeout_s: float) -> Entry:
    """Return the entry once the file's definition answers on every host."""
    index = plan.index

    def settled(entry: Entry | None, build: Build | None) -> bool:
        if entry is None or build is None:
            return False
        if plan.action == "update" and build.latest_version == _version_before(plan) is not None:
            return False  # the server does not list the change yet
        if differences(entry.get("latestDefinition", {}), index.definition):
            raise IndexNotReady(taken_over(index.name))
        return build.status == "FAILED" or build.serves_latest

    entry = _poll(collection, index.name, settled, timeout_s=timeout_s)
    build = read_build(entry)
    if build.status == "FAILED":
        raise IndexNotReady(
            f"Search index {index.name} FAILED: {(build.message or NO_REASON).rstrip('.')}. "
            f"{_roll_back(collection, plan, build)}"
        )
    return entry


def _roll_back(collection: Documents, plan: Plan, failed: Build) -> str:
    """Put back what was there before; return what stands now, in one sentence."""
    name = plan.index.name
    if plan.action == "create":
        with index_command_errors("dropSearchIndex", collection.full_name):
            collection.drop_search_index(name)
        return "It was dropped again, so nothing has changed."
    if not failed.is_queryable:
        return "No definition of it answers; a file that can be built has to be applied."
    entry = find_entry(list_entries(collection), name)
    if entry is None or read_build(entry).latest_version != failed.latest_version:
        return taken_over(name)
    # Not every server tells what its hosts serve; before an update, the plan has seen it.
    before = plan.build if plan.action == "update" and plan.build is not None else failed
    definition = dict(before.serving_definition)
    with index_command_errors("updateSearchIndex", collection.full_name):
        collection.update_search_index(name, definition)
    return "The old definition was sent again; it has answered all the time."


def _poll(
    collection: Documents,
    name: str,
    is_settled: Callable[[Entry | None, Build | None], bool],
    *,
    timeout_s: float,
) -> Entry:
    start_s, poll_s = time.monotonic(), _FIRST_POLL_S
    while True:
        entry = find_entry(list_entries(collection), name)
        build = None if entry is None else read_build(entry)
        if is_settled(entry, build):
            assert entry is not None
            return entry
        if time.monotonic() - start_s >= timeout_s:
            status = "missing" if build is None else build.status
            raise IndexNotReady(
                f"Search index {name} is {status} after {timeout_s:g} s; the server goes on "
                f"building it, run this again to wait on."
            )
        time.sleep(poll_s)
        poll_s = min(poll_s * 1.5, _LAST_POLL_S)


def _version_before(plan: Plan) -> int | None:
    return None if plan.build is None else plan.build.latest_version


def _replaced(plan: Plan, version: int | None) -> int | None:
    """Return the version that came between the plan and what was sent, None where none did."""
    before = _version_before(plan)
    if plan.action != "update" or before is None or version is None or version <= before + 1:
        return None
    return version - 1
