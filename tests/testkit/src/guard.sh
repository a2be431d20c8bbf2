# Makes a server's data, runs it for as long as somebody wants it, then ends it and removes its folder.
#
# Started as the server's user with the folder as working directory, and with `guard.log`, locked, as standard
# error: that lock tells others that the folder is in use.
#
# $1 the folder
# $2 the signal that ends the server at once
# $3 the lock that users of a shared server hold; empty: the server belongs to whoever holds our standard input
# $4 the lock under which users come and the last one's server goes
# $5 the link that names the shared server's folder
# $6 the `initdb` that makes a database cluster in `data`; empty: the server needs none
# $7... the server's command
folder=$1 signal=$2 users=$3 gate=$4 current=$5 initdb=$6 server=
shift 6

start() {
    # Every process of the server inherits this lock, so it is free once the last of them is gone.
    exec 8>server.lock
    flock -x 8 || end
    "$@" </dev/null >>server.log 2>&1 6<&- 7<&- &
    server=$!
    exec 8>&-
    echo launched
}

stop() {
    [ -n "$server" ] || return 0
    exec 8<server.lock
    # Again and again: one that has only just been launched ignores all but KILL.
    while kill -s "$signal" "$server"; ! flock -w 1 -x 8; do :; done
    exec 8<&-
    wait "$server"
    # Once waited for, the number may be given to another process.
    server=
}

end() {
    trap '' HUP INT TERM
    stop
    if [ -n "$current" ] && [ "$(readlink "$current")" = "$folder" ]; then rm -f "$current"; fi
    cd /
    rm -rf "$folder"
    exit
}

# A reader that is gone must not end us before the server.
trap '' PIPE
trap end HUP INT TERM
# Before there is a server, as a failure ends this script.
if [ -n "$users" ]; then exec 6<"$users" 7<"$gate"; fi
if [ -n "$initdb" ]; then
    "$initdb" -A trust --no-sync --locale=C -E UTF8 -U postgres -D data >/dev/null || end
fi
start "$@"

if [ -z "$users" ]; then
    while read -r order; do
        case $order in
        crash) stop && echo stopped ;;
        restart) stop && start "$@" ;;
        esac
    done
    end
fi

while :; do
    flock -x 6
    flock -u 6
    # One test program may follow another.
    sleep 3
    flock -x 7
    if flock -n -x 6; then end; fi
    flock -u 7
done
