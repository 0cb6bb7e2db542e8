package io.jvmm.vcpu.kvm.sys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** {@link KvmIoctl} and the policies of the vCPU process name the same ioctls. */
class PolicyAgreesTest {
    private static final Path POLICIES = Path.of("../policies/src/main/policy/x86_64");

    @Test
    void theNarrowFilterAllowsExactlyWhatRuns() throws IOException {
        assertEquals(names(KvmIoctl.afterReady()), allowedBy("vcpu.policy"));
    }

    @Test
    void theStartUpFilterAllowsAllThatBuilds() throws IOException {
        final Set<String> missing = names(Set.copyOf(Arrays.asList(KvmIoctl.values())));
        missing.removeAll(allowedBy("vcpu-wide.policy"));
        assertTrue(missing.isEmpty(), missing::toString);
    }

    private static Set<String> names(Set<KvmIoctl> ioctls) {
        return ioctls.stream().map(KvmIoctl::headerName).collect(Collectors.toCollection(TreeSet::new));
    }

    /** Names in {@code allow ioctl when request in { ... }}. */
    private static Set<String> allowedBy(String policy) throws IOException {
        final String text = Files.readString(POLICIES.resolve(policy)).replaceAll("(?m)^#.*$", "");
        final Set<String> result = new TreeSet<>();
        final Matcher rule =
                Pattern.compile("allow ioctl when request in \\{([^}]*)}").matcher(text);
        while (rule.find()) {
            for (String name : rule.group(1).split(",", -1)) {
                result.add(name.strip());
            }
        }
        return result;
    }
}
