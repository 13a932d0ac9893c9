#!/usr/bin/env bash
# The main job, twice: day 1 fills the lists, day 2 brings joiners, leavers and changed addresses.
# Runs inside `cordial-sandbox run`, which sets both plugins up for the sandbox.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export MELTANO_DATABASE_URI="sqlite:///$work/meltano.db"

sync() { # the run's whole log is long: show what the target says of it
    local code=0
    meltano run tap-amplitude target-cordial >"$work/run.log" 2>&1 || code=$?
    grep -oE 'target-cordial +(Run|List|Cohort) .*' "$work/run.log" || tail -n 20 "$work/run.log"
    return "$code"
}
say() { printf '\n== %s\n\n' "$*"; }

say "Day 1: meltano run tap-amplitude target-cordial"
sync
cordial-sandbox lists --json >"$work/day1.json"

say "Day 2: people joined, left, and changed their address; the same command again"
cordial-sandbox day 2
sync
cordial-sandbox lists --json >"$work/day2.json"

say "The lists, day 1 to day 2"
python "$here/compare.py" "$work/day1.json" "$work/day2.json"
echo "Carla changed her address: the new one joined, the old one left, on both her lists."
echo "familie.berg@ is shared by two users: one left the cohort, the address stays."

say "The same day once more, everything downloaded again: no write call"
calls=$(cordial-sandbox calls --write | wc -l)
TAP_AMPLITUDE_SKIP_UNCHANGED=false sync
again=$(($(cordial-sandbox calls --write | wc -l) - calls))
echo "write calls: $again"
[ "$again" -eq 0 ]
