#!/bin/bash
# Builds the Debian packages of HEAD into a folder. usage: packaging/build-deb.sh [--check] OUT
# Works in a temporary folder and leaves the tree alone. As root it installs what the build needs
# (debian/control, Build-Depends); another user is told what is missing.
# Where lintian is installed it reads the packages, and its errors and warnings are failures;
# --check insists on it.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
usage() {
  echo "usage: packaging/build-deb.sh [--check] OUT" >&2
  exit 2
}
check=no
if [ "${1:-}" = --check ]; then
  check=yes
  shift
fi
case ${1:-} in
  '' | -*) usage ;;
esac
[ $# = 1 ] || usage
mkdir -p "$1"
out=$(readlink -f "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/tertulia-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT

if [ "$(id -u)" = 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -y -q --no-install-recommends build-essential git debhelper
  [ $check = no ] || apt-get install -y -q --no-install-recommends lintian
fi
# Said before the minutes of a build, not after them
if [ $check = yes ] && ! command -v lintian >/dev/null; then
  echo "build-deb.sh: --check needs lintian: apt-get install lintian" >&2
  exit 2
fi
git archive --format=tar --prefix=tertulia/ HEAD | tar -x -C "$work"
cd "$work/tertulia"
# A real folder: a link at this place breaks dpkg-source.
cp -r packaging/debian debian
if [ "$(id -u)" = 0 ]; then
  apt-get build-dep -y -q --no-install-recommends ./
fi
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  # dpkg-buildpackage gives the build another home
  CCACHE_DIR=${CCACHE_DIR:-$(ccache --get-config cache_dir)}
  export CCACHE_DIR CCACHE_BASEDIR="$work" CCACHE_NOHASHDIR=1
fi
DEB_BUILD_OPTIONS="parallel=$(nproc) ${DEB_BUILD_OPTIONS:-}" dpkg-buildpackage -us -uc -b
find "$work" -maxdepth 1 -type f \( -name '*.deb' -o -name '*.ddeb' -o -name '*.changes' \
  -o -name '*.buildinfo' \) -exec cp -t "$out" {} +
ls -l "$out"
if command -v lintian >/dev/null; then
  lintian --allow-root --fail-on error,warning "$work"/*.changes
  echo "lintian: no errors, no warnings"
fi
