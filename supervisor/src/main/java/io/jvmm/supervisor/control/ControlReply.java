package io.jvmm.supervisor.control;

import io.jvmm.ipc.link.LinkGlance;
import io.jvmm.supervisor.telemetry.Telemetry;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** What a client of the control socket is answered. */
public sealed interface ControlReply {
    /** It has been done; what there is to say of it. */
    record Done(String message) implements ControlReply {}

    /**
     * It has not been done, and nothing has changed.
     *
     * @param field the field of the request that is wrong, if one is
     * @param message what is wrong, and the cure
     */
    record Failed(Optional<String> field, String message) implements ControlReply {
        /** A field that is wrong. */
        public static Failed field(String name, String message) {
            return new Failed(Optional.of(name), message);
        }

        /** A request that is in order, and cannot be done. */
        public static Failed because(String message) {
            return new Failed(Optional.empty(), message);
        }
    }

    /**
     * How the machine is.
     *
     * @param phase {@code starting}, {@code running}, {@code paused}, {@code stopping}
     * @param uptimeMs since this life of the machine began
     * @param engine {@code kvm}, {@code x86}; {@code auto} until that has been chosen
     * @param pid of the supervisor
     */
    record Status(String vm, String phase, long uptimeMs, String engine, int vcpus, long memoryBytes, long pid)
            implements ControlReply {}

    /** The device processes, in the order in which they were started. */
    record Devices(List<Device> devices) implements ControlReply {
        public Devices {
            devices = List.copyOf(devices);
        }
    }

    /**
     * One device process.
     *
     * @param name as messages call it
     * @param deviceClass its class
     * @param devices what the devices that it serves are called
     * @param pid on the host; 0 when there is none just now
     * @param state {@code starting}, {@code serving}, {@code replacing}, {@code upgrading}, {@code broken}
     * @param restarts how often it has been replaced
     * @param spare whether a warm one stands by
     * @param stateVersion version of the layout of its state, if its distribution says it
     * @param program version of its program, or an empty text where its distribution does not say it
     * @param links the health of its link to the vCPU process and of the one to the supervisor
     * @param distribution where its program is
     */
    record Device(
            String name,
            String deviceClass,
            List<String> devices,
            long pid,
            String state,
            long restarts,
            boolean spare,
            OptionalInt stateVersion,
            String program,
            String links,
            String distribution) {
        public Device {
            devices = List.copyOf(devices);
        }
    }

    /**
     * What a device has committed; the bytes are hostile.
     *
     * @param device as it was asked for
     * @param process that serves it
     * @param deviceClass its class
     * @param part which of the devices of that process it is, from 0; negative for all of them
     * @param pid on the host; 0 when there is none just now
     * @param distribution whose program can read the state
     * @param stateVersion of its layout
     * @param sequence number of the commit
     * @param ringPosition how far the request ring had been read then
     * @param entries the device's configuration, on which the layout depends
     * @param state what was committed
     */
    @SuppressWarnings("ArrayRecordComponent") // made for one reply, and never compared
    record DeviceState(
            String device,
            String process,
            String deviceClass,
            int part,
            long pid,
            String distribution,
            int stateVersion,
            long sequence,
            long ringPosition,
            Map<String, String> entries,
            byte[] state)
            implements ControlReply {
        public DeviceState {
            entries = Map.copyOf(entries);
        }
    }

    /** The links of the machine's processes. */
    record Links(List<Link> links) implements ControlReply {
        public Links {
            links = List.copyOf(links);
        }
    }

    /**
     * One link.
     *
     * @param process at its far end
     * @param devices that this process serves
     * @param with who is at the near end: {@code vcpu} or {@code supervisor}
     * @param health {@code connected}, {@code severed}, {@code away}, {@code broken}
     * @param violation why it was severed, or an empty text
     * @param glance what was found in it; hostile
     */
    record Link(String process, List<String> devices, String with, String health, String violation, LinkGlance glance) {
        public Link {
            devices = List.copyOf(devices);
        }
    }

    /**
     * What is recorded.
     *
     * @param recorder pid of the recorder; 0 when there is none
     * @param lives kept in the directory; and how many bytes; {@link #UNKNOWN} when the recorder has not said
     * @param trouble why nothing is recorded at the moment; empty while all is well
     */
    record Journal(String directory, long recorder, List<Recorded> devices, long lives, long bytes, String trouble)
            implements ControlReply {
        public static final long UNKNOWN = -1;

        public Journal {
            devices = List.copyOf(devices);
        }
    }

    /**
     * One device that is recorded.
     *
     * @param life its number; 0 until the recorder has begun it
     * @param batches that were kept, and their bytes; {@link Journal#UNKNOWN} when the recorder has not said
     * @param lost batches that had no room
     */
    record Recorded(String device, int life, long batches, long bytes, long lost) {
        /** One of which the recorder has not said anything. */
        public static Recorded unknown(String device, int life) {
            return new Recorded(device, life, Journal.UNKNOWN, Journal.UNKNOWN, Journal.UNKNOWN);
        }
    }

    /** The last events of the machine's life, the oldest first. */
    record Events(List<Telemetry.Envelope> events) implements ControlReply {
        public Events {
            events = List.copyOf(events);
        }
    }

    /** The directory of the stream of telemetry. */
    record Bus(Path directory) implements ControlReply {}

    /** OpenMetrics text. */
    record Metrics(String text) implements ControlReply {}

    /** Waiting times by class of device. */
    record Stalls(List<Stall> stalls) implements ControlReply {
        public Stalls {
            stalls = List.copyOf(stalls);
        }
    }

    /**
     * Waiting times of one class.
     *
     * @param what {@code stall}: how long the guest's first unanswered message waited; {@code outage}: from death to service
     * @param count how many there were
     */
    record Stall(String deviceClass, String what, long count, long p50Ns, long p99Ns, long maxNs) {}

    /** An upgrade has been done. */
    record Upgraded(List<Upgrade> upgrades) implements ControlReply {
        public Upgraded {
            upgrades = List.copyOf(upgrades);
        }
    }

    /**
     * What became of one process.
     *
     * @param fromVersion of the state, before
     * @param toVersion and since
     * @param blackoutNs from the moment the old one was asked to finish to the moment the new one was told to serve
     */
    record Upgrade(String device, int fromVersion, int toVersion, long blackoutNs) {}
}
