# Names for what one does often. Each is one command; the work is in ./test, scripts/ and cargo.

# Lists the names.
default:
    @just --list

# The one test command: everything, or the steps named.
test *STEPS:
    ./test {{STEPS}}

# Formatting, clippy, documentation.
lint:
    ./test lint

# The documentation, warnings being errors.
doc:
    ./test doc

# Licences, bans, sources and advisories of what we depend on.
deny:
    scripts/install deny
    ./test deny advisories

# Types of the code for macOS.
macos-check:
    scripts/install packages python
    ./test macos

# A fleet at work, in a temporary home.
demo *ARGS:
    cargo run --release -p gaia-cli -- demo {{ARGS}}

# The figures, taken on what is shipped.
bench *ARGS:
    scripts/install packages python
    .tools/venv/bin/pip install --quiet --no-deps --force-reinstall .
    cargo run --profile dist -p gaia-cli -- bench {{ARGS}}

# Takes the snapshots anew: read the difference before it is committed.
snapshots *FILTER:
    INSTA_UPDATE=always INSTA_FORCE_PASS=1 cargo nextest run --workspace {{FILTER}}
    git diff --stat -- '*.snap'

# The binaries for Linux and macOS, into dist/.
release *TARGETS:
    scripts/install packages python
    scripts/release {{TARGETS}}

# The Python module as it is installed, tested in its venv.
python *ARGS:
    scripts/install python
    scripts/python-tests {{ARGS}}

# Wheels of the Python module for Linux and macOS, into dist/.
wheels *TARGETS:
    scripts/install packages python
    scripts/wheels {{TARGETS}}
