{{/* Name of the release's objects: at most 50 characters, so that suffixes fit into 63, and one that a Service may have. */}}
{{- define "leakwarden.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | replace "." "-" -}}
{{- $short := default $full .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- if not (regexMatch "^[a-z]" $short) -}}
{{- fail (printf "the Service cannot be named %s, which begins with a digit: set fullnameOverride" $short) -}}
{{- end -}}
{{- $short -}}
{{- end -}}

{{/* What the schema cannot say. The operator would refuse it, or worse, when the release is changed already. */}}
{{- define "leakwarden.checks" -}}
{{- $lease := .Values.leaderElection -}}
{{- if gt (float64 $lease.renewDeadline) (mulf 0.75 $lease.duration) -}}
{{- fail "leaderElection.renewDeadline must be at most three quarters of leaderElection.duration" -}}
{{- end -}}
{{- if gt (float64 $lease.retry) (mulf 0.5 $lease.renewDeadline) -}}
{{- fail "leaderElection.retry must be at most half of leaderElection.renewDeadline" -}}
{{- end -}}
{{- if hasSuffix (printf ":%v" .Values.service.port) (default "" .Values.settings.inspect) -}}
{{- fail (printf "service.port and settings.inspect cannot both have port %v: the operator listens on both" .Values.service.port) -}}
{{- end -}}
{{- if and .Values.persistence.enabled .Values.persistence.existingClaim (gt (int .Values.replicas) 1) -}}
{{- fail "persistence.existingClaim is for one replica, since each keeps its own state: set replicas: 1, or leave existingClaim empty" -}}
{{- end -}}
{{- $ours := list "LEAKWARDEN_LEASE_NAME" -}}
{{- range include "leakwarden.env" . | fromYamlArray }}{{ $ours = append $ours .name }}{{ end -}}
{{- range .Values.extraEnv -}}
{{- if has .name $ours -}}
{{- fail (printf "extraEnv cannot set %s: the chart does, and grants rights by it; there is a value for what may be changed" .name) -}}
{{- end -}}
{{- end -}}
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
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* Labels of every object; the component tells the operator's own pods from those of hooks and tests. */}}
{{- define "leakwarden.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
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

{{/* For the pods of hooks and tests: where they may run, and who pulls their image. */}}
{{- define "leakwarden.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{/* One role and its binding, for hooks. Called with root, name, account, namespace (empty: the whole cluster), rules. */}}
{{- define "leakwarden.hookRole" -}}
{{- $kind := ternary "Role" "ClusterRole" (ne .namespace "") }}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  labels: {{- include "leakwarden.labels" .root | nindent 4 }}
  annotations: {{- include "leakwarden.cleanupHook" (dict "weight" "-1") | nindent 4 }}
rules: {{- toYaml .rules | nindent 0 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  labels: {{- include "leakwarden.labels" .root | nindent 4 }}
  annotations: {{- include "leakwarden.cleanupHook" (dict "weight" "-1") | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: {{ $kind }}, name: {{ .name }}}
subjects:
- {kind: ServiceAccount, name: {{ .account }}, namespace: {{ .root.Release.Namespace | quote }}}
{{- end -}}

{{- define "leakwarden.cleanupHook" -}}
helm.sh/hook: post-delete
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
