#!/bin/bash
# Writes one line on the energy of the last interval, from the load of the box.
read -r load _ </proc/loadavg
read -r up _ </proc/uptime
printf '{"box":"%s","uptime_s":%s,"load1":%s,"replica":%s}\n' "$HOLDFAST_NODE" "$up" "$load" "$HOLDFAST_REPLICA"
