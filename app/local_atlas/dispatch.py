"""From a message to its reply: finds the command, checks what all commands share, runs it.

Every failure of a command becomes a reply here; only a `ProtocolError` gets past, and closes the
connection. No socket in sight: `server.py` carries the bytes.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp

from . import commands
from .changes.clock import to_number
from .commands.fields import (
    checked_document,
    document_field,
    int_field,
    list_field,
    string_field,
)
from .commands.known_fields import check_fields
from .commands.read_concern import check_read_concern
from .commands.snapshot_reads import is_snapshot_read, run_on_snapshot
from .commands.stable_api import check_stable_api
from .commands.table import COMMANDS, Command, CommandContext
from .commands.transactions import is_of_transaction, run_in_transaction
from .commands.write_concern import unmet_write_concern
from .errors import CommandError, ProtocolError
from .mongodb_names import unknown_command
from .namespaces import is_database_name
from .raw_documents import (
    MAX_COMMAND_LEVELS,
    MAX_DOCUMENT_SIZE_BYTES,
    check_levels,
    decode_checked,
    encode_document,
    with_elements,
)
from .wire import MORE_TO_COME, BodySection, Message, OpMsg, OpQuery, OpReply

logger = logging.getLogger(__name__)

Document = dict[str, Any]

_RAW_CODEC: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_MS
)
_AWAIT_CAPABLE = 8  # the one flag of OP_REPLY that servers still set
_MARGIN_BYTES = 16 * 1024  # what surrounds a batch or a document of the greatest size
_HELLO_COMMANDS = frozenset({"hello", "ismaster", "isMaster"})
# A quota or a limit on file sizes is no full disk to SQLite, only a write that failed.
_OUT_OF_ROOM = {
    "SQLITE_FULL": "The disk of the data file is full",
    "SQLITE_IOERR_WRITE": "The data file cannot grow, its disk, quota or size limit may be used up",
}


def reply_to(message: Message, context: CommandContext, request_id: int) -> Message | None:
    """Run the command in a message.

    Args:
        message: as it came from the client.
        context: the server's parts and the connection; not modified.
        request_id: of the reply.

    Returns:
        The reply, None where the client wants none.

    Raises:
        ProtocolError: the message is none that a client may send.
    """
    if isinstance(message, OpQuery):
        document = _reply_to_query(message, context)
        return OpReply(request_id, message.request_id, _AWAIT_CAPABLE, 0, 0, (document,))
    if isinstance(message, OpReply):
        raise ProtocolError("OP_REPLY is a server's message.")
    document = _run(message.body, message.sequences, context)
    if message.flag_bits & MORE_TO_COME:
        return None
    return OpMsg(request_id, message.request_id, 0, (BodySection(document),))


def _reply_to_query(message: OpQuery, context: CommandContext) -> bytes:
    try:
        body = _decoded_hello(message.query)
    except CommandError as refusal:
        return encode_document(refusal.reply())
    database = message.full_collection_name.partition(".")[0]
    return _run(encode_document({**body, "$db": database}), {}, context)


def _decoded_hello(query: bytes) -> Document:
    body = decode_checked(query)
    name = next(iter(body), "")
    if name not in _HELLO_COMMANDS:
        raise CommandError(
            352,
            "UnsupportedOpQueryCommand",
            f"Unsupported OP_QUERY command: {name}. The client driver may require an upgrade.",
        )
    return body


def _run(raw: bytes, sequences: Mapping[str, Sequence[bytes]], context: CommandContext) -> bytes:
    """Run a command and return its encoded reply."""
    name = ""
    started = time.monotonic()
    try:
        _check_size("The command", raw)
        body = decode_checked(raw)
        check_levels(raw, body, MAX_COMMAND_LEVELS)
        name = next(iter(body), "")
        reply = _encoded(_run_checked(raw, body, sequences, context))
    except ProtocolError:
        raise
    except Exception as error:  # what nobody foresaw may not end the server for all others
        reply = encode_document(_refusal(name, error).reply())
    finally:
        logger.debug("%s took %.2f ms", name, (time.monotonic() - started) * 1000)
    return with_elements(reply, context.store.change_log.clock.gossip())


def _encoded(reply: Document) -> bytes:
    document = encode_document(reply)
    _check_size("The reply", document)
    return document


def _check_size(what: str, raw: bytes) -> None:
    if len(raw) > MAX_DOCUMENT_SIZE_BYTES + _MARGIN_BYTES:
        message = f"{what} has {len(raw)} bytes, it must fit in {MAX_DOCUMENT_SIZE_BYTES}."
        raise CommandError(10334, "BSONObjectTooLarge", message)


def _refusal(name: str, error: Exception) -> CommandError:
    if isinstance(error, CommandError):
        return error
    if isinstance(error, RecursionError):
        return CommandError(15, "Overflow", f"{name} is nested too deeply to be run")
    logger.error("%s failed", name, exc_info=error)
    if isinstance(error, sqlite3.Error):
        return _storage_failure(error)
    message = f"LocalAtlas failed while it ran {name!r}; its log says more."
    return CommandError(1, "InternalError", message)


def _run_checked(
    raw: bytes, body: Document, sequences: Mapping[str, Sequence[bytes]], context: CommandContext
) -> Document:
    name = next(iter(body), "")
    entry = COMMANDS.get(name)
    if entry is None:
        raise unknown_command(name)
    _check_sequences(body, sequences)
    body = {**body, **_decoded_sequences(sequences, entry)}
    check_stable_api(name, body)
    check_read_concern(body)
    check_fields(body, entry)
    _use_session(body, context)
    database = _database(body)
    raw_documents = _raw_documents(raw, body, sequences, entry)
    deadline_s = _deadline_s(body)
    unmet = unmet_write_concern(body) if "writeConcern" in body else None
    operation = context.operations.begin(context.connection.connection_id, database, body)
    scoped = replace(
        context,
        database=database,
        raw_documents=raw_documents,
        deadline_s=deadline_s,
        operation=operation,
    )
    try:
        reply = _runner(body)(scoped, body, entry)
    finally:
        context.operations.end(operation)
    reply.setdefault("ok", 1.0)
    return reply if unmet is None else {**reply, "writeConcernError": unmet}


def _check_sequences(body: Document, sequences: Mapping[str, Sequence[bytes]]) -> None:
    for name in sequences:
        if name in body:
            message = f"Duplicate field between body and document sequence {name}"
            raise CommandError(40433, "Location40433", message)


def _runner(body: Document) -> Callable[[CommandContext, Document, Command], Document]:
    if is_of_transaction(body):
        return run_in_transaction
    return run_on_snapshot if is_snapshot_read(body) else _run_alone


def _run_alone(context: CommandContext, body: Document, entry: Command) -> Document:
    return entry.handler(context, body)


def _decoded_sequences(sequences: Mapping[str, Sequence[bytes]], entry: Command) -> Document:
    return {
        name: [decode_checked(document) for document in documents]
        for name, documents in sequences.items()
        if name not in entry.raw_fields
    }


def _raw_documents(
    raw: bytes, body: Document, sequences: Mapping[str, Sequence[bytes]], entry: Command
) -> dict[str, Sequence[bytes]]:
    """Return the documents that stay raw, from wherever in the message the client put them."""
    found: dict[str, Sequence[bytes]] = {}
    for name in entry.raw_fields:
        if name in sequences:
            found[name] = sequences[name]
        elif name in body:
            found[name] = _inline_documents(raw, body, name)
    return found


def _inline_documents(raw: bytes, body: Document, name: str) -> list[bytes]:
    for position, value in enumerate(list_field(body, name)):
        checked_document(body, f"{name}.{position}", value)
    return [bytes(document.raw) for document in RawBSONDocument(raw, _RAW_CODEC)[name]]


def _use_session(body: Document, context: CommandContext) -> None:
    session = document_field(body, "lsid").get("id")
    if isinstance(session, bytes):
        context.sessions.use(session)
    if "$clusterTime" in body:
        seen = document_field(body, "$clusterTime").get("clusterTime")
        if isinstance(seen, Timestamp):
            context.store.change_log.clock.advance(to_number(seen))


def _database(body: Document) -> str:
    name = string_field(body, "$db")
    if not is_database_name(name):
        raise CommandError(73, "InvalidNamespace", f"Invalid database name: '{name}'")
    return name


def _deadline_s(body: Document) -> float | None:
    limit_ms = int_field(body, "maxTimeMS")
    if limit_ms is not None and limit_ms < 0:
        raise CommandError(
            2, "BadValue", f"{limit_ms} value for maxTimeMS is out of range [0, 2147483647]"
        )
    return time.monotonic() + limit_ms / 1000 if limit_ms else None


def _storage_failure(error: sqlite3.Error) -> CommandError:
    cause = _OUT_OF_ROOM.get(getattr(error, "sqlite_errorname", ""))
    if cause is not None:
        return CommandError(14031, "OutOfDiskSpace", f"{cause}: {error}.")
    return CommandError(1, "InternalError", f"The data file failed: {error}.")


commands.load()
