"""Show two states of the sandbox's lists side by side: ``compare.py BEFORE AFTER``."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    """Print, per list, who stayed, joined and left."""
    before, after = (json.loads(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:3])
    for name in sorted(before.keys() | after.keys()):
        old, new = set(before.get(name, ())), set(after.get(name, ()))
        print(f"{name}: {len(old)} members before, {len(new)} after")
        for member in sorted(old | new):
            mark = " " if member in old & new else "+" if member in new else "-"
            word = {" ": "", "+": "joined", "-": "left"}[mark]
            print(f"  {mark} {member:<32} {word}".rstrip())
        print()


if __name__ == "__main__":
    main()
