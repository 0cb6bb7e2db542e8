package io.jvmm.vcpu.x86.translate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.interp.Region;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;
import io.jvmm.vcpu.x86.simd.Halves;
import io.jvmm.vcpu.x86.simd.QuickFloat;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Regions with SSE instructions: what random programs hardly meet. */
class VectorRegionTest {
    private static final TranslatorOptions LOCALS = new TranslatorOptions(true, 250, 0, 1 << 20);
    private static final long EM = 4;
    private static final long TS = 8;
    private static final long OSFXSR = 0x200;
    /** inc rax; addsd xmm0, xmm1; jmp to the first. */
    private static final String ADD = "48ffc0" + "f20f58c1" + "ebf7";

    private static Region translated(Guest guest, String hex) {
        guest.load(HexFormat.of().parseHex(hex));
        guest.discover(Guest.CODE);
        return Objects.requireNonNull(guest.translator.translate(guest.block(Guest.CODE)));
    }

    private static void at(Guest guest, int budget) {
        guest.cpu.rip = Guest.CODE;
        guest.cpu.blockRip = Guest.CODE;
        guest.cpu.budget = budget;
    }

    /** SDM 3A table 14-1 and 2.5: the instruction before has been executed, the SSE instruction has not. */
    @Test
    void controlRegistersForbidIt() {
        try (Arena arena = Arena.ofConfined()) {
            final Guest guest = new Guest(arena, LOCALS);
            final Cpu cpu = guest.cpu;
            final Region region = translated(guest, ADD);
            final long cr0 = cpu.cr0;
            final long cr4 = cpu.cr4;
            final long[][] settings = {
                {cr0 | TS, cr4, Vector.NM},
                {cr0 | EM, cr4, Vector.UD},
                {cr0 | EM | TS, cr4, Vector.UD},
                {cr0, cr4 & ~OSFXSR, Vector.UD}
            };
            for (final long[] setting : settings) {
                cpu.cr0 = setting[0];
                cpu.cr4 = setting[1];
                cpu.r[Cpu.RAX] = 41;
                cpu.xmm[0] = Double.doubleToRawLongBits(1);
                cpu.xmm[2] = Double.doubleToRawLongBits(2);
                final long before = cpu.retired;
                at(guest, 100);
                final GuestException e = assertThrows(GuestException.class, () -> region.run(cpu));
                assertEquals(setting[2], e.vector());
                assertEquals(Guest.CODE + 3, cpu.rip);
                assertEquals(42, cpu.r[Cpu.RAX]);
                assertEquals(1, cpu.retired - before);
                assertEquals(99, cpu.budget);
                assertEquals(Double.doubleToRawLongBits(1), cpu.xmm[0]);
            }
            cpu.cr0 = cr0;
            cpu.cr4 = cr4;
            at(guest, 3);
            region.run(cpu);
            assertEquals(Double.doubleToRawLongBits(3), cpu.xmm[0]);
            assertEquals(Guest.CODE, cpu.rip);
        }
    }

    /** movups [rbx], xmm0; inc rax; jmp to the first: into its own page, and over itself. */
    @Test
    void aStoreOverTheRegionIsTheLastOfIt() {
        try (Arena arena = Arena.ofConfined()) {
            final Guest guest = new Guest(arena, LOCALS);
            final Cpu cpu = guest.cpu;
            final Region region = translated(guest, "0f1103" + "48ffc0" + "ebf8");
            cpu.r[Cpu.RAX] = 0;
            cpu.r[Cpu.RBX] = Guest.CODE + 0x100;
            cpu.xmm[0] = 1;
            cpu.xmm[1] = 2;
            at(guest, 6);
            region.run(cpu);
            assertEquals(2, cpu.r[Cpu.RAX]);
            assertEquals(2, guest.ram.get(ValueLayout.JAVA_LONG, Guest.CODE + 0x108));
            cpu.r[Cpu.RBX] = Guest.CODE - 8;
            final long before = cpu.retired;
            at(guest, 6);
            region.run(cpu);
            assertEquals(Guest.CODE + 3, cpu.rip);
            assertEquals(1, cpu.retired - before);
            assertEquals(1, guest.ram.get(ValueLayout.JAVA_LONG, Guest.CODE - 8));
            assertEquals(2, guest.ram.get(ValueLayout.JAVA_LONG, Guest.CODE));
        }
    }

