package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.interp.Block;
import io.jvmm.vcpu.x86.interp.CodeCache;
import io.jvmm.vcpu.x86.interp.TranslationQueue;
import java.lang.classfile.ClassFile;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.ManyToOneConcurrentArrayQueue;
import org.jspecify.annotations.Nullable;

/**
 * The background thread that turns hot blocks into classes. {@link #offer} comes from the vCPUs' threads and never waits:
 * when the queue is full the block is forgotten until it is hot again.
 *
 * <p>What the guest can make it do is bounded: a region has at most {@link TranslatorOptions#maxInstructions} instructions
 * and {@value #MAX_METHOD_BYTES} bytecodes, all live regions together {@link TranslatorOptions#maxCodeBytes}; the oldest are
 * dropped first, and their classes unloaded by the garbage collector once no vCPU runs them. A block that cannot be
 * translated stays with the interpreter.
 */
public final class Translator implements TranslationQueue, AutoCloseable {
    /** HotSpot compiles no method of 8,000 bytecodes or more. */
    static final int MAX_METHOD_BYTES = 7_900;

    /** Held while a class is defined. */
    private static final Object DEFINING = new Object();

    private static final int QUEUE = 1024;
    /** A region takes some milliseconds. */
    private static final long JOIN_MS = 1_000;

    private static final int CALLS_TO_COMPILE = 2;

    private final TranslatorOptions options;
    /** A processor for {@link #haveCompiled}: it executes nothing. */
    private final Cpu scratch = ScratchCpu.create();

    private final ManyToOneConcurrentArrayQueue<Block> queue = new ManyToOneConcurrentArrayQueue<>(QUEUE);
    private final Deque<TranslatedRegion> live = new ArrayDeque<>();
    private long liveCodeBytes;
    private @Nullable CodeCache cache;
    private @Nullable Thread thread;
    private volatile boolean closed;
    private volatile boolean idle;
    private final AtomicLong regions = new AtomicLong();
    private final AtomicLong instructions = new AtomicLong();
    private final AtomicLong codeBytes = new AtomicLong();
    private final AtomicLong evicted = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private final AtomicLong dropped = new AtomicLong();

    /** A translator that does not run yet. */
    public Translator(TranslatorOptions options) {
        this.options = options;
    }

    /** Loads all classes that will be needed, and starts the thread; before the jail closes. {@code codeCache} is the one that offers blocks to this. */
    public void start(CodeCache codeCache) {
        WarmUp.run();
        cache = codeCache;
        thread = Thread.ofPlatform().daemon().name("translator").start(this::work);
    }

    /** Takes a block as {@link #offer} does, and translates it at once. */
    void translateNow(Block hot) {
        guarded(hot);
    }

    /** Works without a thread. */
    void attach(CodeCache codeCache) {
        cache = codeCache;
    }

    @Override
    public void offer(Block hot) {
        if ((hot.modeKey & ModeKey.CODE) != ModeKey.CODE_64
                || (hot.modeKey & ModeKey.SINGLE) != 0
                || hot.crossesPage()) {
            return;
        }
        if (!queue.offer(hot)) {
            hot.hits = 0;
            dropped.incrementAndGet();
            return;
        }
        VarHandle.fullFence();
        if (idle) {
            LockSupport.unpark(thread);
        }
    }

    private void work() {
        while (!closed) {
            final Block block = queue.poll();
            if (block != null) {
                guarded(block);
                continue;
            }
            idle = true;
            VarHandle.fullFence();
            if (queue.isEmpty() && !closed) {
                LockSupport.park(this);
            }
            idle = false;
        }
    }

    /** A bug here must not end the thread: the block stays with the interpreter, and the count tells. */
    private void guarded(Block block) {
        try {
            translate(block);
        } catch (RuntimeException | LinkageError | OutOfMemoryError | StackOverflowError e) {
            if (failed.get() == 0) {
                e.printStackTrace();
            }
            failed.incrementAndGet();
        }
    }

    /** Translates the region of a block now. Returns it, or null if there is nothing to translate. */
    @Nullable
    TranslatedRegion translate(Block hot) {
        if (!hot.valid || hot.region != null) {
            return null;
        }
        int limit = options.maxInstructions();
        while (limit > 0) {
            final List<Block> blocks = RegionSelector.select(hot, limit, options.warmHits());
            final TranslatedRegion region = translate(blocks);
            if (region != null) {
                return install(region) ? region : null;
            }
            limit = blocks.size() == 1 ? 0 : limit * 4 / 5;
        }
        failed.incrementAndGet();
        return null;
    }

