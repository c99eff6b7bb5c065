#!/bin/sh
# Installs packages on Debian or Ubuntu without setting up or starting any service. Run as root.
# $@: package names; mariadb-server-core and mariadb-client-core also find older releases' names.
set -eu
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
no_cluster=/etc/postgresql-common/createcluster.d/cdc-doctor.conf
trap 'rm -f "$log" "$no_cluster"' EXIT
trap 'exit 1' HUP INT TERM

apt() {
  apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends "$@" </dev/null >"$log" 2>&1 && return
  cat "$log" >&2
  echo "apt-get $* failed" >&2
  exit 1
}

apt update
names=
for package; do
  case $package in
    mariadb-*-core)
      # Releases before Debian 12 and Ubuntu 24.04 have the version in the name.
      all=$(apt-cache search --names-only "^$package(-[0-9.]+)?\$" | cut -d' ' -f1 | sort -V)
      echo "$all" | grep -qx "$package" || package=$(echo "$all" | tail -n1)
      ;;
    postgresql)
      # Its package would set up a database and start it.
      apt install postgresql-common
      mkdir -p "${no_cluster%/*}"
      echo 'create_main_cluster = false' >"$no_cluster"
      ;;
  esac
  names="$names $package"
done
# Word splitting is meant: no package name has a space.
apt install $names
