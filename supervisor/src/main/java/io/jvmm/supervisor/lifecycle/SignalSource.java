package io.jvmm.supervisor.lifecycle;

import static java.lang.invoke.MethodType.methodType;

import io.jvmm.ipc.sys.EventFd;
import java.lang.invoke.LambdaMetafactory;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * SIGTERM, SIGINT, SIGHUP and SIGWINCH as something an event loop can wait for. HotSpot delivers a signal on a thread of its own; here it
 * becomes an entry in a queue and a rung eventfd. A signal that was ignored when the supervisor started (nohup(1), a background
 * job's SIGINT) stays ignored.
 *
 * <p>{@code sun.misc.Signal} of the module jdk.unsupported is Java's only way to learn of a signal. javac warns of it and nothing
 * suppresses that, so it is reached by name; the handler is made as javac makes a lambda, ten times faster than a proxy class.
 */
public final class SignalSource implements AutoCloseable {
    /** The signals that mean something. */
    public enum Kind {
        TERM,
        INT,
        HUP,
        /** The terminal has a new size. */
        WINCH
    }

    private final ConcurrentLinkedQueue<Kind> arrived = new ConcurrentLinkedQueue<>();
    private final EventFd bell = EventFd.create();

    private SignalSource() {}

    /** Takes the signals over; once in a process. */
    public static SignalSource install() {
        SignalSource source = new SignalSource();
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            MethodHandle receiver =
                    lookup.findVirtual(SignalSource.class, "received", methodType(void.class, Object.class));
            Object handle = LambdaMetafactory.metafactory(
                            lookup,
                            "handle",
                            methodType(handler, SignalSource.class),
                            methodType(void.class, signal),
                            receiver,
                            methodType(void.class, signal))
                    .getTarget()
                    .invoke(source);
            MethodHandle make = lookup.findConstructor(signal, methodType(void.class, String.class));
            MethodHandle install = lookup.findStatic(signal, "handle", methodType(handler, signal, handler));
            for (Kind kind : Kind.values()) {
                Object _ = install.invoke(make.invoke(kind.name()), handle);
            }
            return source;
        } catch (Throwable e) {
            throw new IllegalStateException("this Java has no signal handling (module jdk.unsupported)", e);
        }
    }

    /** For tests: nothing is taken over. */
    static SignalSource detached() {
        return new SignalSource();
    }

    /** On HotSpot's thread. A signal's text is its name: {@code SIGTERM}. */
    void received(Object signal) {
        raise(Kind.valueOf(signal.toString().toUpperCase(Locale.ROOT).replaceFirst("^SIG", "")));
    }

    void raise(Kind kind) {
        arrived.add(kind);
        bell.signal();
    }

    /** Readable when a signal waits. */
    EventFd bell() {
        return bell;
    }

    /** The next signal, if one has come. */
    public Optional<Kind> next() {
        return Optional.ofNullable(arrived.poll());
    }

    @Override
    public void close() {
        bell.close();
    }
}
