package io.jvmm.supervisor.config;

import java.util.OptionalInt;
import java.util.regex.Pattern;

/** A device of the machine that is a function on its PCI bus. Immutable and checked. */
public sealed interface VirtioConfig
        permits BlockConfig, NetConfig, ConsoleConfig, RngConfig, BalloonConfig, VsockConfig {
    /** Where it lives. */
    Placement placement();

    /** Its class, as in process names: {@code block}. */
    String deviceClass();

    /** How many virtqueues it has (virtio 1.2 §5): one interrupt vector each, and one for its configuration. */
    int queues();

    /** For messages: {@code block "data"}. */
    default String title() {
        return deviceClass() + " \"" + placement().id() + "\"";
    }

    /** Which process serves a device. */
    enum Isolation implements Word {
        /** One for all devices of its class. */
        CLASS,
        /** One of its own. */
        INSTANCE
    }

    /**
     * What every device has.
     *
     * @param id names it among those of its class, in messages and in process names
     * @param slot place on PCI bus 0, as {@code lspci} numbers it; empty for the standard one
     */
    record Placement(String id, Isolation isolation, OptionalInt slot) {
        /** Slot 0 is the host bridge's, 31 the chipset's. */
        public static final int LAST_SLOT = 30;

        public static final int LONGEST_ID = 16;
        private static final Pattern ID = Pattern.compile("[a-z0-9][a-z0-9_]*");

        public Placement {
            checkId(id);
            if (slot.isPresent() && (slot.getAsInt() < 1 || slot.getAsInt() > LAST_SLOT)) {
                throw new IllegalArgumentException(slot.getAsInt() + " is no slot: there are 1 to " + LAST_SLOT + ".");
            }
        }

        /** In its class's process, wherever there is room. */
        public static Placement standard(String id) {
            return new Placement(id, Isolation.CLASS, OptionalInt.empty());
        }

        static String checkId(String id) {
            if (id.length() > LONGEST_ID || !ID.matcher(id).matches()) {
                throw new IllegalArgumentException(Quoted.of(id) + " is no id: at most " + LONGEST_ID
                        + " small letters, digits and '_'. Use e.g. id = \"data\".");
            }
            return id;
        }
    }

    /** Largest virtqueue, and the powers of two below it. */
    int LARGEST_QUEUE = 1024;

    /**
     * A size of a virtqueue that is one.
     *
     * @throws IllegalArgumentException with a sentence for the user
     */
    static int checkQueueSize(int size) {
        if (size < 2 || size > LARGEST_QUEUE || Integer.bitCount(size) != 1) {
            throw new IllegalArgumentException(
                    size + " is no size of a virtqueue: a power of two from 2 to " + LARGEST_QUEUE + ".");
        }
        return size;
    }
}
