# Sourced after setup.sh: what is installed, and what goes into a managed plugin.
#
#   need_build             compiles the project if anything has changed since it was
#   copy_package DIR       the runnable package: dist, the launcher, the dependencies and Node

need_build() {
  need_node
  local changed
  # as in scripts/netctl
  changed=$(cd "$PROJECT" && find src drivers plugins package.json tsconfig.build.json -cnewer dist/.built -print -quit 2>/dev/null) || changed=unknown
  if [ -n "$changed" ]; then say 'building'; "$PROJECT/scripts/build"; fi
}

copy_package() {
  local folders
  folders=$(cd "$PROJECT" && node scripts/production-packages.ts) || return
  mkdir -p "$1"
  # programs only: no types, sources, maps and manuals
  # shellcheck disable=SC2086 # a word a folder
  (cd "$PROJECT" && tar -c --exclude='*.d.ts' --exclude='*.d.cts' --exclude='*.d.mts' --exclude='*.map' --exclude='*.md' \
    --exclude='node_modules/node-linux-*/share' --exclude='node_modules/node-linux-*/include' \
    --exclude='node_modules/zod/src' --exclude='node_modules/koffi/doc' --exclude='node_modules/@koromix/*/musl_*' \
    package.json scripts/netctl dist $folders) | tar -x -C "$1" --no-same-owner
}
