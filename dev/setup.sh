#!/bin/sh
# Makes a virtual environment from the lock files, each package checked against its hash; does nothing where that is done.
#
# VENV (.venv) is its folder. PYTHON is the Python to make it with; without it, the one that is there already stays, and
# a new environment gets python3. uv installs in half of pip's time; pip does it where uv can't, since only pip reads
# pip's own settings (an index or a certificate of a closed network).
set -eu
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
lock=requirements-dev.txt
uv=.tools/uv/bin/uv

say() { echo "setup:   $*"; }
version_of() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true; }

# An environment whose Python, or whose largest package, is gone is none.
here=$(ls "$venv"/lib/python*/site-packages/pulumi/__init__.py >/dev/null 2>&1 && version_of "$venv/bin/python" || true)
python=${PYTHON:-python3}
if [ -z "${PYTHON:-}" ] && [ -n "$here" ]; then
  python=$venv/bin/python
fi
version=$(version_of "$python")
wanted="$version $(cat $lock requirements-uv.txt | cksum)"
if [ "$here" = "$version" ] && [ "$(cat "$venv/.stamp" 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
  say "Python 3.11 or newer is needed, and $python is not: set PYTHON=/path/to/python3.11" >&2
  exit 1
}
say "$venv with Python $version and the packages of $lock"
if [ "$here" != "$version" ]; then
  rm -rf "$venv"
  "$python" -m venv "$venv"
fi
rm -f "$venv/.stamp"
pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes"
if [ "$(cat .tools/uv/.stamp 2>/dev/null)" != "$(cksum <requirements-uv.txt)" ]; then
  rm -rf .tools/uv
  $pip --target .tools/uv -r requirements-uv.txt && cksum <requirements-uv.txt >.tools/uv/.stamp || say "uv can't be installed here"
fi
$uv pip sync --quiet --compile-bytecode --require-hashes --python "$venv/bin/python" $lock || {
  say "uv could not install the packages, so pip does"
  $pip -r $lock
}
echo "$wanted" >"$venv/.stamp"
