#!/usr/bin/env bash
# What people do by hand, as fast as a script can: for each pod one `kubectl port-forward`, and through it a `curl` and
# a `go tool pprof -top` of each profile. No sleeps: kubectl says itself when the forward stands.
#
#   KUBECONFIG=… bench/sampling_baseline.sh NAMESPACE PORT PARALLEL PROFILES POD...
#
# PROFILES is "heap" or "heap goroutine". Prints one line a pod: its name and the first function of each listing ("-"
# for an empty profile). Fails when any pod could not be sampled.
set -euo pipefail

sample_one() {
  local namespace=$1 port=$2 profiles=$3 pod=$4 line local_port folder name
  folder=$(mktemp -d)
  coproc FORWARD { exec kubectl port-forward --namespace "$namespace" "pod/$pod" ":$port" 2>&1; }
  # shellcheck disable=SC2064 (the values of now are meant)
  trap "kill $FORWARD_PID 2>/dev/null || true; rm -rf '$folder'" EXIT
  read -r line <&"${FORWARD[0]}" # "Forwarding from 127.0.0.1:40123 -> 6060"
  local_port=${line#*127.0.0.1:}
  local_port=${local_port%% *}
  local listed=$pod
  for name in $profiles; do
    curl --silent --show-error --fail --output "$folder/$name" "http://127.0.0.1:$local_port/debug/pprof/$name"
    # The rows of the listing are numbers and a function; the first is the one that holds most.
    listed+=" $(go tool pprof -top -nodecount=10 "$folder/$name" 2>/dev/null |
      awk '$1 ~ /^[0-9.]+[kMG]?B?$/ && NF >= 6 && !top { top = $6 } END { print top ? top : "-" }')"
  done
  printf '%s\n' "$listed" # in one write, since others print too
}

if [[ ${1:-} == --one ]]; then
  shift
  sample_one "$@"
  exit
fi

namespace=$1 port=$2 parallel=$3 profiles=$4
shift 4
printf '%s\0' "$@" | xargs -0 -n 1 -P "$parallel" "$0" --one "$namespace" "$port" "$profiles"
