#!/usr/bin/env bash
# What .pre-commit-hooks.yaml starts in another repository: `jobs check` on the `jobs/` there, with the code that is here.
# Only what the check needs is on the path, so that the jobs of this repository can't be taken for those.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$here/dev/setup.sh" >&2
code=$here/.tools/hook
mkdir -p "$code"
ln -sfn ../../commands "$code/commands"
ln -sfn ../../provider "$code/provider"
PYTHONPATH=$code exec "$here/${VENV:-.venv}/bin/python" -m commands.main check "$@"
