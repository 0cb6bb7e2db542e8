package io.jvmm.policy.sys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.SyscallNumbers;
import io.jvmm.policy.parse.SyscallTable;
import java.lang.reflect.Field;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class KernelTest {
    @Test
    void aSeventhArgumentIsRefused() {
        assertEquals(
                ProcessHandle.current().pid(), Kernel.call(SyscallNumbers.GETPID, 0, 0, 0, 0, 0, 0), "six are taken");
        assertThrows(IllegalArgumentException.class, () -> Kernel.call(SyscallNumbers.GETPID, 0, 0, 0, 0, 0, 0, 0));
    }

    /** What we call by number is what the policies, and the kernel's own table, call by that name. */
    @Test
    void theNumbersAreThoseOfTheTable() throws IllegalAccessException {
        Field[] numbers = SyscallNumbers.class.getFields();
        assertTrue(numbers.length > 50);
        for (Field f : numbers) {
            String name = f.getName().toLowerCase(Locale.ROOT);
            assertEquals(SyscallTable.x86_64().number(name), f.getInt(null), name);
        }
    }
}
