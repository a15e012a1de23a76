#!/bin/sh
# Runs the worker that delivers mail, with celery.enabled = true in the ini file:
#
#   tools/worker.sh production.ini [--concurrency 2 …]
#
# It also asks each minute for what is due again (--beat). Several may run, here and elsewhere.
set -eu

[ $# -ge 1 ] || { echo "usage: $0 INI [option of celery worker]..." >&2; exit 2; }
ini=$1
shift

# That of this checkout's virtual environment, else whichever is installed.
celery=$(dirname "$0")/../.venv/bin/celery
[ -x "$celery" ] || celery=celery
# Workers have nothing to tell each other; Celery's ways of doing so fail loudly when Redis goes.
exec "$celery" -A ponytracker.celery worker --beat --ini "$ini" \
    --without-gossip --without-mingle "$@"
