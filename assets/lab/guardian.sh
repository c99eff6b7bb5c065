# Removes a folder of throw-away servers, and stops those servers, once standard input ends.
# $1: the folder. Standard input is a pipe that only the owning program holds, so it ends when that program does,
# however it ends. The word "keep" on it means: leave everything running.
trap '' INT HUP TERM QUIT
folder=$1
while read -r word; do
  if [ "$word" = keep ]; then exit 0; fi
done

# Only what carries our mark is ever removed.
[ -f "$folder/.cdc-doctor-servers" ] || exit 0

# A server that is just being started writes its process id below the folder first; after this it cannot any more.
gone=$folder.gone
mv "$folder" "$gone" || exit 1

alive() { kill -0 "$1" 2>/dev/null && ! grep -q ') Z ' "/proc/$1/stat" 2>/dev/null; }
# Process ids are used again, so the process must also have our folder on its command line.
ours() {
  if [ -r "/proc/$1/cmdline" ]; then tr '\0' ' ' <"/proc/$1/cmdline" | grep -qF "$folder/"
  else ps -o args= -p "$1" 2>/dev/null | grep -qF "$folder/"; fi
}
pids=
for file in "$gone"/*/pid; do
  [ -f "$file" ] || continue
  pid=$(cat "$file")
  case $pid in '' | *[!0-9]*) continue ;; esac
  if alive "$pid" && ours "$pid"; then pids="$pids $pid"; fi
done

# QUIT stops PostgreSQL at once but lets it free its shared memory; the others just stop.
for pid in $pids; do kill -s QUIT -- "-$pid" 2>/dev/null; done
for pid in $pids; do
  tries=0
  while alive "$pid" && [ "$tries" -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
  kill -s KILL -- "-$pid" 2>/dev/null
done

# A PostgreSQL that was killed the hard way has left a shared memory segment; its lock file names it.
for lock in "$gone"/*/data/postmaster.pid; do
  [ -f "$lock" ] || continue
  segment=$(sed -n '7s/^ *[0-9]* *\([0-9]*\) *$/\1/p' "$lock")
  [ -z "$segment" ] || ipcrm -m "$segment" 2>/dev/null
done

tries=0
until rm -rf "$gone" 2>/dev/null || [ "$tries" -ge 50 ]; do sleep 0.1; tries=$((tries + 1)); done
