"""The people and cohorts the sandbox starts with, on every day there is.

Day 1 is the first sync. On day 2 people have joined, left, moved and changed their address. Day 3
is day 2 with a mass removal: 30 of 40 loyalty members are gone.
"""

from __future__ import annotations

from cordial_sandbox.cohorts import Cohort, User

LAST_DAY = 3
_FIRST_COMPUTED = 1767247200  # 2026-01-01T06:00:00Z, the morning of day 1
_SECONDS_A_DAY = 86400


def computed_at(day: int) -> int:
    """Return when the cohorts of a day were computed, in epoch seconds."""
    return _FIRST_COMPUTED + (day - 1) * _SECONDS_A_DAY


def _user(number: int, user_id: str | None, email: str | None, plan: str, city: str) -> User:
    properties = {"email": email, "plan": plan, "city": city}
    return User(
        amplitude_id=str(356893043000 + number),
        user_id=user_id,
        properties={key: value for key, value in properties.items() if value is not None},
    )


def _people(keys: str) -> tuple[str, ...]:
    return tuple(keys.split())


_PEOPLE: dict[str, User] = {
    "ana": _user(1, "u-1001", "Ana@Shop.example", "gold", "Lisbon"),
    "bo": _user(2, "u-1002", "bo@shop.example", 'the "welcome" plan, monthly', "Malmö"),
    "carla": _user(3, "u-1003", "carla@shop.example", "gold", "Porto"),
    "dev": _user(4, "u-1004", "dev+orders@shop.example", "silver", "Pune"),
    "elif": _user(5, "u-1005", "elif@shop.example", "gold", "İzmir"),
    "finn": _user(6, "u-1006", "finn.o'hara@shop.example", "silver", "Cork"),
    "grace": _user(7, "u-1007", "grace@shop.example", "gold", "Leeds"),
    "hugo": _user(8, "u-1008", "hugo@shop.example", "silver", "Lyon"),
    # Two accounts of one household share an address.
    "ines": _user(9, "u-1009", "familie.berg@shop.example", "silver", "Graz"),
    "ingo": _user(10, "u-1010", "familie.berg@shop.example", "silver", "Graz"),
    # Two without an address: one signed up without it, one is anonymous.
    "noor": _user(11, "u-1011", None, "silver", "Ghent"),
    "visitor": _user(12, None, None, "none", "Oslo"),
    "jonas": _user(13, "u-1013", "jonas@shop.example", "silver", "Bonn"),
    "kira": _user(14, "u-1014", "kira@shop.example", "gold", "Riga"),
    "luca": _user(15, "u-1015", "luca@shop.example", "gold", "Turin"),
    "maya": _user(16, "u-1016", "maya@shop.example", "gold", "Haifa"),
    "nils": _user(17, "u-1017", "nils@shop.example", "silver", "Umeå"),
    "oona": _user(18, "u-1018", "oona@shop.example", "silver", "Turku"),
    "pablo": _user(19, "u-1019", "pablo@shop.example", "silver", "Quito"),
    "quinn": _user(20, "u-1020", "quinn@shop.example", "silver", "Perth"),
    "rosa": _user(21, "u-1021", "rosa@shop.example", "silver", "Bari"),
    "sam": _user(22, "u-1022", "sam@shop.example", "silver", "Derry"),
    "tess": _user(23, "u-1023", "tess@shop.example", "silver", "Delft"),
    "uma": _user(24, "u-1024", "uma@shop.example", "silver", "Goa"),
    **{
        f"loyal-{n:02}": _user(
            100 + n, f"u-2{n:03}", f"loyal-{n:02}@shop.example", "loyalty", "Aarhus"
        )
        for n in range(1, 43)
    },
}

# On day 2 Carla is the same user with another address.
_CARLA_MOVED = _user(3, "u-1003", "carla.silva@shop.example", "gold", "Porto")

_NAMES = {
    "9zx41kq": "active users",
    "7khm89c": "Ana's VIPs 🛍️",
    "26umsb5": "Lapsed buyers (30d)",
    # These two come to one list name when white space and letter case are ignored.
    "5win1bk": "Win back",
    "5win2bk": "winback",
    "40loyal": "Loyalty members",
}

_DAY_1 = {
    "9zx41kq": _people("ana bo carla dev elif finn grace hugo ines ingo noor visitor"),
    "7khm89c": _people("ana carla elif grace luca maya"),
    "26umsb5": _people("nils oona pablo quinn rosa sam tess uma"),
    "5win1bk": _people("oona pablo"),
    "5win2bk": _people("quinn rosa"),
    "40loyal": tuple(f"loyal-{n:02}" for n in range(1, 41)),
}

# Joined: Jonas, Kira, and Nils out of the lapsed. Left: Bo, Hugo (lapsed now), and Ingo, whose
# address stays because Ines has it too. Kira joins two cohorts at once.
_DAY_2 = {
    **_DAY_1,
    "9zx41kq": _people("ana carla dev elif finn grace ines noor visitor jonas kira nils"),
    "7khm89c": _people("ana carla elif grace luca kira"),
    "26umsb5": _people("hugo oona pablo quinn rosa sam tess uma"),
}

_DAY_3 = {**_DAY_2, "40loyal": tuple(f"loyal-{n:02}" for n in (*range(1, 11), 41, 42))}

_DAYS = {1: _DAY_1, 2: _DAY_2, 3: _DAY_3}


def cohorts_of_day(day: int) -> dict[str, Cohort]:
    """Return every seeded cohort by its id, as it stands on a day.

    Args:
        day: 1 to 3.

    Raises:
        ValueError: There is no such day.
    """
    if day not in _DAYS:
        message = f"there is no day {day}: the seed has the days 1 to {LAST_DAY}"
        raise ValueError(message)
    people = _PEOPLE if day == 1 else {**_PEOPLE, "carla": _CARLA_MOVED}
    return {
        cohort_id: Cohort(
            id=cohort_id,
            name=_NAMES[cohort_id],
            users=tuple(people[key] for key in keys),
            computed_at=computed_at(day),
        )
        for cohort_id, keys in _DAYS[day].items()
    }
