"""What drivers ask before and between their work: who are you, are you well."""

import os
import platform
import socket
import time
from typing import Any

from bson import DatetimeMS, Int64

from ..errors import CommandError
from ..raw_documents import MAX_DOCUMENT_SIZE_BYTES
from ..sessions import SESSION_TIMEOUT_MINUTES
from ..wire import MAX_MESSAGE_SIZE_BYTES
from .table import COMMANDS, Command, CommandContext, command

Document = dict[str, Any]

VERSION = "8.2.0"
GIT_VERSION = "LocalAtlas"
VERSION_ARRAY = [8, 2, 0, 0]
MAX_WIRE_VERSION = 27  # MongoDB 8.2
SET_NAME = "localAtlas"
MAX_WRITE_BATCH_SIZE = 100_000
# What test suites and shells look at to learn what they may ask of a server.
_PARAMETERS = {
    "authenticationMechanisms": [],
    "enableTestCommands": False,
    "featureCompatibilityVersion": {"version": VERSION[:3]},
    "localLogicalSessionTimeoutMinutes": SESSION_TIMEOUT_MINUTES,
    "requireApiVersion": False,
    "transactionLifetimeLimitSeconds": 60,
}


@command("hello")
def hello(context: CommandContext, body: Document) -> Document:
    """Introduce the server as the primary of a replica set of one node."""
    return {"isWritablePrimary": True, **_introduction(context, body)}


@command("isMaster", "ismaster")
def is_master(context: CommandContext, body: Document) -> Document:
    """Introduce the server in the words of older drivers."""
    return {"ismaster": True, **_introduction(context, body)}


@command("ping")
def ping(context: CommandContext, body: Document) -> Document:
    """Say that the server is there."""
    return {}


@command("buildInfo", "buildinfo")
def build_info(context: CommandContext, body: Document) -> Document:
    """Describe the version that is emulated."""
    return {
        "version": VERSION,
        "versionArray": VERSION_ARRAY,
        "gitVersion": GIT_VERSION,
        "modules": [],
        "javascriptEngine": "none",
        "bits": 64,
        "debug": False,
        "maxBsonObjectSize": MAX_DOCUMENT_SIZE_BYTES,
        "storageEngines": ["sqlite"],
    }


@command("whatsmyuri")
def whats_my_uri(context: CommandContext, body: Document) -> Document:
    """Name the server's address."""
    return {"you": context.server.address}


@command("connectionStatus")
def connection_status(context: CommandContext, body: Document) -> Document:
    """Say that nobody is authenticated: LocalAtlas has no users."""
    return {"authInfo": {"authenticatedUsers": [], "authenticatedUserRoles": []}}


@command("getCmdLineOpts")
def get_cmd_line_opts(context: CommandContext, body: Document) -> Document:
    """Show how the server was started."""
    return {
        "argv": list(context.server.argv),
        "parsed": {"storage": {"dbPath": context.server.directory}},
    }


@command("getParameter")
def get_parameter(context: CommandContext, body: Document) -> Document:
    """Show the parameters that drivers read."""
    wanted = next(iter(body.values()))
    if wanted == "*" or (isinstance(wanted, dict) and wanted.get("allParameters")):
        return dict(_PARAMETERS)
    found = {name: value for name, value in _PARAMETERS.items() if name in body}
    if not found:
        raise CommandError(72, "InvalidOptions", "no option found to get")
    return found


@command("getLog")
def get_log(context: CommandContext, body: Document) -> Document:
    """Return no lines: the log is a file in the data directory."""
    if body["getLog"] == "*":
        return {"names": ["global", "startupWarnings"]}
    return {"totalLinesWritten": 0, "log": []}


@command("hostInfo")
def host_info(context: CommandContext, body: Document) -> Document:
    """Describe the machine."""
    return {
        "system": {
            "currentTime": _now(),
            "hostname": socket.gethostname(),
            "cpuAddrSize": 64,
            "numCores": os.cpu_count(),
            "cpuArch": platform.machine(),
        },
        "os": {"type": platform.system(), "name": platform.platform(), "version": ""},
    }


@command("serverStatus")
def server_status(context: CommandContext, body: Document) -> Document:
    """Describe the running server."""
    uptime_s = time.time() - context.server.started_at_s
    return {
        "host": context.server.address,
        "version": VERSION,
        "process": "local_atlas",
        "pid": Int64(os.getpid()),
        "uptime": uptime_s,
        "uptimeMillis": Int64(int(uptime_s * 1000)),
        "localTime": _now(),
        "repl": {"setName": SET_NAME, "isWritablePrimary": True, "hosts": [context.server.address]},
        "storageEngine": {"name": "sqlite", "persistent": True, "readOnly": False},
        "metrics": {"cursor": {"open": {"total": Int64(context.cursors.count())}}},
    }


@command("listCommands")
def list_commands(context: CommandContext, body: Document) -> Document:
    """Name every command that is emulated."""
    by_name: dict[str, Command] = {entry.name: entry for entry in COMMANDS.values()}
    return {
        "commands": {
            name: {"help": (by_name[name].handler.__doc__ or "").strip()}
            for name in sorted(by_name)
        }
    }


def _introduction(context: CommandContext, body: Document) -> Document:
    if "client" in body:
        context.connection.is_driver = True
    address = context.server.address
    now = _now()
    # No topologyVersion: drivers then ask again every heartbeat instead of holding a connection on
    # which the server would have to answer unasked.
    return {
        "helloOk": True,
        "setName": SET_NAME,
        "setVersion": 1,
        "secondary": False,
        "primary": address,
        "hosts": [address],
        "me": address,
        "lastWrite": {"lastWriteDate": now, "majorityWriteDate": now},
        "maxBsonObjectSize": MAX_DOCUMENT_SIZE_BYTES,
        "maxMessageSizeBytes": MAX_MESSAGE_SIZE_BYTES,
        "maxWriteBatchSize": MAX_WRITE_BATCH_SIZE,
        "localTime": now,
        "logicalSessionTimeoutMinutes": SESSION_TIMEOUT_MINUTES,
        "connectionId": context.connection.connection_id,
        "minWireVersion": 0,
        "maxWireVersion": MAX_WIRE_VERSION,
        "readOnly": False,
    }


def _now() -> DatetimeMS:
    return DatetimeMS(int(time.time() * 1000))
