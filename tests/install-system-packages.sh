#!/bin/sh
# Installs what the tests with browsers and with foreign WebRTC stacks need and pip cannot bring: with apt-get when it may,
# else it says what is missing. Never fails: the tests that need a missing program skip, and say so.
set -u

has() { command -v "$1" >/dev/null 2>&1; }

# The system's own Python, for GStreamer's packages bring their bindings to no other.
has_gstreamer() {
  /usr/bin/python3 "$(dirname "$0")/interop/gstreamer_peer.py" >/dev/null 2>&1
}

may_install=
updated=
[ "$(id -u)" = 0 ] && has apt-get && may_install=yes

# want WHAT PACKAGE...: one thing at a time, so that what cannot be had takes nothing else with it
want() {
  what=$1
  shift
  if [ -z "$may_install" ]; then
    echo "MISSING: $what. The tests that need it will be skipped. On Debian: sudo apt-get install $*"
    return
  fi
  echo "Installing for the tests: $*"
  [ -n "$updated" ] || apt-get update -qq >/dev/null 2>&1
  updated=yes
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 ||
    echo "MISSING: $what. apt-get could not install $*; the tests that need it will be skipped."
}

has chromium || has chromium-browser || has google-chrome || want Chromium chromium
has firefox-esr || has firefox || want Firefox firefox-esr
{ has node && has npm; } || want Node.js nodejs npm
has redis-server || want Redis redis-server
has_gstreamer || want GStreamer python3-gst-1.0 gir1.2-gst-plugins-bad-1.0 gstreamer1.0-plugins-base \
  gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-nice
# Their packages start services where systemd runs: there, whoever wants them installs them.
if [ ! -d /run/systemd/system ]; then
  has systemd-analyze || want systemd-analyze systemd
  has caddy || want Caddy caddy
  has nginx || [ -x /usr/sbin/nginx ] || want nginx nginx-light
fi
exit 0
