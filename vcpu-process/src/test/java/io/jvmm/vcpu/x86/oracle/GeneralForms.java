package io.jvmm.vcpu.x86.oracle;

import java.util.ArrayList;
import java.util.List;

/**
 * The encodings of general-purpose instructions that user mode may execute (SDM 2 appendix A), written down for the tests on their own:
 * opcode, what follows it, and which prefixes make sense. Not derived from the decoder that they test.
 */
final class GeneralForms {
    /** What follows opcode and ModRM. */
    enum Tail {
        NONE(0),
        IMM8(1),
        IMM16(2),
        /** 2 or 4 bytes, by operand size. */
        IMMZ(4),
        /** 2, 4 or 8 bytes, by operand size. */
        IMMV(8),
        /** ENTER: 16 bits of size, 8 of level. */
        FRAME(3),
        REL8(1),
        REL32(4),
        /** An absolute address, of the address size. */
        OFFSET(8);

        final int bytes;

        Tail(int bytes) {
            this.bytes = bytes;
        }
    }

    /**
     * One opcode.
     *
     * @param prefix mandatory prefix, or 0
     * @param map bytes 0f, or 0f 38, before the opcode: 0, 1 or 2
     * @param extension ModRM.reg where it selects the instruction; -1 where it is a register; -2 without ModRM
     * @param lock whether LOCK is allowed with a memory destination
     * @param repeat whether F2 and F3 are
     * @param sizes whether 66 and REX.W are
     * @param memoryOnly whether ModRM must name memory
     */
    record Form(
            int prefix,
            int map,
            int opcode,
            int extension,
            Tail tail,
            boolean lock,
            boolean repeat,
            boolean sizes,
            boolean memoryOnly,
            boolean in64,
            boolean in32) {
        boolean hasModRm() {
            return extension != NO_MODRM;
        }

        @Override
        public String toString() {
            final String text = (prefix == 0 ? "" : String.format("%02x ", prefix))
                    + (map == 0 ? "" : map == 1 ? "0f " : "0f 38 ")
                    + String.format("%02x", opcode);
            return extension >= 0 ? text + "/" + extension : text;
        }

        private Form locked() {
            return new Form(prefix, map, opcode, extension, tail, true, repeat, sizes, memoryOnly, in64, in32);
        }

        private Form repeated() {
            return new Form(prefix, map, opcode, extension, tail, lock, true, sizes, memoryOnly, in64, in32);
        }

        private Form unsized() {
            return new Form(prefix, map, opcode, extension, tail, lock, repeat, false, memoryOnly, in64, in32);
        }

        private Form memory() {
            return new Form(prefix, map, opcode, extension, tail, lock, repeat, sizes, true, in64, in32);
        }

        private Form legacy() {
            return new Form(prefix, map, opcode, extension, tail, lock, repeat, sizes, memoryOnly, false, true);
        }

        private Form long64() {
            return new Form(prefix, map, opcode, extension, tail, lock, repeat, sizes, memoryOnly, true, false);
        }
    }

    static final int REGISTER = -1;
    static final int NO_MODRM = -2;

    private final List<Form> forms = new ArrayList<>();

    private GeneralForms() {}

    /** All of them. */
    static List<Form> all() {
        final GeneralForms table = new GeneralForms();
        table.arithmetic();
        table.moves();
        table.stackAndControl();
        table.shiftsAndUnary();
        table.twoByte();
        table.legacyOnly();
        return table.forms;
    }

    private static Form one(int opcode, int extension, Tail tail) {
        return new Form(0, 0, opcode, extension, tail, false, false, true, false, true, true);
    }

    private static Form two(int opcode, int extension, Tail tail) {
        return new Form(0, 1, opcode, extension, tail, false, false, true, false, true, true);
    }