    /** movups and pxor across the edge of what is there. */
    @ParameterizedTest
    @ValueSource(strings = {"0f1103", "0f1003", "f20f1003", "0f2903", "660fef03"})
    void nothingChangesBeforeTheFault(String hex) {
        try (Arena arena = Arena.ofConfined()) {
            final Guest guest = new Guest(arena, LOCALS);
            final Cpu cpu = guest.cpu;
            final Region region = translated(guest, hex + "ebfe");
            final long edge = hex.startsWith("f2") ? 4 : hex.equals("0f2903") || hex.startsWith("66") ? 7 : 8;
            cpu.r[Cpu.RBX] = Guest.HOLE - edge;
            cpu.xmm[0] = 11;
            cpu.xmm[1] = 12;
            guest.ram.set(ValueLayout.JAVA_LONG, Guest.HOLE - 8, 13);
            at(guest, 1);
            final GuestException e = assertThrows(GuestException.class, () -> region.run(cpu));
            assertEquals(edge == 7 ? Vector.GP : Vector.PF, e.vector());
            if (edge != 7) {
                assertEquals(Guest.HOLE, guest.mmu.faultAddress());
            }
            assertEquals(Guest.CODE, cpu.rip);
            assertEquals(11, cpu.xmm[0]);
            assertEquals(12, cpu.xmm[1]);
            assertEquals(13, guest.ram.get(ValueLayout.JAVA_LONG, Guest.HOLE - 8));
        }
    }

    /** movups xmm2, [rbx]; addsd; divsd; ucomisd; cvttsd2si; pshufd; movups [rbx], xmm3; jmp: quick and slow. */
    @Test
    void nothingIsAllocated() {
        try (Arena arena = Arena.ofConfined()) {
            final Guest guest = new Guest(arena, LOCALS);
            final Cpu cpu = guest.cpu;
            final Region region = translated(
                    guest,
                    "0f1013" + "f20f58c1" + "f20f5ec1" + "660f2ec1" + "f20f2cc0" + "660f70d91b" + "0f111b" + "ebe4");
            cpu.r[Cpu.RBX] = Guest.DATA;
            Allocations.assertNoneIn("SSE in a region", () -> {
                for (int i = 0; i < 2000; i++) {
                    cpu.xmm[0] = Double.doubleToRawLongBits(1.5);
                    cpu.xmm[2] = Double.doubleToRawLongBits(i % 7);
                    cpu.mxcsr = i % 2 == 0 ? 0x1f80 : 0x1fa0;
                    at(guest, 80);
                    region.run(cpu);
                }
            });
        }
    }

    /** What C1 is meant to make straight code of: at most 35 bytecodes, within what is inlined already 31, 27, 24. */
    @Test
    void whatIsInlinedIsSmall() throws IOException {
        final Map<String, Integer> sizes = new TreeMap<>();
        sizes(QuickFloat.class, sizes);
        sizes(Halves.class, sizes);
        sizes(VectorAccess.class, sizes);
        final Set<String> called = Set.of("QuickFloat.rareDouble", "QuickFloat.rareSingle", "VectorAccess.loadMiss");
        final Map<String, Integer> inner = Map.ofEntries(
                Map.entry("QuickFloat.checked", 31),
                Map.entry("QuickFloat.edges", 27),
                Map.entry("QuickFloat.edge", 24),
                Map.entry("QuickFloat.high", 21),
                Map.entry("QuickFloat.low", 21),
                Map.entry("QuickFloat.pairEdges", 31),
                Map.entry("QuickFloat.halfEdges", 27),
                Map.entry("QuickFloat.news", 24),
                Map.entry("QuickFloat.number", 24),
                Map.entry("QuickFloat.numbers", 31),
                Map.entry("QuickFloat.singles", 31),
                Map.entry("QuickFloat.order", 31),
                Map.entry("QuickFloat.below", 31),
                Map.entry("QuickFloat.narrowed", 31),
                Map.entry("Halves.above", 31),
                Map.entry("Halves.zeros", 31),
                Map.entry("VectorAccess.loadHit", 31),
                Map.entry("VectorAccess.loadFrom", 27),
                Map.entry("VectorAccess.storeHit", 31),
                Map.entry("VectorAccess.storeTo", 27));
        sizes.forEach((name, bytes) -> {
            final int most = called.contains(name) ? Integer.MAX_VALUE : inner.getOrDefault(name, 35);
            assertTrue(bytes <= most, name + ": " + bytes + " bytecodes, at most " + most);
        });
        assertTrue(sizes.keySet().containsAll(inner.keySet()), sizes.keySet() + " has all of " + inner.keySet());
    }

    private static void sizes(Class<?> type, Map<String, Integer> sizes) throws IOException {
        try (InputStream in = Objects.requireNonNull(
                type.getResourceAsStream("/" + type.getName().replace('.', '/') + ".class"))) {
            for (final MethodModel method :
                    ClassFile.of().parse(in.readAllBytes()).methods()) {
                final String name =
                        type.getSimpleName() + "." + method.methodName().stringValue();
                final int bytes = ((CodeAttribute) method.code().orElseThrow()).codeLength();
                sizes.merge(name, bytes, Math::max);
            }
        }
    }
}
