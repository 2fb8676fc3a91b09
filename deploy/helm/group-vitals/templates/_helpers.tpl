{{- define "vitals.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "vitals.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "vitals.labels" -}}
{{ include "vitals.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "vitals.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Settings as variables, not as a file: the Job before an install, when no ConfigMap is there yet, has them too. */}}
{{- define "vitals.env" -}}
{{- range $name, $value := .Values.settings }}
- name: VITALS_{{ upper $name }}
  value: {{ (kindIs "float64" $value | ternary ($value | toJson) ($value | toString)) | quote }}
{{- end }}
{{- range $name, $file := .Values.files }}
{{- if or $file.configMap $file.secret }}
- name: VITALS_{{ upper $name }}
  value: /etc/vitals/{{ $name }}/{{ $file.key }}
{{- end }}
{{- end }}
{{- end }}

{{/* What every container of ours mounts, and the volumes of it. dict: root, secrets (list), brands */}}
{{- define "vitals.mounts" -}}
{{- if or .secrets .root.Values.secrets.kafka.name }}
- {name: secrets, mountPath: /var/lib/vitals/secrets, readOnly: true}
{{- end }}
{{- range $name, $file := .root.Values.files }}
{{- if or $file.configMap $file.secret }}
- {name: file-{{ $name | replace "_" "-" }}, mountPath: /etc/vitals/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}
{{- end }}

{{- define "vitals.volumes" -}}
{{- if or .secrets .root.Values.secrets.kafka.name }}
{{ include "vitals.secretVolume" . }}
{{- end }}
{{- range $name, $file := .root.Values.files }}
{{- if $file.configMap }}
- name: file-{{ $name | replace "_" "-" }}
  configMap: {name: {{ $file.configMap }}}
{{- else if $file.secret }}
- name: file-{{ $name | replace "_" "-" }}
  secret: {secretName: {{ $file.secret }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- end }}

{{/* dict: root, secrets (names of .Values.secrets whose one key becomes a file of that name) */}}
{{- define "vitals.secretVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- $root := .root }}
      {{- $named := default list .secrets }}
      {{- if .root.Values.secrets.kafka.name }}{{ $named = append $named "kafka" }}{{ end }}
      {{- range $named }}
      {{- $secret := index $root.Values.secrets . }}
      - secret:
          name: {{ required (printf "secrets.%s.name: name the Secret that holds this password" .) $secret.name }}
          items: [{key: {{ $secret.key }}, path: {{ . }}}]
      {{- end }}
      {{- if and .brands $root.Values.secrets.brands.name }}
      - secret:
          name: {{ $root.Values.secrets.brands.name }}
      {{- end }}
{{- end }}

{{- define "vitals.podSettings" -}}
enableServiceLinks: false # a Service called vitals-clickhouse would otherwise set VITALS_CLICKHOUSE_PORT
automountServiceAccountToken: false
{{- with .Values.serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "vitals.containerSettings" -}}
image: {{ include "vitals.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* The pod of a part. dict: root, part, args (list), resources, secrets (list), brands, volumes, mounts (lists), homeClaim */}}
{{- define "vitals.pod" -}}
metadata:
  labels:
    {{- include "vitals.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .part }}
    {{- with .root.Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- if or .checksum .root.Values.podAnnotations }}
  annotations:
    {{- with .checksum }}
    checksum/config: {{ . }}
    {{- end }}
    {{- with .root.Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- end }}
spec:
  {{- include "vitals.podSettings" .root | nindent 2 }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "vitals.selector" .root | nindent 10 }}
          app.kubernetes.io/component: {{ .part }}
  containers:
    - name: {{ .part }}
      {{- include "vitals.containerSettings" .root | nindent 6 }}
      {{- with .command }}
      command: {{ toJson . }}
      {{- end }}
      {{- with .args }}
      args: {{ toJson . }}
      {{- end }}
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        {{- include "vitals.env" .root | trim | nindent 8 }}
        {{- if .args }}
        - name: VITALS_METRICS
          value: "0.0.0.0:9464"
      ports:
        - {name: metrics, containerPort: 9464}
      livenessProbe:
        httpGet: {path: /live, port: metrics}
        initialDelaySeconds: 10
        periodSeconds: 15
        timeoutSeconds: 5
        failureThreshold: 4
      readinessProbe:
        httpGet: {path: /ready, port: metrics}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
        {{- end }}
      resources: {{ toYaml .resources | nindent 8 }}
      volumeMounts:
        - {name: home, mountPath: /var/lib/vitals}
        - {name: tmp, mountPath: /tmp}
        {{- include "vitals.mounts" . | nindent 8 }}
        {{- with .mounts }}{{ toYaml . | nindent 8 }}{{ end }}
  volumes:
    {{- if not .homeClaim }}
    - name: home
      emptyDir: {sizeLimit: 256Mi}
    {{- end }}
    - name: tmp
      emptyDir: {sizeLimit: 1Gi}
    {{- include "vitals.volumes" . | nindent 4 }}
    {{- with .volumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}

{{/* A StatefulSet: its pods keep their names. As vitals.pod, and replicas, claim (dict: name, size, storageClass). */}}
{{- define "vitals.statefulSet" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ include "vitals.name" .root }}-{{ .part }}
  labels:
    {{- include "vitals.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .part }}
spec:
  serviceName: {{ include "vitals.name" .root }}
  replicas: {{ .replicas }}
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      {{- include "vitals.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .part }}
  template: {{ include "vitals.pod" . | nindent 4 }}
  {{- with .claim }}
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: {{ .name }}}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources: {requests: {storage: {{ .size }}}}
  {{- end }}
{{- end }}