    private void arithmetic() {
        for (int i = 0; i < 8; i++) {
            final int o = i * 8;
            final boolean compare = i == 7;
            for (int j = 0; j < 4; j++) {
                final Form form = one(o + j, REGISTER, Tail.NONE);
                forms.add(j < 2 && !compare ? form.locked() : form);
            }
            forms.add(one(o + 4, NO_MODRM, Tail.IMM8));
            forms.add(one(o + 5, NO_MODRM, Tail.IMMZ));
            for (final int group : new int[] {0x80, 0x81, 0x83}) {
                final Form form = one(group, i, group == 0x81 ? Tail.IMMZ : Tail.IMM8);
                forms.add(compare ? form : form.locked());
            }
        }
        forms.add(one(0x84, REGISTER, Tail.NONE));
        forms.add(one(0x85, REGISTER, Tail.NONE));
        forms.add(one(0xa8, NO_MODRM, Tail.IMM8));
        forms.add(one(0xa9, NO_MODRM, Tail.IMMZ));
        forms.add(one(0x69, REGISTER, Tail.IMMZ));
        forms.add(one(0x6b, REGISTER, Tail.IMM8));
    }

    private void moves() {
        forms.add(one(0x63, REGISTER, Tail.NONE).long64());
        forms.add(one(0x86, REGISTER, Tail.NONE).locked());
        forms.add(one(0x87, REGISTER, Tail.NONE).locked());
        for (int o = 0x88; o <= 0x8b; o++) {
            forms.add(one(o, REGISTER, Tail.NONE));
        }
        forms.add(one(0x8d, REGISTER, Tail.NONE).memory());
        for (int o = 0x90; o <= 0x99; o++) {
            forms.add(one(o, NO_MODRM, Tail.NONE));
        }
        forms.add(one(0x9e, NO_MODRM, Tail.NONE));
        forms.add(one(0x9f, NO_MODRM, Tail.NONE));
        for (int o = 0xa0; o <= 0xa3; o++) {
            forms.add(one(o, NO_MODRM, Tail.OFFSET));
        }
        for (final int o : new int[] {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf}) {
            forms.add(one(o, NO_MODRM, Tail.NONE).repeated());
        }
        for (int o = 0xb0; o <= 0xbf; o++) {
            forms.add(one(o, NO_MODRM, o < 0xb8 ? Tail.IMM8 : Tail.IMMV));
        }
        forms.add(one(0xc6, 0, Tail.IMM8));
        forms.add(one(0xc7, 0, Tail.IMMZ));
        forms.add(one(0xd7, NO_MODRM, Tail.NONE));
        for (final int o : new int[] {0xf5, 0xf8, 0xf9, 0xfc, 0xfd}) {
            forms.add(one(o, NO_MODRM, Tail.NONE));
        }
    }

    private void stackAndControl() {
        for (int o = 0x50; o <= 0x5f; o++) {
            forms.add(one(o, NO_MODRM, Tail.NONE));
        }
        forms.add(one(0x68, NO_MODRM, Tail.IMMZ));
        forms.add(one(0x6a, NO_MODRM, Tail.IMM8));
        forms.add(one(0x8f, 0, Tail.NONE));
        forms.add(one(0x9c, NO_MODRM, Tail.NONE));
        forms.add(one(0x9d, NO_MODRM, Tail.NONE));
        forms.add(one(0xc8, NO_MODRM, Tail.FRAME));
        forms.add(one(0xc9, NO_MODRM, Tail.NONE));
        forms.add(one(0xff, 6, Tail.NONE));
        // With 66 a branch truncates RIP, which here would go nowhere.
        for (int c = 0; c < 16; c++) {
            forms.add(one(0x70 + c, NO_MODRM, Tail.REL8).unsized());
            forms.add(two(0x80 + c, NO_MODRM, Tail.REL32).unsized());
        }
        for (int o = 0xe0; o <= 0xe3; o++) {
            forms.add(one(o, NO_MODRM, Tail.REL8).unsized());
        }
        forms.add(one(0xe8, NO_MODRM, Tail.REL32).unsized());
        forms.add(one(0xe9, NO_MODRM, Tail.REL32).unsized());
        forms.add(one(0xeb, NO_MODRM, Tail.REL8).unsized());
        forms.add(one(0xc2, NO_MODRM, Tail.IMM16).unsized());
        forms.add(one(0xc3, NO_MODRM, Tail.NONE).unsized());
        forms.add(one(0xff, 2, Tail.NONE).unsized());
        forms.add(one(0xff, 4, Tail.NONE).unsized());
    }

