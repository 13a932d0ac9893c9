#!/usr/bin/env bash
# What happens when things go wrong. Every run here is *meant* to end non-zero, but the two that
# follow a remedy; the script fails if one of them does not.
# Runs inside `cordial-sandbox run`, which sets both plugins up for the sandbox.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export MELTANO_DATABASE_URI="sqlite:///$work/meltano.db"
ledgers=$(dirname "${TARGET_CORDIAL_LEDGER_URL#sqlite:///}")

say() { printf '\n== %s\n\n' "$*"; }
lists() { cordial-sandbox lists --json >"$work/$1.json"; }
expect() { # expect good|bad COMMAND…
    local want=$1 code=0
    shift
    "$@" || code=$?
    printf '\n-> exit code %s\n' "$code"
    if { [ "$want" = good ] && [ "$code" -ne 0 ]; } || { [ "$want" = bad ] && [ "$code" -eq 0 ]; }; then
        echo "That was not to be expected: the demonstration failed." >&2
        exit 1
    fi
}
sync() { # the run's whole log is long: show what the target says of it
    local code=0
    meltano run tap-amplitude target-cordial >"$work/run.log" 2>&1 || code=$?
    grep -oE 'target-cordial +(Run|List|Cohort) .*' "$work/run.log" || tail -n 20 "$work/run.log"
    return "$code"
}
fresh() { # a ledger and a sandbox of its own for each story
    export TARGET_CORDIAL_LEDGER_URL="sqlite:///$ledgers/$1.db"
    cordial-sandbox reset
    rm -f "$work/meltano.db"
}

say "Two cohorts come to one list name: neither is written, the others are"
fresh names
export TAP_AMPLITUDE_COHORT_NAMES='["active users", "Win back", "winback"]'
expect bad sync
cordial-sandbox lists

say "A tap dies half way: people are added, nobody is removed"
fresh dying
export TAP_AMPLITUDE_COHORT_NAMES='["active users"]'
expect good sync
lists before
cordial-sandbox day 2
tap-amplitude --config ENV >"$work/day2.jsonl" 2>/dev/null
members=$(grep -n '"stream":"cohort_members"' "$work/day2.jsonl" | grep -c '"type":"RECORD"')
echo "The tap would send $members members; its pipe breaks after a few of them, before the marker."
head -n 10 "$work/day2.jsonl" >"$work/half.jsonl"
expect bad target-cordial --config ENV --input "$work/half.jsonl"
lists after
python "$here/compare.py" "$work/before.json" "$work/after.json"

say "30 of 40 members are gone over night: their removal is withheld"
fresh mass
export TAP_AMPLITUDE_COHORT_NAMES='["Loyalty members"]'
expect good sync
lists before
cordial-sandbox day 3
expect bad sync
cordial-ledger status
lists after
python "$here/compare.py" "$work/before.json" "$work/after.json" | sed -n 1p

say "Somebody looks, and approves; the next run needs no new download"
expect good cordial-ledger approve 40loyal --up-to 30
expect good sync
lists after
python "$here/compare.py" "$work/before.json" "$work/after.json" | sed -n 1p
