#!/bin/sh
# Installs what the browser and libwebrtc tests need and pip cannot bring: with apt-get when it may, else it says what
# is missing. Never fails: the tests that need a missing program skip, and say so.
set -u

missing=
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
  command -v google-chrome >/dev/null 2>&1 || missing="chromium"
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing for the tests:$missing"
  # shellcheck disable=SC2086 - one word per package
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
    >/dev/null 2>&1 || echo "MISSING: apt-get could not install:$missing. The tests that need them will be skipped."
else
  echo "MISSING:$missing. The tests that need them will be skipped. On Debian: sudo apt-get install$missing"
fi
exit 0
