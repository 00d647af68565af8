"""Push tokens against a model: whatever is registered, removed and moved, in any order."""

import itertools
import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from contracts.accounts import PushToken, PushTokenInput, PushTokenRemoval
from contracts.failures import NotFound
from contracts.vocabulary import PushPlatform
from services.accounts.devices import devices_of, remove
from services.accounts.push_tokens import push_tokens_of, register_push_token, remove_push_token
from services.accounts.tables import SCHEMA
from tests.examples import examples

CUSTOMERS, DEVICES = ["anna", "ben"], ["d0", "d1", "d2"]
TOKENS = [character * 64 for character in "abc"]
customers, devices, tokens = (st.sampled_from(some) for some in (CUSTOMERS, DEVICES, TOKENS))
STEPS = st.one_of(
    st.tuples(st.just("register"), customers, devices, tokens),
    st.tuples(st.just("remove token"), customers, tokens),
    st.tuples(st.just("remove device"), devices),
    st.tuples(st.just("give device"), customers, devices),
)


@given(steps=st.lists(STEPS, max_size=25))
@examples(100)
def test_a_push_token_is_at_one_device_and_its_customer_is_the_last_who_registered_it(
    steps: list[tuple[str, ...]],
) -> None:
    """A device of another customer has none, though it had one before."""
    owners: dict[str, str] = {}
    had: dict[str, tuple[str, str]] = {}
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        for at, (what, *rest) in zip(itertools.count(), steps):
            if what == "give device":
                customer, device = rest
                connection.execute(
                    "INSERT OR REPLACE INTO devices VALUES (?, ?, 'IOS', 'x', 1, NULL)", (device, customer)
                )
                owners[device] = customer
            elif what == "remove device":
                if rest[0] in owners:
                    remove(connection, rest[0])
                owners.pop(rest[0], None)
                had.pop(rest[0], None)
            elif what == "remove token":
                customer, token = rest
                found = remove_push_token(connection, PushTokenRemoval(customer, PushPlatform.APNS, token))
                expected = next((device for device, one in had.items() if one == (customer, token)), None)
                assert found is None or found.id == expected
                had.pop(expected or "", None)
            else:
                customer, device, token = rest
                wanted = PushTokenInput(customer, PushPlatform.APNS, token)
                try:
                    register_push_token(connection, device, wanted, f"{at:04}")
                except NotFound:
                    assert owners.get(device) != customer
                    continue
                assert owners[device] == customer
                had = {one: kept for one, kept in had.items() if kept[1] != token} | {device: (customer, token)}
        live = {
            device: (customer, token) for device, (customer, token) in had.items() if owners.get(device) == customer
        }
        listed = push_tokens_of(connection, CUSTOMERS)
        shown = {one.id for one in devices_of(connection, CUSTOMERS) if one.push_platform is not None}
    assert listed == [PushToken(one, *of_device(live[one])) for one in sorted(live)]
    assert shown == set(live)


def of_device(kept: tuple[str, str]) -> tuple[str, PushPlatform, str]:
    customer, token = kept
    return customer, PushPlatform.APNS, token
