"""Runs a write command in one transaction, and a retried one only once.

A command of a transaction of several commands writes to that one instead.

Drivers number their writes (`lsid`, `txnNumber`) and send one again when its reply was lost. The
reply is kept in the same commit as the write, so even a server that was killed in between answers
the second attempt with the first one's result.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from ..errors import CommandError
from ..raw_documents import encode_document
from ..transactions.intents import WriteConflict
from ..transactions.transaction_table import LIFETIME_LIMIT_S
from ..write_transaction import WriteTransaction
from .fields import document_field, int_field
from .table import CommandContext

Document = dict[str, Any]

_MAX_WAIT_S: Final = LIFETIME_LIMIT_S + 15.0


def run_write(
    context: CommandContext, body: Document, apply: Callable[[WriteTransaction], Document]
) -> Document:
    """Run `apply` in a transaction and return its reply, or that of the first attempt.

    Args:
        context: of the command.
        body: the command.
        apply: writes, and returns the reply; called again where an open transaction stood in its
            way and has ended.

    Raises:
        CommandError: 24, such a transaction does not end; and from `apply`.
    """
    if context.transaction is not None:
        with context.transaction.limited(context.check_time):
            return apply(context.transaction)
    until_s = context.deadline_s or time.monotonic() + _MAX_WAIT_S
    released = context.store.intents.released
    while True:
        seen = released.count
        try:
            return _run_once(context, body, apply)
        except WriteConflict as error:
            # An open transaction has written the same document, and has its time to end.
            if not released.wait(seen, until_s, context.connection.is_open):
                context.check_time()
                message = "An open transaction has written what is to be written, and does not end."
                raise CommandError(24, "LockTimeout", message) from error


def _run_once(
    context: CommandContext, body: Document, apply: Callable[[WriteTransaction], Document]
) -> Document:
    txn_number = int_field(body, "txnNumber")
    lsid = document_field(body, "lsid")
    if txn_number is None or "id" not in lsid:
        with context.store.write() as transaction, transaction.limited(context.check_time):
            return apply(transaction)
    context.transactions.supersede(lsid["id"], txn_number)
    with context.store.write() as transaction:
        session = encode_document({"id": lsid["id"]})
        earlier = transaction.recall_reply(session, txn_number)
        if earlier is not None:
            return earlier
        with transaction.limited(context.check_time):
            reply = apply(transaction)
        transaction.remember_reply(session, txn_number, reply)
        return reply