    /** One class of these blocks; null if its method would be too long. */
    private @Nullable TranslatedRegion translate(List<Block> blocks, boolean registersInLocals) {
        final RegionPlan plan = RegionPlan.of(blocks, registersInLocals);
        final RegionEmitter.Result result = RegionEmitter.emit(plan);
        final int bytes = methodBytes(result.classFile());
        if (bytes > MAX_METHOD_BYTES) {
            return null;
        }
        final TranslatedRegion region = define(result.classFile());
        region.steps = result.steps();
        region.points = result.points();
        region.members = blocks.toArray(new Block[0]);
        region.codeBytes = bytes;
        haveCompiled(region);
        return region;
    }

    private @Nullable TranslatedRegion translate(List<Block> blocks) {
        return translate(blocks, options.registersInLocals());
    }

    private static int methodBytes(byte[] classFile) {
        return ClassFile.of().parse(classFile).methods().stream()
                .filter(m -> m.methodName().equalsString("run"))
                .mapToInt(m -> ((CodeAttribute) m.code().orElseThrow()).codeLength())
                .sum();
    }

    /** One at a time in this process, whichever engine's: the class hands its object over through a static field. */
    private static TranslatedRegion define(byte[] classFile) {
        synchronized (DEFINING) {
            try {
                MethodHandles.lookup().defineHiddenClass(classFile, true);
            } catch (IllegalAccessException e) {
                throw new IllegalStateException(e);
            }
            final TranslatedRegion region = Objects.requireNonNull(TranslatedRegion.made);
            TranslatedRegion.made = null;
            return region;
        }
    }

    /**
     * Runs the class to nowhere, so that HotSpot compiles it now: with the launch file's options the call returns when that is
     * done, and no vCPU ever runs its bytecodes in the JVM's interpreter.
     */
    private void haveCompiled(TranslatedRegion region) {
        int nowhere = 0;
        while (region.begins(nowhere)) {
            nowhere++;
        }
        for (int i = 0; i < CALLS_TO_COMPILE; i++) {
            scratch.rip = nowhere;
            scratch.budget = 1;
            region.run(scratch);
        }
    }

    private boolean install(TranslatedRegion region) {
        final CodeCache codeCache = Objects.requireNonNull(cache);
        VarHandle.releaseFence();
        if (!codeCache.install(region, region.members)) {
            return false;
        }
        forgetDropped();
        live.add(region);
        liveCodeBytes += region.codeBytes;
        while (liveCodeBytes > options.maxCodeBytes() && live.size() > 1) {
            final TranslatedRegion oldest = live.remove();
            liveCodeBytes -= oldest.codeBytes;
            codeCache.evict(oldest);
            evicted.incrementAndGet();
        }
        regions.incrementAndGet();
        codeBytes.addAndGet(region.codeBytes);
        for (final Block block : region.members) {
            instructions.addAndGet(block.instructionCount);
        }
        return true;
    }

    /** Regions whose blocks the guest has overwritten, or that larger ones have replaced, take no room. */
    void forgetDropped() {
        for (final Iterator<TranslatedRegion> all = live.iterator(); all.hasNext(); ) {
            final TranslatedRegion region = all.next();
            if (!region.valid) {
                liveCodeBytes -= region.codeBytes;
                all.remove();
            }
        }
    }

    /** Ends the thread, and waits until it has ended. */
    @Override
    public void close() {
        closed = true;
        final Thread running = thread;
        if (running == null) {
            return;
        }
        LockSupport.unpark(running);
        try {
            running.join(JOIN_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Regions made so far. */
    public long regions() {
        return regions.get();
    }

    /** Guest instructions in them. */
    public long instructions() {
        return instructions.get();
    }

    /** Bytecodes in them. */
    public long codeBytes() {
        return codeBytes.get();
    }

    /** Regions dropped because there was no room. */
    public long evicted() {
        return evicted.get();
    }

    /** Blocks that could not be translated: too long, or a bug. */
    public long failed() {
        return failed.get();
    }

    /** Blocks that came while the queue was full. */
    public long dropped() {
        return dropped.get();
    }
}
