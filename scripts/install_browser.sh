#!/bin/sh
# The browser tests want Chromium. Installs Debian's where that can be done without asking; never
# fails a run: without a browser those tests are skipped, and say so.
set -u
if command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "no chromium here and no way to install it: browser tests will be skipped" >&2
    exit 0
fi
# CJK font: pages and screenshots should look as they do on a steward's machine.
if ! { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
        --no-install-recommends chromium fonts-wqy-microhei; } >/dev/null 2>&1; then
    echo "chromium could not be installed: browser tests will be skipped" >&2
fi
exit 0