    private void shiftsAndUnary() {
        for (int i = 0; i < 8; i++) {
            forms.add(one(0xc0, i, Tail.IMM8));
            forms.add(one(0xc1, i, Tail.IMM8));
            for (int o = 0xd0; o <= 0xd3; o++) {
                forms.add(one(o, i, Tail.NONE));
            }
            final boolean test = i < 2;
            final Form bytes = one(0xf6, i, test ? Tail.IMM8 : Tail.NONE);
            final Form words = one(0xf7, i, test ? Tail.IMMZ : Tail.NONE);
            final boolean lock = i == 2 || i == 3;
            forms.add(lock ? bytes.locked() : bytes);
            forms.add(lock ? words.locked() : words);
        }
        for (int i = 0; i < 2; i++) {
            forms.add(one(0xfe, i, Tail.NONE).locked());
            forms.add(one(0xff, i, Tail.NONE).locked());
        }
    }

    private void twoByte() {
        for (int c = 0; c < 16; c++) {
            forms.add(two(0x40 + c, REGISTER, Tail.NONE));
            forms.add(two(0x90 + c, 0, Tail.NONE));
        }
        forms.add(two(0x1f, 0, Tail.NONE));
        forms.add(two(0xa3, REGISTER, Tail.NONE));
        for (final int o : new int[] {0xab, 0xb3, 0xbb, 0xb0, 0xb1, 0xc0, 0xc1}) {
            forms.add(two(o, REGISTER, Tail.NONE).locked());
        }
        forms.add(two(0xba, 4, Tail.IMM8));
        for (int i = 5; i < 8; i++) {
            forms.add(two(0xba, i, Tail.IMM8).locked());
        }
        for (final int o : new int[] {0xa4, 0xac}) {
            forms.add(two(o, REGISTER, Tail.IMM8));
            forms.add(two(o + 1, REGISTER, Tail.NONE));
        }
        for (final int o : new int[] {0xaf, 0xb6, 0xb7, 0xbc, 0xbd, 0xbe, 0xbf}) {
            forms.add(two(o, REGISTER, Tail.NONE));
        }
        forms.add(two(0xc3, REGISTER, Tail.NONE).memory());
        forms.add(two(0xc7, 1, Tail.NONE).memory().locked());
        for (int o = 0xc8; o <= 0xcf; o++) {
            forms.add(two(o, NO_MODRM, Tail.NONE));
        }
        forms.add(new Form(0xf3, 1, 0xb8, REGISTER, Tail.NONE, false, false, true, false, true, true));
        forms.add(new Form(0xf2, 2, 0xf0, REGISTER, Tail.NONE, false, false, true, false, true, true));
        forms.add(new Form(0xf2, 2, 0xf1, REGISTER, Tail.NONE, false, false, true, false, true, true));
    }

    private void legacyOnly() {
        for (final int o : new int[] {0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61}) {
            forms.add(one(o, NO_MODRM, Tail.NONE).legacy());
        }
        for (int o = 0x40; o <= 0x4f; o++) {
            forms.add(one(o, NO_MODRM, Tail.NONE).legacy());
        }
        forms.add(one(0x62, REGISTER, Tail.NONE).memory().legacy());
        for (int i = 0; i < 8; i++) {
            forms.add(one(0x82, i, Tail.IMM8).legacy());
        }
        forms.add(one(0xd4, NO_MODRM, Tail.IMM8).legacy());
        forms.add(one(0xd5, NO_MODRM, Tail.IMM8).legacy());
    }
}
