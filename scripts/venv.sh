# Sourced by scripts/demo and scripts/check: `ready EXTRAS` makes .venv in the repository and installs dgls into it.
# A stamp in .venv remembers what was installed, so that a second run is quick. $PYTHON names another interpreter.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
python=$venv/bin/python

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

# Prints the first Python that is new enough.
find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.14; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
    die "there is no Python 3.11 or newer: install one (Debian: apt install python3 python3-venv), or name it in PYTHON"
}

# Makes .venv unless it is there and works.
make_venv() {
    "$python" -m pip --version >/dev/null 2>&1 && return
    local base
    base=$(find_python) || exit 1
    "$base" -c 'import ensurepip, venv' 2>/dev/null ||
        die "$base cannot make virtual environments: install its venv module (Debian: apt install python3-venv)"
    say "making $venv"
    "$base" -m venv --clear "$venv" || die "cannot make $venv: check the free space and the permissions"
}

# What an installation depends on: the package's needs, the pinned versions, and where all of it lies.
stamp_of() {
    { cat "$root/pyproject.toml" "$root/scripts/constraints.txt"; printf '%s\n' "$root"; "$python" --version; } | cksum
}

install() {
    "$python" -m pip install --quiet --quiet --disable-pip-version-check "$@" ||
        die "pip failed: see its message above; running this again goes on from here"
}

# Installs dgls with these extras ("local" or "local,finetune,dev"), once; two runs at a time wait for each other.
ready() {
    mkdir -p "$root/build"
    exec 9>"$root/build/venv.lock"
    if command -v flock >/dev/null; then flock 9; fi
    make_venv
    local stamp
    stamp=$(stamp_of)
    if [[ $(cat "$venv/stamp-$1" 2>/dev/null) != "$stamp" ]]; then
        say "installing torch for the CPU (about 200 MB, once)"
        install torch --constraint "$root/scripts/constraints.txt"
        say "installing dgls and what it needs"
        install --editable "$root[$1]" --constraint "$root/scripts/constraints.txt"
        printf '%s\n' "$stamp" | tee "$venv/stamp-$1" >"$venv/stamp-local"
    fi
    exec 9>&-
}
