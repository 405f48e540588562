# The lock of a site, as proxy/state/lease.ts has it, by a shell alone: for a server that has no tool yet, or another one.

# TOKEN ABOUT
lease_text() {
  printf '{"token":"%s","pid":%s,"until":%s000,"about":%s}\n' "$1" $$ $(($(date +%s) + 30)) "$2"
}

# FILE
lease_token() {
  sed -n 's/.*"token":"\([^"]*\)".*/\1/p' "$1" 2>/dev/null
}

# FILE: lapsed, or none at all; one from far ahead was written by a clock that has been set back since
lease_is_free() {
  until=$(sed -n 's/.*"until":\([0-9]*\).*/\1/p' "$1" 2>/dev/null)
  now=$(date +%s)
  [ -z "$until" ] || [ "$until" -le "${now}000" ] || [ "$until" -gt "$((now + 60))000" ]
}

# SITE TOKEN ABOUT: of several that try, one has its way
lease_take() {
  new=$(mktemp "$1/lock.json.XXXXXX") || exit 1
  lease_text "$2" "$3" >"$new" || exit 1
  if ln "$new" "$1/lock.json" 2>/dev/null; then
    rm -f "$new"
    return 0
  fi
  seen=$(lease_token "$1/lock.json")
  turn="$1/lock.json.after-${seen:-none}"
  if lease_is_free "$1/lock.json" && ln "$new" "$turn" 2>/dev/null; then
    if [ "$(lease_token "$1/lock.json")" = "$seen" ]; then
      mv "$new" "$1/lock.json"
      rm -f "$turn"
      return 0
    fi
    rm -f "$turn"
  elif lease_is_free "$1/lock.json" && lease_is_free "$turn"; then
    # Left behind by one that was killed right here: out of the way for the next try.
    rm -f "$turn"
  fi
  rm -f "$new"
  return 1
}

# SITE TOKEN ABOUT: 1 when it has passed to another
lease_keep() {
  [ "$(lease_token "$1/lock.json")" = "$2" ] || return 1
  new=$(mktemp "$1/lock.json.XXXXXX") || return 1
  lease_text "$2" "$3" >"$new" && mv "$new" "$1/lock.json" && return 0
  rm -f "$new"
  return 1
}

# SITE TOKEN
lease_free() {
  [ "$(lease_token "$1/lock.json")" = "$2" ] && rm -f "$1/lock.json"
}
