# Puts the edge in the place of what serves, and sees to it that something does: FOLDER TOKEN ABOUT NGINX SERVICE...
# It runs by itself, whatever becomes of the laptop and the line, and ends within ten minutes: with the new edge, or with
# what served before. NGINX: `service` or `program`, as it runs, or `none`. What it says to the operator begins with `> `.
say() { echo "> $*"; }

# An engine that hangs ends nothing by itself.
docker() { timeout -k 5 "${patience:-180}" docker "$@"; }
# SECONDS ARGUMENT...: in a shell of its own, for to some what is set before the name of a function stays set
within() (
  patience=$1
  shift
  docker "$@"
)

stop_nginx() {
  case $nginx in
    service) systemctl stop nginx ;;
    program) nginx -s quit ;;
  esac
}

start_nginx() {
  case $nginx in
    service) systemctl start nginx ;;
    program) nginx ;;
  esac
}

# What is not here was to be pulled before anything was stopped: no registry is waited for in the dark.
up() {
  docker compose up -d --no-build --pull never "$@" && return 0
  within 20 compose logs --no-log-prefix --tail 20 preflight
  return 1
}

# CONTAINER: how it is, and how often it was started again
health() { within 20 inspect --format '{{.State.Health.Status}} {{.RestartCount}}' "$1"; }

# SECONDS
await_edge() {
  edge=$(docker compose ps -aq edge)
  late=$(($(date +%s) + $1))
  while [ "$(date +%s)" -lt "$late" ]; do
    state=$(health "$edge")
    case $state in healthy*) return 0 ;; esac
    # One that ends at once is started again and again.
    [ "${state##* }" -ge 4 ] 2>/dev/null && return 1
    sleep 1
  done
  return 1
}

# grep that finds nothing has not failed; one on a full disk has.
lines_of() { grep "$@" || [ $? = 1 ]; }

# FILE: as it was kept; of .env, what swaps have written since then goes on
text_of() {
  swapped='^(export )?((WEB|API)_(BLUE|GREEN)_IMAGE|COMPOSE_PROFILES)='
  if [ "${1##*/}" != .env ] || [ ! -f .env ]; then cat "$1"
  else lines_of -vE "$swapped" "$1" && lines_of -E "$swapped" .env; fi
}

# Each of them whole, or not at all.
put_files_back() {
  for file in site/before/files/* site/before/files/.env; do
    [ -f "$file" ] || continue
    to=${file##*/}
    new=$(mktemp "$to.XXXXXX") || return 1
    if ! text_of "$file" >"$new" || ! { sync "$new" 2>/dev/null || sync; }; then
      rm -f "$new"
      return 1
    fi
    [ "$to" = .env ] || [ "$(stat -c %a "$file")" = 600 ] || chmod 644 "$new"
    mv "$new" "$to" || return 1
  done
}

# What is kept is put back if it served when this began, or if nothing did. Else an earlier run has left it, and what
# serves now has the ports: an nginx that somebody has gone back to, or another edge.
is_to_return() {
  [ -d site/before ] || return 1
  if [ -n "$served" ]; then [ "$(cat site/before/edge)" = "$served" ]; else [ -z "$stopped" ]; fi
}

put_back() {
  say 'the new edge is not healthy; what served before is brought back'
  if [ -n "$stopped" ]; then
    # It has a minute for what it is at; and nothing serves meanwhile.
    within 80 compose stop edge
    start_nginx && say 'nginx serves again'
  fi
  is_to_return || return 0
  whole=yes
  put_files_back || whole=
  [ -n "$whole" ] || say 'not all of its files can be put back; is the disk full? They are in site/before/files'
  docker tag localhost/twinedge/proxy:before "$(cat site/before/image)"
  if docker compose up -d --no-build edge && await_edge 90; then
    [ -n "$whole" ] || { say 'an edge serves again, by what could be put back'; return 0; }
    say 'the edge of before serves again, with its .env, its compose files and its image'
    forget_before
  else
    say 'the edge of before does not come back either: docker compose logs edge'
  fi
} >site/bring-up/put-back.log 2>&1

forget_before() {
  rm -rf site/before
  docker rmi localhost/twinedge/proxy:before
} >/dev/null 2>&1

finish() {
  trap '' HUP INT TERM
  kill "$keeper" 2>/dev/null
  sync
  echo "$1" >site/bring-up/code.new && mv site/bring-up/code.new site/bring-up/code
  exit "$1"
}

fail() {
  trap '' HUP INT TERM
  within 20 logs "$(within 20 compose ps -aq edge)" >site/bring-up/edge.log 2>&1
  tail -n 20 site/bring-up/edge.log
  put_back
  grep '^> ' site/bring-up/put-back.log
  finish 1
}

bring_up() {
  cd "$1" || exit 1
  token=$2 about=$3 nginx=$4 stopped= served= keeper=
  shift 4
  trap fail HUP INT TERM
  # Nobody else changes anything here before this has ended. What fails on a full disk need not fail the next time.
  while kill -0 $$ 2>/dev/null; do lease_keep site "$token" "$about"; sleep 5; done >/dev/null 2>&1 &
  keeper=$!
  served=$(docker compose ps -q edge)
  case $(health "$served" 2>/dev/null) in healthy*) ;; *) served= ;; esac
  if [ "$nginx" != none ]; then
    stopped=yes
    say 'nginx is stopped'
    stop_nginx || fail
  fi
  up "$@" || fail
  say 'the edge is started; it is waited for until it is healthy'
  await_edge 120 || fail
  say 'the edge is healthy'
  if [ "$nginx" = service ]; then
    # Not before: whatever had ended this until now, a boot would have brought nginx back.
    systemctl disable nginx && say 'nginx is disabled: it does not start at boot any more'
  fi
  forget_before
  # What the new one takes the place of is of no more use.
  docker image prune --force --filter label=twinedge.tool >/dev/null
  finish 0
}
bring_up "$@"
