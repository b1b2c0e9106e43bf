"""Many clients in transactions and beside them, while a stream follows all of it."""

import random
import threading
from typing import Any

import pytest
from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.change_stream import ChangeStream
from pymongo.client_session import ClientSession
from pymongo.database import Database

from app.local_atlas.node import Node

Document = dict[str, Any]
Docs = Database[Document]

ACCOUNTS = 30
ROUNDS = 60


def transfer(db: Docs, chance: random.Random) -> None:
    """Move one from an account to another, many times; each time all of them must add up."""

    def move(session: ClientSession) -> None:
        source, target = chance.sample(range(ACCOUNTS), 2)
        db.c.update_one({"_id": source}, {"$inc": {"n": -1}, "$push": {"log": 1}}, session=session)
        beside = 1000 + chance.randrange(20)
        if chance.random() < 0.3:
            db.c.replace_one({"_id": beside}, {"n": 0}, upsert=True, session=session)
        elif chance.random() < 0.3:
            db.c.delete_one({"_id": beside}, session=session)
        db.c.update_one({"_id": target}, {"$inc": {"n": 1}}, session=session)
        found = db.c.find({"_id": {"$lt": ACCOUNTS}}, session=session)
        assert sum(each["n"] for each in found) == 100 * ACCOUNTS

    with db.client.start_session() as own:
        for _ in range(ROUNDS):
            own.with_transaction(move)


def write_beside(db: Docs, chance: random.Random) -> None:
    """Write outside of transactions, to the same documents too."""
    for _ in range(ROUNDS):
        db.c.bulk_write(
            [
                ReplaceOne({"_id": 2000 + chance.randrange(50)}, {"n": 0}, upsert=True),
                UpdateOne({"_id": chance.randrange(ACCOUNTS)}, {"$pop": {"log": 1}}),
                DeleteOne({"_id": 2000 + chance.randrange(50)}),
            ]
        )


def replay(stream: ChangeStream[Document], last: Any) -> dict[Any, Document]:
    """Return the collection that the events make, up to the insertion of `last`."""
    made: dict[Any, Document] = {}
    for event in stream:
        identity = event["documentKey"]["_id"]
        if event["operationType"] == "delete":
            del made[identity]
        elif event["operationType"] == "update":
            apply(made[identity], event["updateDescription"])
        else:
            made[identity] = event["fullDocument"]
        if identity == last:
            break
    return made


def apply(document: Document, description: Document) -> None:
    assert description["truncatedArrays"] == []
    for path, value in description["updatedFields"].items():
        name, _, position = path.partition(".")
        if position:
            assert int(position) == len(document[name])
            document[name].append(value)
        else:
            document[name] = value
    for name in description["removedFields"]:
        del document[name]


@pytest.mark.slow
def test_nothing_is_lost_and_the_stream_tells_all_of_it(db: Docs, local_atlas: Node) -> None:
    db.c.create_index("n")
    with db.c.watch() as stream:
        db.c.insert_many([{"_id": i, "n": 100, "log": []} for i in range(ACCOUNTS)])
        failures: list[BaseException] = []

        def guarded(work: Any, seed: int) -> None:
            try:
                work(db, random.Random(seed))
            except BaseException as error:
                failures.append(error)

        work = [transfer] * 4 + [write_beside] * 3
        threads = [
            threading.Thread(target=guarded, args=[each, seed]) for seed, each in enumerate(work)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        db.c.insert_one({"_id": "last"})

        made = replay(stream, "last")

    assert failures == []
    assert made == {each["_id"]: each for each in db.c.find()}
    assert sum(each["n"] for each in made.values() if "n" in each) == 100 * ACCOUNTS
    assert local_atlas.store.intents.is_empty()
