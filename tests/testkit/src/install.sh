# Installs Debian packages without starting what they bring. Needs root.
#
# $@ the packages; standard input holds the lock that keeps two of us apart
set -u
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.d
cluster=$clusters/counterfoil-testkit.conf
made_policy= made_clusters=

leave() {
    [ -z "$made_policy" ] || rm -f "$policy"
    rm -f "$cluster"
    [ -z "$made_clusters" ] || rmdir -p "$clusters" 2>/dev/null
}
trap leave EXIT
trap 'exit 1' HUP INT TERM

# No service is started at installation. An administrator's own policy stays.
if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" || exit 1
fi

# No database cluster is made, which would otherwise start with the machine.
if [ ! -d "$clusters" ]; then
    made_clusters=yes
    mkdir -p "$clusters" || exit 1
fi
echo 'create_main_cluster = false' >"$cluster" || exit 1

apt-get update && apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
