package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import org.junit.jupiter.api.Test;

/** A question that is not forwarded is answered by a default, and what is tested is not what is shipped. */
class ForwardingFactoryTest {
    @Test
    void everyQuestionIsForwarded() throws Exception {
        int questions = 0;
        for (Method method : VirtioFactory.class.getDeclaredMethods()) {
            if (!Modifier.isStatic(method.getModifiers()) && !method.isSynthetic()) {
                Class<?> answers = ForwardingFactory.class
                        .getMethod(method.getName(), method.getParameterTypes())
                        .getDeclaringClass();
                assertEquals(ForwardingFactory.class, answers, method.getName());
                questions++;
            }
        }
        assertTrue(questions > 10, questions + " questions");
    }
}
