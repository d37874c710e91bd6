#!/bin/sh
# The locked Python environment in .local/venv: `environment.sh run` what `make up` needs, `environment.sh dev` the tests'
# packages too, `environment.sh docs` the documentation's packages beside either.
# Does nothing when the environment is as the lock says; one that a killed run left half-made is made again.
set -eu
cd "$(dirname "$0")/.."
lock=requirements/$1.lock
stamp=.local/venv/.installed-$1
done_already() { [ -e "$stamp" ] && cmp -s "$lock" "$stamp"; }
if done_already; then exit 0; fi

fail() { echo "error: $1; $2; log: $PWD/.local/log/python.log" >&2; exit 1; }
mkdir -p .local/log
# `make up` and `make test` may begin at the same time. (No flock outside Linux: there, one after the other.)
if command -v flock > /dev/null; then
  exec 9> .local/environment.lock
  flock -n 9 || { echo "waiting for another command that installs the Python packages ..." >&2; flock 9; }
  if done_already; then exit 0; fi
fi
log=.local/log/python.log
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null ||
  fail "Python 3.11 or newer is needed, '$python' is not" "install it, or say which one with PYTHON=..."
if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
  # Debian keeps these two modules in a package of their own.
  { [ "$(id -u)" = 0 ] && command -v apt-get; } > /dev/null 2>&1 ||
    fail "the Python modules venv and ensurepip are missing" "install python3-venv"
  echo "installing python3-venv ..." >&2
  # A machine that was just started may hold apt's lock for its own updates; a killed run may have left dpkg half-way.
  { apt-get -q update && dpkg --configure -a &&
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 install --yes python3-venv; } > "$log" 2>&1 ||
    fail "python3-venv could not be installed" "install it by hand"
fi
# The mark lies beside the environment while packages are installed: a killed run leaves it.
installing=.local/installing
if [ -e "$installing" ] || ! .local/venv/bin/python -c '' 2> /dev/null; then rm -rf .local/venv; fi
: > "$installing"
[ -x .local/venv/bin/pip ] || "$python" -m venv .local/venv > "$log" 2>&1 ||
  fail "the Python environment could not be made" "see the log"
echo "installing the Python packages of $lock ..." >&2
# All locks install into the same environment: what another one's stamp says may not hold any more. The packages of
# docs.lock that are in dev.lock too have the same versions there.
[ "$1" = docs ] || rm -f .local/venv/.installed-*
# Not compiled ahead: the AWS and Kubernetes SDKs are large, and a run imports a small part of them.
.local/venv/bin/pip install -q --no-compile --disable-pip-version-check --require-hashes -r "$lock" > "$log" 2>&1 ||
  { rm "$installing"
    fail "the Python packages could not be installed: $(tail -n 1 "$log")" "check the network, then run it again"; }
# The larger environment holds the smaller one.
[ "$1" != dev ] || cp requirements/run.lock .local/venv/.installed-run
cp "$lock" "$stamp"
rm "$installing"
