package io.jvmm.fuzz.machine;

import java.lang.foreign.MemorySegment;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.agrona.DirectBuffer;
import org.agrona.UnsafeApi;
import org.jspecify.annotations.Nullable;

/**
 * What a core holds beside its state segment, as it was after power-on: all objects that can be reached from it, their fields that can change, arrays, and memory of
 * its own. Putting it back is a row of copies, where making a core anew costs a hundred times as much (arrays for the largest queues, native memory and its cleaners).
 *
 * <p>What is reached is everything but borders that the caller names (guest memory, the tape, where effects go), immutable things of the JDK, threads, and what the
 * JDK uses for reachability. Final fields keep what they hold. A mapping larger than {@link #MOST_NATIVE_BYTES} is left as it is, but for what a buffer views of it. One thread.
 */
@SuppressWarnings("ArrayRecordComponent") // parts of one picture, which nobody compares
public final class CoreImage {
    /** A native range that is larger is not copied. */
    private static final long MOST_NATIVE_BYTES = 1 << 17;

    private static final long BYTES_AT = UnsafeApi.arrayBaseOffset(byte[].class);

    /** How a class's instances are read and put back. */
    private record Plan(long[] references, long[] mutable, char[] kinds) {}

    private record Primitive(Object array, Object was, int length) {}

    private record References(
            @Nullable Object[] array, @Nullable Object[] was) {}

    private record Native(long address, byte[] was) {}

    private final Map<Class<?>, Plan> plans = new HashMap<>();
    private final IdentityHashMap<Object, Boolean> seen = new IdentityHashMap<>();
    private final Deque<Object> toVisit = new ArrayDeque<>();
    private final List<Object> holders = new ArrayList<>();
    private final List<Plan> holderPlans = new ArrayList<>();
    private final List<Primitive> primitives = new ArrayList<>();
    private final List<References> references = new ArrayList<>();
    private final Map<Long, Native> natives = new HashMap<>();
    private final long apartFrom;
    private final long apartTo;

    // What restoring goes through: no lists, no records of boxed things.
    private final Object[] objects;
    private final Plan[] objectPlans;
    private final long[][] words;
    private final @Nullable Object[][] links;
    private final Primitive[] primitiveArrays;
    private final References[] referenceArrays;
    private final Native[] ranges;

    /**
     * Takes it.
     *
     * @param roots from there on
     * @param borders what is theirs is not looked at
     * @param apart native memory that somebody else puts back
     */
    public CoreImage(List<?> roots, List<?> borders, DirectBuffer apart) {
        apartFrom = apart.addressOffset();
        apartTo = apartFrom + apart.capacity();
        borders.forEach(border -> seen.put(border, true));
        roots.forEach(this::reach);
        while (!toVisit.isEmpty()) {
            visit(toVisit.remove());
        }
        objects = holders.toArray();
        objectPlans = holderPlans.toArray(new Plan[0]);
        words = new long[objects.length][];
        links = new Object[objects.length][];
        for (int i = 0; i < objects.length; i++) {
            keep(i);
        }
        primitiveArrays = primitives.toArray(new Primitive[0]);
        referenceArrays = references.toArray(new References[0]);
        ranges = natives.values().toArray(new Native[0]);
    }

    // ---- taking it

    private void reach(@Nullable Object object) {
        if (object != null && !isBorder(object) && seen.put(object, true) == null) {
            toVisit.add(object);
        }
    }

    private static boolean isBorder(Object object) {
        return switch (object) {
            case String s -> true;
            case Number n -> n.getClass().getPackageName().equals("java.lang");
            case Boolean b -> true;
            case Character c -> true;
            case Class<?> c -> true;
            case Enum<?> e -> true;
            case Thread t -> true;
            case ClassLoader l -> true;
            default -> {
                String name = object.getClass().getPackageName();
                yield name.startsWith("java.lang.invoke")
                        || name.startsWith("java.lang.ref")
                        || name.startsWith("java.lang.foreign")
                        || (name.startsWith("jdk.internal") && !(object instanceof MemorySegment));
            }
        };
    }

    private void visit(Object object) {
        if (object instanceof MemorySegment segment) {
            if (segment.isNative()) {
                range(segment.address(), segment.byteSize());
            } else {
                segment.heapBase().ifPresent(this::reach);
            }
            return;
        }
        if (object.getClass().isArray()) {
            array(object);
            return;
        }
        if (object instanceof DirectBuffer buffer && buffer.byteArray() == null) {
            range(buffer.addressOffset(), buffer.capacity());
        }
        Plan plan = plans.computeIfAbsent(object.getClass(), CoreImage::plan);
        for (long at : plan.references) {
            reach(UnsafeApi.getReference(object, at));
        }
        if (plan.mutable.length > 0) {
            holders.add(object);
            holderPlans.add(plan);
        }
    }

