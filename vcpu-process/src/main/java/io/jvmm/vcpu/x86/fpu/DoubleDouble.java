package io.jvmm.vcpu.x86.fpu;

/**
 * A number as the unevaluated sum of two doubles, some 106 bits (T. J. Dekker, "A floating-point technique for extending the available
 * precision", 1971): what the transcendental functions compute with. Mutable, so that nothing is allocated.
 */
final class DoubleDouble {
    double high;
    double low;

    DoubleDouble set(double newHigh, double newLow) {
        high = newHigh;
        low = newLow;
        return this;
    }

    DoubleDouble set(DoubleDouble other) {
        return set(other.high, other.low);
    }

    /** Exactly so many units of 2^exponent: the bits of an unsigned significand. */
    DoubleDouble setScaled(long significand, int exponent) {
        final double upper = (double) (significand >>> 32) * 4294967296.0;
        final double lower = (double) (significand & 0xffff_ffffL);
        sum(upper, lower);
        high = Math.scalb(high, exponent);
        low = Math.scalb(low, exponent);
        return this;
    }

    private void sum(double a, double b) {
        final double s = a + b;
        final double t = s - a;
        low = a - (s - t) + (b - t);
        high = s;
    }

    private void quickSum(double a, double b) {
        high = a + b;
        low = b - (high - a);
    }

    DoubleDouble negate() {
        return set(-high, -low);
    }

    DoubleDouble add(double bHigh, double bLow) {
        final double aLow = low;
        sum(high, bHigh);
        final double error = low;
        final double s = high;
        sum(aLow, bLow);
        final double t = high;
        final double tError = low;
        quickSum(s, error + t);
        quickSum(high, low + tError);
        return this;
    }

    DoubleDouble add(DoubleDouble b) {
        return add(b.high, b.low);
    }

    DoubleDouble multiply(double bHigh, double bLow) {
        final double p = high * bHigh;
        final double error = Math.fma(high, bHigh, -p) + (high * bLow + low * bHigh);
        quickSum(p, error);
        return this;
    }

    DoubleDouble multiply(DoubleDouble b) {
        return multiply(b.high, b.low);
    }

    /** Three steps of long division. */
    DoubleDouble divide(double bHigh, double bLow) {
        final double q1 = high / bHigh;
        subtractProduct(q1, bHigh, bLow);
        final double q2 = high / bHigh;
        subtractProduct(q2, bHigh, bLow);
        final double q3 = high / bHigh;
        quickSum(q1, q2);
        return add(q3, 0);
    }

    DoubleDouble divide(DoubleDouble b) {
        return divide(b.high, b.low);
    }

    private void subtractProduct(double q, double bHigh, double bLow) {
        final double p = q * bHigh;
        final double error = Math.fma(q, bHigh, -p) + q * bLow;
        final double pHigh = p + error;
        add(-pHigh, -(error - (pHigh - p)));
    }
}
