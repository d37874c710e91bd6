#!/bin/sh
# The locked Python environment in .local/venv: `environment.sh run` what `make up` needs, `environment.sh dev` the tests'
# packages too. Does nothing when the environment is as the lock says; a half-made one is made again.
set -eu
cd "$(dirname "$0")/.."
lock=requirements/$1.lock
stamp=.local/venv/.installed-$1
if [ -e "$stamp" ] && cmp -s "$lock" "$stamp"; then exit 0; fi

fail() { echo "error: $1; $2; log: $PWD/.local/log/python.log" >&2; exit 1; }
mkdir -p .local/log
log=.local/log/python.log
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null ||
  fail "Python 3.11 or newer is needed, '$python' is not" "install it, or say which one with PYTHON=..."
if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
  # Debian keeps these two modules in a package of their own.
  { [ "$(id -u)" = 0 ] && command -v apt-get; } > /dev/null 2>&1 ||
    fail "the Python modules venv and ensurepip are missing" "install python3-venv"
  echo "installing python3-venv ..." >&2
  { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install --yes python3-venv; } > "$log" 2>&1 ||
    fail "python3-venv could not be installed" "install it by hand"
fi
[ -x .local/venv/bin/python ] && .local/venv/bin/python -c '' 2> /dev/null || rm -rf .local/venv
[ -x .local/venv/bin/pip ] || "$python" -m venv .local/venv > "$log" 2>&1 ||
  fail "the Python environment could not be made" "see the log"
echo "installing the Python packages of $lock ..." >&2
# Not compiled ahead: the AWS and Kubernetes SDKs are large, and a run imports a small part of them.
.local/venv/bin/pip install -q --no-compile --disable-pip-version-check --require-hashes -r "$lock" > "$log" 2>&1 ||
  fail "the Python packages could not be installed: $(tail -n 1 "$log")" "check the network, then run the same command again"
# The larger environment holds the smaller one.
cp "$lock" "$stamp"
[ "$1" = run ] || cp requirements/run.lock .local/venv/.installed-run
