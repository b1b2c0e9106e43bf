"""Runs a write command in one transaction, and a retried one only once.

Drivers number their writes (`lsid`, `txnNumber`) and send one again when its reply was lost. The
reply is kept in the same commit as the write, so even a server that was killed in between answers
the second attempt with the first one's result.
"""

from collections.abc import Callable
from typing import Any

from ..raw_documents import encode_document
from ..write_transaction import WriteTransaction
from .fields import document_field, int_field
from .table import CommandContext

Document = dict[str, Any]


def run_write(
    context: CommandContext, body: Document, apply: Callable[[WriteTransaction], Document]
) -> Document:
    """Run `apply` in a transaction and return its reply, or that of the first attempt.

    Args:
        context: of the command.
        body: the command.
        apply: writes, and returns the reply.
    """
    txn_number = int_field(body, "txnNumber")
    lsid = document_field(body, "lsid")
    with context.store.write() as transaction:
        if txn_number is None or "id" not in lsid:
            return apply(transaction)
        session = encode_document({"id": lsid["id"]})
        earlier = transaction.recall_reply(session, txn_number)
        if earlier is not None:
            return earlier
        reply = apply(transaction)
        transaction.remember_reply(session, txn_number, reply)
        return reply
