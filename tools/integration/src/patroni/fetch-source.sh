#!/bin/sh
# fetch-source.sh ROOT FOLDER   Fetches the source of the Patroni that is installed in the image ROOT into FOLDER. Debian removes the .dsc
# of a superseded security upload, but keeps the original tarball, which contains the tests.
set -eu
root=$1 folder=$2
[ ! -e "$folder" ] || exit 0
work=$folder.$$
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/source"
sed 's/^deb /deb-src /' "$root/etc/apt/sources.list" >"$work/sources.list"
apt() {
  apt-get -qq -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o Dir::Etc::sourcelist="$work/sources.list" \
    -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::trustedparts="$root/etc/apt/trusted.gpg.d" -o APT::Sandbox::User=root "$@"
}
version=$(chroot "$root" dpkg-query --show --showformat='${Version}' patroni)
apt update
cd "$work/source"
apt source --download-only "patroni=$version" || echo 'not everything of the source package is there' >&2
tar --extract --gzip --strip-components=1 --file "patroni_${version%%-*}.orig.tar.gz"
mv "$work/source" "$folder"
