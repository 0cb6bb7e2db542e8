package io.jvmm.policy.jail;

/** Who the child is on the host. Inside its user namespace it is always {@link #INSIDE_ID}, mapped to this one id. */
public sealed interface HostIdentity {
    /** The child's user and group id inside its user namespace. */
    int INSIDE_ID = 1000;

    /** The user that runs the supervisor: what an ordinary user can have. */
    record SameUser() implements HostIdentity {}

    /**
     * An unprivileged uid and gid of its own, for a supervisor started as root.
     *
     * @param uid host user id, never 0
     * @param gid host group id, never 0
     */
    record Ids(int uid, int gid) implements HostIdentity {
        public Ids {
            if (uid <= 0 || gid <= 0) {
                throw new IllegalArgumentException(
                        "a jailed process needs a uid and gid above 0, not " + uid + ":" + gid);
            }
        }
    }

    static HostIdentity sameUser() {
        return new SameUser();
    }

    static HostIdentity ids(int uid, int gid) {
        return new Ids(uid, gid);
    }
}
