"""Reading who is ours out of a CSV file: an export of Cordial's, or a plain list."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from target_cordial.core.identifier import EMAIL_KEYS, Mapping, clean
from target_cordial.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

ON_LIST: Final = frozenset({"1", "true"})
"""What a list's column says of its members; Cordial's exports write 1 and 0."""

LONGEST_CELL: Final = 2**17
"""Characters of a cell; a longer one comes of a quote that does not end."""


@dataclass
class Claims:
    """A file's rows, one at a time: it may hold millions.

    Attributes:
        mapping: The Cordial key of the identifiers.
        list_name: The list they are claimed for.
        unusable: Rows without a usable identifier, so far.
        elsewhere: Rows whose column of the list says that they are not on it, so far.
    """

    mapping: Mapping
    list_name: str
    unusable: int = 0
    elsewhere: int = 0

    def read(self, path: Path) -> Iterator[str]:
        """Walk a file's identifiers, cleaned as those of the source are.

        Raises:
            InputError: It is no CSV in UTF-8, or says nowhere which column is the identifier's.
                The error holds nothing of the file.
        """
        csv.field_size_limit(LONGEST_CELL)  # of the whole process, where others may have set it
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield from self._identifiers(row for row in csv.reader(file) if row)
        except UnicodeDecodeError:
            raise InputError(f"{path} is not text in UTF-8.") from None
        except csv.Error:
            raise InputError(f"{path} is not CSV.") from None
        except OSError as error:
            raise InputError(f"{path} can't be read ({error.strerror}).") from None

    def _identifiers(self, rows: Iterator[list[str]]) -> Iterator[str]:
        first = next(rows, None)
        if first is None:
            raise InputError("The file is empty.")
        names = [cell.strip().casefold() for cell in first]
        known = EMAIL_KEYS if self.mapping.is_email else {self.mapping.name.casefold()}
        column = next((at for at, name in enumerate(names) if name in known), None)
        if column is not None:
            lists = (at for at, name in enumerate(names) if name == self.list_name.casefold())
            yield from self._of(rows, column, next((at for at in lists if at != column), None))
        elif len(first) == 1 and clean(first[0], self.mapping).identifier is not None:
            yield from self._of([first], 0, None)
            yield from self._of(rows, 0, None)
        else:
            raise InputError(
                f"No column of the file's first row is called '{self.mapping.name}'. Give it a "
                "header row with that name, as Cordial's exports have with showHeader."
            )

    def _of(self, rows: Iterable[list[str]], column: int, flag: int | None) -> Iterator[str]:
        for row in rows:
            cells = [*row, *[""] * (max(column, flag or 0) + 1 - len(row))]
            if flag is not None and cells[flag].strip().lower() not in ON_LIST:
                self.elsewhere += 1
                continue
            identifier = clean(cells[column], self.mapping).identifier
            if identifier is None:
                self.unusable += 1
            else:
                yield identifier
