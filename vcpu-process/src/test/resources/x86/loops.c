/* Guest loops for TranslatorBench: one flat image, no SSE, no data but a scratch area that the caller gives.
 *
 * gcc -O2 -ffreestanding -fno-builtin -mno-sse -mno-mmx -mno-80387 -mno-red-zone -fno-pic -mcmodel=small -fno-tree-vectorize \
 *     -fno-tree-loop-distribute-patterns -fcf-protection=none -fno-asynchronous-unwind-tables -fno-stack-protector -nostdlib \
 *     -Wl,-T,loops.ld -Wl,--oformat=binary -o loops.bin loops.c
 */
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned char u8;

static u64 sieve(u8 *m, u64 rounds) {
    u64 n = 0;
    for (u64 r = 0; r < rounds; r++) {
        for (u32 i = 2; i < 16384; i++) m[i] = 1;
        for (u32 i = 2; i < 16384; i++)
            if (m[i]) {
                n++;
                for (u32 j = i + i; j < 16384; j += i) m[j] = 0;
            }
    }
    return n;
}

static void quick(int *a, long lo, long hi) {
    while (lo < hi) {
        int p = a[(lo + hi) >> 1];
        long i = lo, j = hi;
        while (i <= j) {
            while (a[i] < p) i++;
            while (a[j] > p) j--;
            if (i <= j) { int t = a[i]; a[i] = a[j]; a[j] = t; i++; j--; }
        }
        if (j - lo < hi - i) { quick(a, lo, j); lo = i; } else { quick(a, i, hi); hi = j; }
    }
}

static u64 sort(u8 *m, u64 rounds) {
    int *a = (int *)m;
    u32 x = 1;
    for (u64 r = 0; r < rounds; r++) {
        for (int i = 0; i < 4000; i++) { x = x * 1664525 + 1013904223; a[i] = (int)x; }
        quick(a, 0, 3999);
    }
    return (u64)a[2000];
}

static u64 copy(u8 *m, u64 rounds) {
    u64 *a = (u64 *)m, *b = (u64 *)(m + 8192);
    for (u64 r = 0; r < rounds; r++)
        for (u32 i = 0; i < 1024; i++) { b[i] = a[i]; __asm__ volatile("" ::: "memory"); }
    return b[5];
}

static u64 crc(u8 *m, u64 rounds) {
    u32 *t = (u32 *)m;
    for (u32 i = 0; i < 256; i++) {
        u32 c = i;
        for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
        t[i] = c;
    }
    u32 c = ~0u;
    for (u64 r = 0; r < rounds; r++)
        for (u32 i = 0; i < 8192; i++) c = t[(c ^ m[4096 + i]) & 255] ^ c >> 8;
    return ~c;
}

static u64 mpi(u8 *m, u64 rounds) {
    u64 *a = (u64 *)m, *r = (u64 *)(m + 1024);
    for (int i = 0; i < 32; i++) { a[i] = 0x9e3779b97f4a7c15UL * (i + 1); r[i] = i; }
    for (u64 k = 0; k < rounds; k++)
        for (int j = 0; j < 32; j++) {
            u64 carry = 0, w = a[j];
            for (int i = 0; i < 32; i++) {
                unsigned __int128 p = (unsigned __int128)a[i] * w + r[i] + carry;
                r[i] = (u64)p;
                carry = (u64)(p >> 64);
            }
        }
    return r[3];
}

static u64 machine(u8 *m, u64 rounds) {
    u64 a = 1, b = 2, c = 3;
    for (int i = 0; i < 256; i++) m[i] = (u8)(i * 7 % 11);
    for (u64 k = 0; k < rounds; k++)
        for (int pc = 0; pc < 256; pc++)
            switch (m[pc]) {
            case 0: a += b; break;
            case 1: b ^= c; break;
            case 2: c -= a; break;
            case 3: if (a & 1) b++; break;
            case 4: a = a << 3 | a >> 61; break;
            case 5: c = b * 5; break;
            case 6: if (b > c) a--; break;
            case 7: b = m[c & 255] + a; break;
            case 8: m[512 + (a & 255)] = (u8)b; break;
            case 9: c += m[512 + (b & 255)]; break;
            default: a ^= c >> 7; break;
            }
    return a + b + c;
}

static __attribute__((noinline)) u64 fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static u64 calls(u8 *m, u64 rounds) {
    u64 s = 0;
    (void)m;
    for (u64 k = 0; k < rounds; k++) s += fib(16);
    return s;
}

static u64 list(u8 *m, u64 rounds) {
    struct node { struct node *next; u64 v; } *n = (struct node *)m;
    for (u64 i = 0; i < 1024; i++) { n[i].next = &n[(i * 389 + 1) & 1023]; n[i].v = i; }
    u64 s = 0;
    struct node *p = n;
    for (u64 k = 0; k < rounds * 1024; k++) { s += p->v; p = p->next; }
    return s;
}

/* Two functions in two pages that call each other. */
static __attribute__((noinline, section(".text.far"))) u64 far_leaf(u64 x) { return x * 3 + 1; }

static u64 far_calls(u8 *m, u64 rounds) {
    u64 x = 1;
    (void)m;
    for (u64 k = 0; k < rounds * 1000; k++) x = far_leaf(x);
    return x;
}

__attribute__((section(".text.start"))) u64 start(u64 which, u8 *m, u64 rounds) {
    switch (which) {
    case 0: return sieve(m, rounds);
    case 1: return sort(m, rounds);
    case 2: return copy(m, rounds);
    case 3: return crc(m, rounds);
    case 4: return mpi(m, rounds);
    case 5: return machine(m, rounds);
    case 6: return calls(m, rounds);
    case 7: return list(m, rounds);
    default: return far_calls(m, rounds);
    }
}
