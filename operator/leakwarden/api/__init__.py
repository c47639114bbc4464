"""The LeakPolicy API, `leakwarden.io/v1alpha1`: its words, its spec and its status. No I/O, no clock."""

GROUP = "leakwarden.io"
VERSION = "v1alpha1"
PLURAL = "leakpolicies"
KIND = "LeakPolicy"

OPT_OUT_ANNOTATION = "leakwarden.io/opt-out"
"""On a pod, `"true"`: neither sampled nor acted on."""
PORT_ANNOTATION_PREFIX = "port.leakwarden.io/"
"""On a pod, `port.leakwarden.io/<endpoint name>: "6061"` overrides that endpoint's port."""
SUMMARY_ANNOTATION = "leakwarden.io/leak"
"""Written by mode Annotate onto a leaking pod, removed when the finding resolves."""
