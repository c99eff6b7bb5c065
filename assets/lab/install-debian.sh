# Installs the servers of the practice pipeline on Debian or Ubuntu: sh install-debian.sh postgres|mariadb …
# Neither package is let start a service of its own.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
packages=
for server in "$@"; do
  case $server in
    postgres) packages="$packages postgresql" ;;
    mariadb)
      # Older releases have the version in the name.
      for name in mariadb-server-core mariadb-client-core; do
        found=$(apt-cache search --names-only "^$name(-[0-9.]+)?\$" | cut -d' ' -f1 | sort | head -n 1)
        packages="$packages ${found:-$name}"
      done ;;
  esac
done
create=/etc/postgresql-common/createcluster.d/cdc-doctor-lab.conf
mkdir -p "${create%/*}"
trap 'rm -f "$create"' EXIT
echo 'create_main_cluster = false' >"$create"
# shellcheck disable=SC2086 # the list is meant to be split
apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends $packages >/dev/null
