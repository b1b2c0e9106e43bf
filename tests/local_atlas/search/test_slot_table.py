"""Slots come and go with their records, whatever the order; compared with a plain dictionary."""

import random

from app.local_atlas.search.slot_table import SlotTable


class Model:
    """What a slot table promises, kept in dictionaries."""

    def __init__(self) -> None:
        self.slots: dict[int, list[int]] = {}

    def used(self) -> set[int]:
        return {slot for slots in self.slots.values() for slot in slots}


def check(table: SlotTable, model: Model) -> None:
    assert len(table) == len(model.slots)
    for record_id in range(120):
        assert table.slots_of(record_id) == model.slots.get(record_id, [])
    owners = table.owners().tolist()
    assert len(owners) == table.capacity
    owned = {slots[-1]: record_id for record_id, slots in model.slots.items()}
    assert {slot: owner for slot, owner in enumerate(owners) if owner >= 0} == owned


def test_slots_are_those_of_a_dictionary_through_restores() -> None:
    chance = random.Random(1)
    table, model = SlotTable(), Model()
    for step in range(3000):
        record_id = chance.randrange(100)
        if chance.random() < 0.3:
            assert table.release(record_id) == model.slots.pop(record_id, [])
        else:
            slot = table.take(record_id)
            assert slot not in model.used()
            assert slot < table.capacity
            model.slots.setdefault(record_id, []).append(slot)
        if step % 50 < 5:  # what is kept is to be forgotten with a single change
            check(table, model)
        if step % 500 == 0:
            state, table = table.state(), SlotTable()
            table.restore(state)
    check(table, model)


def test_freed_slots_are_given_again() -> None:
    table = SlotTable()
    for record_id in range(10):
        table.take(record_id)

    table.release(3)
    table.release(7)

    assert {table.take(20), table.take(21)} == {3, 7}
    assert table.capacity == 10


def test_a_state_is_left_alone_by_later_changes() -> None:
    table = SlotTable()
    for record_id in range(5):
        table.take(record_id)
    state = table.state()

    table.release(2)
    table.take(100)

    restored = SlotTable()
    restored.restore(state)
    assert [restored.slots_of(record_id) for record_id in range(5)] == [[0], [1], [2], [3], [4]]
    assert restored.slots_of(100) == []
