from __future__ import annotations

import pytest

from target_cordial.core.delivery_choice import (
    AUTO,
    CONTACTS,
    ENDPOINT,
    IMPORTS,
    SINGLE_AT_MOST,
    chosen,
)


@pytest.mark.parametrize(
    ("contacts", "delivery"),
    [(0, CONTACTS), (5_000, CONTACTS), (5_001, IMPORTS), (2_000_000, IMPORTS)],
)
def test_auto_takes_imports_above_five_thousand_contacts(contacts: int, delivery: str) -> None:
    assert chosen(AUTO, contacts) == delivery


@pytest.mark.parametrize("setting", [CONTACTS, IMPORTS, ENDPOINT])
@pytest.mark.parametrize("contacts", [0, SINGLE_AT_MOST + 1])
def test_what_is_set_is_taken_however_many_change(setting: str, contacts: int) -> None:
    assert chosen(setting, contacts) == setting
