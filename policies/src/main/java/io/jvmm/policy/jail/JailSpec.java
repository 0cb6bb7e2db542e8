package io.jvmm.policy.jail;

import io.jvmm.policy.sys.Seccomp;
import java.util.ArrayList;
import java.util.List;

/**
 * Everything a jailed process can reach. What is not named here does not exist for it: no /proc, no /dev, no network, no other
 * process. Immutable.
 *
 * @param name process name for messages
 * @param identity who it is on the host
 * @param binds its whole file system; Landlock's allow list is derived from it
 * @param limits resource limits
 * @param wideFilter start-up seccomp filter, struct sock_filter[]
 * @param hostName what uname tells it
 * @param landlock whether a host without Landlock is refused
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record JailSpec(
        String name,
        HostIdentity identity,
        List<Bind> binds,
        Limits limits,
        byte[] wideFilter,
        String hostName,
        Landlocked landlock) {
    /** Landlock is the wall behind the empty root. */
    public enum Landlocked {
        /** A host without it is refused. */
        REQUIRED,
        /** A host without it has one wall less. */
        WHERE_AVAILABLE
    }

    public JailSpec {
        binds = List.copyOf(binds);
        Seccomp.checkLength(wideFilter);
        wideFilter = wideFilter.clone();
        long distinct = binds.stream().map(Bind::target).distinct().count();
        if (distinct != binds.size()) {
            throw new IllegalArgumentException("jail of " + name + ": two binds have the same target");
        }
    }

    /** Starts a specification with the limits of a device. */
    public static Builder builder(String name) {
        return new Builder(name);
    }

    /** Collects a {@link JailSpec}. */
    public static final class Builder {
        private final String name;
        private HostIdentity identity = HostIdentity.sameUser();
        private final List<Bind> binds = new ArrayList<>();
        private Limits limits = Limits.device();
        private byte[] wideFilter = new byte[0];
        private String hostName = "jvmm";
        private Landlocked landlock = Landlocked.REQUIRED;

        private Builder(String name) {
            this.name = name;
        }

        public Builder identity(HostIdentity value) {
            identity = value;
            return this;
        }

        public Builder bind(Bind bind) {
            binds.add(bind);
            return this;
        }

        public Builder binds(List<Bind> more) {
            binds.addAll(more);
            return this;
        }

        public Builder limits(Limits value) {
            limits = value;
            return this;
        }

        public Builder wideFilter(byte[] bpf) {
            wideFilter = bpf.clone();
            return this;
        }

        public Builder hostName(String value) {
            hostName = value;
            return this;
        }

        public Builder landlock(Landlocked value) {
            landlock = value;
            return this;
        }

        public JailSpec build() {
            return new JailSpec(name, identity, binds, limits, wideFilter, hostName, landlock);
        }
    }
}
