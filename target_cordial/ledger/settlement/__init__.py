"""Settling a cohort: from the rows that were received to who is in.

When the input has ended, each cohort is settled in one transaction: the last word on each user is
found, ``member`` is brought up to date by the difference only, and every identifier whose users
changed gets its ``wanted`` anew. All of it is set arithmetic in the database, so that two million
members never sit in memory.

``course`` is the order of the steps; ``words`` finds the last word on each user, ``identity`` who
is meant by a row, ``recall`` what was said of them under a lesser id, ``members`` who is in,
``entries`` which identifiers are wanted.
"""

from target_cordial.ledger.settlement.case import Case, Sealed, Settled
from target_cordial.ledger.settlement.course import settle
from target_cordial.ledger.settlement.words import is_outdated

__all__ = ["Case", "Sealed", "Settled", "is_outdated", "settle"]
