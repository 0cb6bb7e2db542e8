package io.jvmm.supervisor.control;

import io.jvmm.ipc.sys.Fd;

/** What the server needs of the event loop's poll: places that come and go. */
public interface PollSet {
    /** Watches a descriptor for {@link io.jvmm.ipc.sys.Poller}'s events; its slot. */
    int take(Fd fd, int events);

    /** Changes what a slot is watched for; 0 still reports errors and hang-up. */
    void change(int slot, int events);

    /** Gives a slot back. */
    void free(int slot);

    /** What the last poll found; 0 for a slot taken since then. */
    int ready(int slot);
}
