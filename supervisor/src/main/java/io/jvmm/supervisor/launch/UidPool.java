package io.jvmm.supervisor.launch;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.OptionalInt;

/**
 * The host uids of one machine. Every process gets one that no living process has, and gives it back when it has been collected:
 * a spare and the process it will replace never share one, nor do two spares. What was given back longest ago is taken first.
 * Any thread.
 */
final class UidPool {
    private final Deque<Integer> free = new ArrayDeque<>();
    private final boolean none;

    /** A pool of these; with none, as an ordinary user's supervisor has it, every process runs as that user. */
    UidPool(List<Integer> uids) {
        free.addAll(uids);
        none = uids.isEmpty();
    }

    /** How many a machine needs: the vCPU process one, a device two (itself and a spare), an upgrade two more. */
    static int needed(MachinePlan plan) {
        return 3 + 2 * plan.devices().size();
    }

    synchronized OptionalInt take(String process) throws HostLackException {
        if (none) {
            return OptionalInt.empty();
        }
        Integer uid = free.poll();
        if (uid == null) {
            throw new HostLackException("no uid is left for process " + process
                    + ": processes that should have ended are still there. See: ps -eo uid,pid,wchan,args");
        }
        return OptionalInt.of(uid);
    }

    synchronized void giveBack(OptionalInt uid) {
        uid.ifPresent(free::add);
    }
}