    private void array(Object object) {
        if (object instanceof @Nullable Object[] array) {
            references.add(new References(array, array.clone()));
            for (Object element : array) {
                reach(element);
            }
            return;
        }
        int length = java.lang.reflect.Array.getLength(object);
        if (length > 0) {
            Object was = java.lang.reflect.Array.newInstance(object.getClass().getComponentType(), length);
            System.arraycopy(object, 0, was, 0, length);
            primitives.add(new Primitive(object, was, length));
        }
    }

    private void range(long address, long lengthBytes) {
        boolean apart = address < apartTo && address + lengthBytes > apartFrom;
        if (address == 0 || lengthBytes == 0 || lengthBytes > MOST_NATIVE_BYTES || apart) {
            return;
        }
        Native known = natives.get(address);
        if (known == null || known.was.length < lengthBytes) {
            byte[] was = new byte[(int) lengthBytes];
            UnsafeApi.copyMemory(null, address, was, BYTES_AT, lengthBytes);
            natives.put(address, new Native(address, was));
        }
    }

    private static Plan plan(Class<?> type) {
        List<Long> all = new ArrayList<>();
        List<Long> mutable = new ArrayList<>();
        StringBuilder kinds = new StringBuilder();
        for (Class<?> c = type; c != null; c = c.getSuperclass()) {
            for (Field field : c.getDeclaredFields()) {
                if (Modifier.isStatic(field.getModifiers())) {
                    continue;
                }
                long at = UnsafeApi.objectFieldOffset(field);
                if (!field.getType().isPrimitive()) {
                    all.add(at);
                }
                if (!Modifier.isFinal(field.getModifiers())) {
                    mutable.add(at);
                    kinds.append(kind(field.getType()));
                }
            }
        }
        return new Plan(
                all.stream().mapToLong(Long::longValue).toArray(),
                mutable.stream().mapToLong(Long::longValue).toArray(),
                kinds.toString().toCharArray());
    }

    private static char kind(Class<?> type) {
        return type.descriptorString().charAt(0);
    }

    private void keep(int index) {
        Object object = objects[index];
        Plan plan = objectPlans[index];
        long[] values = new long[plan.mutable.length];
        @Nullable Object[] targets = new Object[plan.mutable.length];
        for (int i = 0; i < values.length; i++) {
            long at = plan.mutable[i];
            switch (plan.kinds[i]) {
                case 'Z', 'B' -> values[i] = UnsafeApi.getByte(object, at);
                case 'S', 'C' -> values[i] = UnsafeApi.getShort(object, at);
                case 'I', 'F' -> values[i] = UnsafeApi.getInt(object, at);
                case 'J', 'D' -> values[i] = UnsafeApi.getLong(object, at);
                default -> targets[i] = UnsafeApi.getReference(object, at);
            }
        }
        words[index] = values;
        links[index] = targets;
    }

    // ---- putting it back

    /** All is again as it was. Allocates nothing. */
    public void restore() {
        for (int i = 0; i < objects.length; i++) {
            putBack(objects[i], objectPlans[i], words[i], links[i]);
        }
        for (Primitive array : primitiveArrays) {
            System.arraycopy(array.was, 0, array.array, 0, array.length);
        }
        for (References array : referenceArrays) {
            System.arraycopy(array.was, 0, array.array, 0, array.was.length);
        }
        for (Native range : ranges) {
            UnsafeApi.copyMemory(range.was, BYTES_AT, null, range.address, range.was.length);
        }
    }

    private static void putBack(Object object, Plan plan, long[] values, @Nullable Object[] targets) {
        for (int i = 0; i < values.length; i++) {
            long at = plan.mutable[i];
            switch (plan.kinds[i]) {
                case 'Z', 'B' -> UnsafeApi.putByte(object, at, (byte) values[i]);
                case 'S', 'C' -> UnsafeApi.putShort(object, at, (short) values[i]);
                case 'I', 'F' -> UnsafeApi.putInt(object, at, (int) values[i]);
                case 'J', 'D' -> UnsafeApi.putLong(object, at, values[i]);
                default -> UnsafeApi.putReference(object, at, targets[i]);
            }
        }
    }

    /** How much it is, for people and tests. */
    @Override
    public String toString() {
        long arrays = 0;
        for (Primitive array : primitiveArrays) {
            arrays += array.length;
        }
        long bytes = 0;
        for (Native range : ranges) {
            bytes += range.was.length;
        }
        return objects.length + " objects, " + primitiveArrays.length + " arrays of " + arrays + " elements, "
                + referenceArrays.length + " of references, " + bytes + " native bytes";
    }
}
