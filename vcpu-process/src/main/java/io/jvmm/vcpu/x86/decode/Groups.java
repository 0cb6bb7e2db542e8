package io.jvmm.vcpu.x86.decode;

/** The cells of opcode groups, allocated while the maps are built. */
final class Groups {
    private final long[] cells = new long[2048];
    private int used;

    long[] cells() {
        return cells;
    }

    /** Sixteen cells by ModRM.reg: eight with memory, eight with a register. Missing ones do not exist. */
    long group(long[] memory, long[] register) {
        final int base = used;
        used += 16;
        System.arraycopy(memory, 0, cells, base, memory.length);
        System.arraycopy(register, 0, cells, base + 8, register.length);
        return Entry.GROUP | Entry.MODRM | base;
    }

    /** The same with memory or a register. */
    long group(long... both) {
        return group(both, both);
    }

    /** Eight cells by ModRM.rm. */
    long byRm(long... eight) {
        final int base = used;
        used += 8;
        System.arraycopy(eight, 0, cells, base, eight.length);
        return Entry.RM_GROUP | Entry.MODRM | base;
    }

    /** One cell for memory and one for registers. */
    long split(long memory, long register) {
        final int base = used;
        used += 2;
        cells[base] = memory;
        cells[base + 1] = register;
        return Entry.SPLIT | Entry.MODRM | base;
    }
}
