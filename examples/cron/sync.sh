#!/bin/sh
# Every hour, on one machine. In the crontab of an account of its own:
#
#   MAILTO=data-team@shop.example
#   17 * * * * /srv/cohorts/sync.sh
#
# cron sends a mail where a command says anything. So this one is silent, unless a run was not clean.
# The script lies in the Meltano project, beside its venv; keys are in its .env (mode 0600).
set -eu

cd "$(dirname "$0")"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# flock: a run that takes longer than an hour is not started a second time beside itself.
if ! flock --nonblock --conflict-exit-code 0 .sync.lock \
    venv/bin/meltano run tap-amplitude target-cordial >"$log" 2>&1; then
    cat "$log"
    exit 1
fi
