package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.SysException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class ClassPreloaderTest {

    /** What our classes name of Agrona is loaded with them. */
    @Test
    void agronaIsLoadedAsFarAsItIsUsed() throws IOException {
        List<String> files = new ArrayList<>();
        for (Class<?> anchor : List.of(DeviceMain.class, SysException.class)) {
            ClassPreloader.forEachClass(ClassPreloader.source(anchor), files::add);
        }
        Set<String> named = new TreeSet<>();
        for (String file : files) {
            try (InputStream bytes =
                    Objects.requireNonNull(DeviceMain.class.getClassLoader()).getResourceAsStream(file)) {
                byte[] content = Objects.requireNonNull(bytes, file).readAllBytes();
                for (PoolEntry entry : ClassFile.of().parse(content).constantPool()) {
                    if (entry instanceof ClassEntry type) {
                        named.add(type.asInternalName());
                    }
                }
            }
        }
        named.removeIf(name -> !name.startsWith("org/agrona/"));
        assertTrue(named.contains("org/agrona/concurrent/UnsafeBuffer"), named.toString());
        ClassPreloader.AGRONA.forEach(name -> named.remove(name.replace('.', '/')));
        assertEquals(Set.of(), named);
    }

    /** Every class of the device runtime can be initialised by itself: nothing fails for being early. */
    @Test
    void everythingOfOursCanBeInitialised() {
        ClassPreloader.initialiseAll(new EchoDevice());
    }
}
