{{/* Name of the release's objects: at most 50 characters, so that suffixes fit into 63. */}}
{{- define "leakwarden.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "leakwarden.serviceAccount" -}}
{{- default (include "leakwarden.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "leakwarden.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "leakwarden.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* Labels of every object; the component tells the operator's own pods from those of hooks and tests. */}}
{{- define "leakwarden.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What the operator may do. One list of rules a step up, bound by ClusterRoles or by Roles (docs/permissions.md). */}}
{{- define "leakwarden.rules.observe" -}}
- apiGroups: [leakwarden.io]
  resources: [leakpolicies]
  verbs: [get, list, watch]
- apiGroups: [leakwarden.io]
  resources: [leakpolicies/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods/portforward]
  verbs: [get, create]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [get, create, patch]
{{- end -}}

{{- define "leakwarden.rules.annotate" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [patch]
{{- end -}}

{{- define "leakwarden.rules.evict" -}}
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
{{- end -}}

{{/* In the operator's own namespace only: the next two. */}}
{{- define "leakwarden.rules.journal" -}}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create]
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [leakwarden-journal]
  verbs: [get, update]
{{- end -}}

{{- define "leakwarden.rules.patterns" -}}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [list]
{{- end -}}

{{- define "leakwarden.rules.leader" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [leakwarden]
  verbs: [get, update]
{{- end -}}
