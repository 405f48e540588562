# FOLDER TOKEN ABOUT: takes the site and keeps it: with each line on stdin, which is what is known of it from then on,
# for half a minute more; until the line `free`. A laptop that dies says nothing, and it lapses.
keep() {
  umask 022
  mkdir -p "$1" || exit 1
  cd "$1" || exit 1
  umask 077
  mkdir -p site || exit 1
  if ! lease_take site "$2" "$3"; then
    echo "taken $(tr -d '\n' <site/lock.json)"
    exit 0
  fi
  echo ours
  while read -r about; do
    [ "$about" = free ] && break
    if lease_keep site "$2" "$about"; then echo ours; else echo lost; fi
  done
  if [ "$about" = free ]; then lease_free site "$2"; fi
}
keep "$@"
