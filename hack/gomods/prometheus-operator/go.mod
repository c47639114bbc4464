module leakwarden.dev/hack/prometheus-operator

go 1.26.0

// Only its folder example/prometheus-operator-crd is read: what ServiceMonitor and PrometheusRule may say.
require github.com/prometheus-operator/prometheus-operator v0.85.0
