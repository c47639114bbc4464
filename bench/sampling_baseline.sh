#!/usr/bin/env bash
# What people do by hand, as fast as a script can: for each pod a `kubectl port-forward`, a `curl` of the heap profile
# through it, and `go tool pprof -top` on that. No sleeps: kubectl says itself when the forward stands.
#
#   KUBECONFIG=… bench/sampling_baseline.sh NAMESPACE PORT PARALLEL POD...
#
# Prints one line a pod: its name and the first function of the listing. Exits 1 when any pod could not be sampled.
set -euo pipefail

sample_one() {
  local namespace=$1 port=$2 pod=$3 line local_port profile forward
  profile=$(mktemp)
  coproc FORWARD { exec kubectl port-forward --namespace "$namespace" "pod/$pod" ":$port" 2>&1; }
  forward=$FORWARD_PID
  # shellcheck disable=SC2064 (the values of now are meant)
  trap "kill $forward 2>/dev/null || true; rm -f '$profile'" EXIT
  read -r line <&"${FORWARD[0]}" # "Forwarding from 127.0.0.1:40123 -> 6060"
  local_port=${line#*127.0.0.1:}
  local_port=${local_port%% *}
  curl --silent --show-error --fail --output "$profile" "http://127.0.0.1:$local_port/debug/pprof/heap"
  # The rows of the listing have six words or more; the first is the function that holds most, "-" an empty profile.
  go tool pprof -top -nodecount=10 "$profile" 2>/dev/null |
    awk -v pod="$pod" '$1 ~ /^[0-9.]+[kMG]?B?$/ && NF >= 6 && !top { top = $6 } END { print pod, top ? top : "-" }'
}

if [[ ${1:-} == --one ]]; then
  shift
  sample_one "$@"
  exit
fi

namespace=$1 port=$2 parallel=$3
shift 3
printf '%s\0' "$@" | xargs -0 -n 1 -P "$parallel" "$0" --one "$namespace" "$port"
