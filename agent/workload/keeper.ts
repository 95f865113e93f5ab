/**
 * The keeper: a tiny process outside the agent that starts one workload, writes down how it ended, and for `onSplit: stop` work holds
 * the lease: when it passes, the whole process group is ended, whether the agent is dead, frozen or well.
 *
 * It is bash, because `read -t` on a FIFO waits without polling and without forks, in 3 MB. It lives in a string, so that the bundled
 * agent needs no second file. Time is /proc/uptime, which counts suspend; it wakes at least once a second to notice one.
 *
 * Arguments: DIRECTORY DEADLINE_MS STDIN -- COMMAND…   (DEADLINE_MS 0: no lease; STDIN: fifo or null)
 * It reads lines from DIRECTORY/control: `lease MS`, `pid N`, `exit N`. It writes DIRECTORY/process (`PID GROUP KEEPER`) and, at the
 * end, DIRECTORY/exit (`CODE REASON`).
 */
export const keeperScript = `#!/bin/bash
if [ "$1" = --inner ]; then
  shift
  trap : TERM INT HUP
  "$@" <&4 >>"$KEEPER_OUT" 2>&1 3>&- 4>&- &
  workload=$!
  printf 'pid %d\\n' "$workload" >&3
  code=0
  while :; do
    wait "$workload"; code=$?
    kill -0 "$workload" 2>/dev/null || break
  done
  printf 'exit %d\\n' "$code" >&3
  exit
fi
self=$0 dir=$1 deadline=$2 stdin=$3
shift 4
exec 3<>"$dir/control"
if [ "$stdin" = fifo ]; then exec 4<>"$dir/stdin"; else exec 4</dev/null; fi
export KEEPER_OUT=$dir/output
bound=()
if [ "$deadline" -gt 0 ] && command -v setpriv >/dev/null; then bound=(setpriv --pdeathsig KILL); fi
set -m
"\${bound[@]}" /bin/bash "$self" --inner "\${bound[@]}" "$@" &
group=$!
set +m
reason=ended code=-1
while :; do
  wait_for=1
  if [ "$deadline" -gt 0 ]; then
    read -r up _ </proc/uptime
    now=$((\${up/./}0))
    left=$((deadline - now))
    if [ "$left" -le 0 ]; then
      reason=lease-ended
      kill -KILL -- "-$group" 2>/dev/null
      break
    fi
    if [ "$left" -lt 1000 ]; then printf -v wait_for '0.%03d' "$left"; fi
  fi
  line=
  IFS= read -r -t "$wait_for" -u 3 line
  case $line in
    'lease '*) deadline=\${line#lease } ;;
    'pid '*) printf '%s %s %s\\n' "\${line#pid }" "$group" "$$" >"$dir/process.new" && /bin/mv "$dir/process.new" "$dir/process" ;;
    'exit '*) code=\${line#exit }; break ;;
    '') kill -0 -- "-$group" 2>/dev/null || { reason=killed; break; } ;;
  esac
done
# What the workload left behind in its group ends with it.
kill -KILL -- "-$group" 2>/dev/null
printf '%s %s\\n' "$code" "$reason" >"$dir/exit.new" && /bin/mv "$dir/exit.new" "$dir/exit"
`;
