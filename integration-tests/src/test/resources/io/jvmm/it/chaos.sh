#!/bin/bash
# The guest's part of ChaosIT: work on every device that checks its own results, until the host's web server has a file "stop".
# Results in /run/chaos, one file a worker: "DONE WRONG", and in NAME.log whatever went wrong.
out=/run/chaos
stop=$out/stop
host=$1
mkdir -p $out

finish() { # worker, done, wrong
    echo "$2 $3" >$out/$1
}

# Files written, brought to the medium, read back past the page cache; the last eight stay for those who look afterwards.
disk() { # worker, directory
    local n=0 wrong=0 f
    cd "$2" || return
    while [ ! -e $stop ]; do
        f=f$((n % 8))
        if ! { dd if=/dev/urandom bs=16k count=$((n % 7 + 1)) 2>/dev/null | tee $f.new | md5sum >$f.sum &&
            sync $f.new && mv $f.new $f && sync . &&
            [ "$(dd if=$f bs=64k iflag=direct 2>/dev/null | md5sum)" = "$(cat $f.sum)" ]; } 2>>$out/$1.log; then
            wrong=$((wrong + 1))
            echo "round $n of $f" >>$out/$1.log
        fi
        n=$((n + 1))
    done
    sync
    finish "$1" $n $wrong
}

download() {
    local n=0 wrong=0 sum
    sum=$(wget -q -O - "http://$host:8000/sum")
    while [ ! -e $stop ]; do
        if [ "$(wget -q -O - "http://$host:8000/file" 2>>$out/http.log | md5sum | cut -d' ' -f1)" != "$sum" ]; then
            wrong=$((wrong + 1))
            echo "round $n" >>$out/http.log
        fi
        n=$((n + 1))
    done
    finish http $n $wrong
}

entropy() {
    local n=0 wrong=0
    while [ ! -e $stop ]; do
        if [ "$(dd if=/dev/hwrng bs=64 count=1 iflag=fullblock 2>>$out/rng.log | wc -c)" != 64 ]; then
            wrong=$((wrong + 1))
        fi
        n=$((n + 1))
        sleep 0.1
    done
    finish rng $n $wrong
}

# The clock of the platform process: it can be read at any time, and never goes back.
clock() {
    local n=0 wrong=0 before=0 now
    while [ ! -e $stop ]; do
        now=$(cat /sys/class/rtc/rtc0/since_epoch 2>>$out/rtc.log)
        if [ -z "$now" ] || [ "$now" -lt "$before" ]; then
            wrong=$((wrong + 1))
            echo "round $n: $before, then $now" >>$out/rtc.log
        fi
        before=${now:-$before}
        n=$((n + 1))
        sleep 0.1
    done
    finish rtc $n $wrong
}

# Memory that comes and goes, for the balloon's free-page reports; what is there must be what was put there.
memory() {
    local n=0 wrong=0 sum
    while [ ! -e $stop ]; do
        sum=$(dd if=/dev/urandom bs=64k count=4 2>/dev/null | tee /tmp/pattern | md5sum)
        dd if=/dev/zero of=/tmp/fill bs=1M count=16 2>/dev/null
        rm /tmp/fill
        sleep 1
        if [ "$(md5sum </tmp/pattern)" != "$sum" ]; then
            wrong=$((wrong + 1))
        fi
        n=$((n + 1))
    done
    finish memory $n $wrong
}

socat VSOCK-LISTEN:5000,fork EXEC:cat 2>>$out/vsock.log &
socat VSOCK-CONNECT:2:7000 EXEC:cat 2>>$out/vsock.log &
disk raw /mnt/raw &
disk qcow2 /mnt/qcow2 &
disk alone /mnt/alone &
download &
entropy &
clock &
memory &
until wget -q -O /dev/null "http://$host:8000/stop" 2>/dev/null; do
    sleep 1
done
touch $stop
