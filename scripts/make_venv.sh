#!/bin/sh
# Make a virtual environment with pip in it: make_venv.sh PYTHON DIRECTORY
# Debian ships `python3 -m venv` without ensurepip, so there are three ways, tried in turn.
set -eu

python="$1"
directory="$2"

if [ -z "$python" ]; then
    echo "No Python 3.11 or later was found. Install one, or name it: make PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is older than Python 3.11. Name another: make PYTHON=/path/to/python3" >&2
    exit 1
fi

has_pip() {
    "$directory/bin/python" -m pip --version >/dev/null 2>&1
}

with_venv() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null || return 1
    "$python" -m venv "$directory" && has_pip
}

with_virtualenv() {
    rm -rf "$directory"
    "$python" -m virtualenv --quiet "$directory" 2>/dev/null && has_pip
}

with_borrowed_virtualenv() {  # pip without venv: put virtualenv aside, leave the system alone
    rm -rf "$directory"
    borrowed="$(mktemp -d)"
    status=1
    if "$python" -m pip install --quiet --target "$borrowed" virtualenv 2>/dev/null; then
        PYTHONPATH="$borrowed" "$python" -m virtualenv --quiet "$directory" && has_pip && status=0
    fi
    rm -rf "$borrowed"
    return $status
}

with_debian_package() {  # only as root, who may install packages without being asked
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
    echo "Installing Debian's python3-venv, which '$python -m venv' needs" >&2
    rm -rf "$directory"
    { apt-get install -y -qq python3-venv || { apt-get update -qq && apt-get install -y -qq python3-venv; }; } \
        >/dev/null 2>&1 && "$python" -m venv "$directory" && has_pip
}

if with_venv || with_virtualenv || with_borrowed_virtualenv || with_debian_package; then
    exit 0
fi
rm -rf "$directory"
echo "'$python -m venv' cannot make an environment here (Debian keeps that part in a package)." >&2
echo "Run: sudo apt-get install python3-venv   and then the same make command again." >&2
exit 1
