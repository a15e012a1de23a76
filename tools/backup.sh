#!/bin/sh
# Keeps a copy of all that is stored, and copies of the last fourteen days, for cron or a timer:
#
#   tools/backup.sh tracker.ini /var/backups/ponytracker
set -eu
umask 077

[ $# -eq 2 ] || { echo "usage: $0 INI FOLDER" >&2; exit 2; }
ini=$1 folder=$2 days=14

# That of this checkout's virtual environment, else whichever is installed.
ponytracker=$(dirname "$0")/../.venv/bin/ponytracker
[ -x "$ponytracker" ] || ponytracker=ponytracker

# What a backup left that was killed. One that runs writes to its own.
find "$folder" -maxdepth 1 -name '.ponytracker-*.part' -mtime +0 -delete
"$ponytracker" backup "$folder/ponytracker-$(date -u +%Y-%m-%dT%H%M%SZ).backup" --ini "$ini"
# Only now, so that a backup that fails or misses files leaves those that are there. Half a day less,
# since no two runs are a whole day apart: the one of so many days ago goes, whenever it was made.
find "$folder" -maxdepth 1 -name 'ponytracker-*.backup' -mmin "+$((days * 1440 - 720))" -delete
