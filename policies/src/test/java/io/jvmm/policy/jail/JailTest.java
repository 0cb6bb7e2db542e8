package io.jvmm.policy.jail;

import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** The scenarios, as whoever runs the tests: root in CI, an ordinary user at a desk. */
@Tag("jail")
final class JailTest {
    @TestFactory
    Stream<DynamicTest> scenarios() {
        return JailScenarios.all().entrySet().stream()
                .map(e -> DynamicTest.dynamicTest(e.getKey(), () -> e.getValue().run()));
    }
}
