/* The loops that the software CPU is measured with, as one static program without a C library, so that it needs nothing in
 * the guest. Prints a line "bench NAME NANOSECONDS" for each. Built by SoftwareCpuBench with:
 *   gcc -O2 -static -nostdlib -fno-stack-protector -fno-builtin -mno-red-zone -o loops loops.c
 */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

enum { READ = 0, WRITE = 1, MMAP = 9, MUNMAP = 11, PIPE = 22, GETPPID = 110, FORK = 57, EXIT = 60, WAIT4 = 61, IOPL = 172, CLOCK_GETTIME = 228 };

static long call(long n, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}

static u64 now(void) {
    long time[2];
    call(CLOCK_GETTIME, 1, (long)time, 0, 0, 0, 0);
    return (u64)time[0] * 1000000000ul + (u64)time[1];
}

static void say(const char *name, u64 ns) {
    char line[96];
    int n = 0;
    for (const char *s = "bench "; *s; s++) line[n++] = *s;
    for (; *name; name++) line[n++] = *name;
    line[n++] = ' ';
    char digits[24];
    int d = 0;
    do { digits[d++] = (char)('0' + ns % 10); ns /= 10; } while (ns);
    while (d) line[n++] = digits[--d];
    line[n++] = '\n';
    call(WRITE, 1, (long)line, n, 0, 0, 0);
}

static void *map(u64 bytes) { return (void *)call(MMAP, 0, (long)bytes, 3, 0x22, -1, 0); }

/* Keeps two arrays from meeting in the same entries of a direct-mapped TLB, whatever its size. */
enum { APART = 5 << 12 };

static volatile u64 sink;
static u64 seed = 88172645463325252ul;
static u64 random64(void) { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; return seed; }

static void sieve(void) {
    enum { N = 2000000, ROUNDS = 12 };
    u8 *composite = map(N);
    u64 count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (u32 i = 0; i < N; i++) composite[i] = 0;
        for (u32 i = 2; i < N; i++) {
            if (composite[i]) continue;
            count++;
            for (u64 j = (u64)i * i; j < N; j += i) composite[j] = 1;
        }
    }
    sink = count;
}

static void sort(u32 *a, long low, long high) {
    while (low < high) {
        u32 pivot = a[(low + high) / 2];
        long i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot) i++;
            while (a[j] > pivot) j--;
            if (i <= j) { u32 t = a[i]; a[i++] = a[j]; a[j--] = t; }
        }
        if (j - low < high - i) { sort(a, low, j); low = i; } else { sort(a, i, high); high = j; }
    }
}

static void quicksort(void) {
    enum { N = 400000, ROUNDS = 6 };
    u32 *a = map(N * 4);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < N; i++) a[i] = (u32)random64();
        sort(a, 0, N - 1);
    }
    sink = a[N / 2];
}

static void copy(void) {
    enum { N = 1 << 20, ROUNDS = 600 };
    u64 *a = map(N), *b = map(N + APART) + APART;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < N / 8; i += 4) { b[i] = a[i]; b[i + 1] = a[i + 1]; b[i + 2] = a[i + 2]; b[i + 3] = a[i + 3] + round; }
    }
    sink = b[77];
}

static void stringcopy(void) {
    enum { N = 1 << 20, ROUNDS = 60 };
    u8 *a = map(N), *b = map(N + APART) + APART;
    for (int round = 0; round < ROUNDS; round++) {
        void *from = a, *to = b;
        u64 n = N;
        __asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
    }
    sink = b[77];
}

static void randomaccess(void) {
    enum { WORDS = 8 << 20, STEPS = 6000000 };
    u64 *a = map((u64)WORDS * 8);
    for (int i = 0; i < WORDS; i++) a[i] = (u64)i * 0x9e3779b97f4a7c15ul;
    u64 at = 1;
    for (int i = 0; i < STEPS; i++) { at = a[at & (WORDS - 1)] * 6364136223846793005ul + 1442695040888963407ul; at ^= at >> 29; a[at & (WORDS - 1)] += at; }
    sink = at;
}

static void branchy(void) {
    /* A bytecode interpreter on a program that counts Collatz steps. */
    enum { STEPS = 60000000 };
    static const u8 program[] = {0, 1, 2, 3, 4, 5, 6, 7};
    u64 n = 27, steps = 0, limit = 27;
    u32 pc = 0;
    for (u64 i = 0; i < STEPS; i++) {
        switch (program[pc]) {
        case 0: pc = n == 1 ? 6 : 1; break;
        case 1: pc = (n & 1) ? 3 : 2; break;
        case 2: n >>= 1; pc = 5; break;
        case 3: n = 3 * n + 1; pc = 4; break;
        case 4: steps++; pc = 2; break;
        case 5: steps++; pc = 0; break;
        case 6: limit++; pc = 7; break;
        default: n = limit; pc = 0; break;
        }
    }
    sink = steps;
}

static void arithmetic(void) {
    /* Multi-precision multiplication: what verifying a signature is made of. */
    enum { WORDS = 64, ROUNDS = 9000 };
    static u64 a[WORDS], b[WORDS], r[2 * WORDS];
    for (int i = 0; i < WORDS; i++) { a[i] = random64(); b[i] = random64(); }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2 * WORDS; i++) r[i] = 0;
        for (int i = 0; i < WORDS; i++) {
            unsigned __int128 carry = 0;
            for (int j = 0; j < WORDS; j++) {
                carry += (unsigned __int128)a[i] * b[j] + r[i + j];
                r[i + j] = (u64)carry;
                carry >>= 64;
            }
            r[i + WORDS] = (u64)carry;
        }
        a[round & (WORDS - 1)] ^= r[WORDS];
    }
    sink = r[5];
}

static void floating(void) {
    enum { N = 96, ROUNDS = 24 };
    static double a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) { a[i][j] = (double)(i * j % 7) + 0.5; b[i][j] = (double)(i + j) / 3.0; }
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double sum = 0;
                for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
                c[i][j] = sum / (1.0 + (double)round);
            }
    sink = (u64)c[3][4];
}

static void syscalls(void) {
    for (int i = 0; i < 1000000; i++) call(GETPPID, 0, 0, 0, 0, 0, 0);
}

static void pagefaults(void) {
    enum { PAGES = 2048, ROUNDS = 24 };
    for (int round = 0; round < ROUNDS; round++) {
        u8 *p = map(PAGES * 4096ul);
        for (int i = 0; i < PAGES; i++) p[i * 4096ul] = 1;
        call(MUNMAP, (long)p, PAGES * 4096l, 0, 0, 0, 0);
    }
}

static void switches(void) {
    enum { ROUNDS = 30000 };
    int there[2], back[2];
    char byte = 0;
    call(PIPE, (long)there, 0, 0, 0, 0, 0);
    call(PIPE, (long)back, 0, 0, 0, 0, 0);
    if (call(FORK, 0, 0, 0, 0, 0, 0) == 0) {
        for (int i = 0; i < ROUNDS; i++) { call(READ, there[0], (long)&byte, 1, 0, 0, 0); call(WRITE, back[1], (long)&byte, 1, 0, 0, 0); }
        call(EXIT, 0, 0, 0, 0, 0, 0);
    }
    for (int i = 0; i < ROUNDS; i++) { call(WRITE, there[1], (long)&byte, 1, 0, 0, 0); call(READ, back[0], (long)&byte, 1, 0, 0, 0); }
    call(WAIT4, -1, 0, 0, 0, 0, 0);
}

static void forks(void) {
    for (int i = 0; i < 400; i++) {
        if (call(FORK, 0, 0, 0, 0, 0, 0) == 0) call(EXIT, 0, 0, 0, 0, 0, 0);
        call(WAIT4, -1, 0, 0, 0, 0, 0);
    }
}

static void deviceread(void) {
    /* The index port of the clock, then its data: served by a device process in jvmm. */
    u8 value = 0;
    call(IOPL, 3, 0, 0, 0, 0, 0);
    for (int i = 0; i < 50000; i++) {
        __asm__ volatile("outb %b0, $0x70" : : "a"((u8)10));
        __asm__ volatile("inb $0x71, %b0" : "=a"(value));
    }
    sink = value;
}

static void measure(const char *name, void (*loop)(void)) {
    u64 begin = now();
    loop();
    say(name, now() - begin);
}

__attribute__((force_align_arg_pointer, noreturn)) void _start(void) {
    measure("sieve", sieve);
    measure("sort", quicksort);
    measure("arithmetic", arithmetic);
    measure("branchy", branchy);
    measure("copy", copy);
    measure("rep-movsb", stringcopy);
    measure("random-access", randomaccess);
    measure("floating-point", floating);
    measure("system-calls", syscalls);
    measure("page-faults", pagefaults);
    measure("context-switches", switches);
    measure("forks", forks);
    measure("device-reads", deviceread);
    call(EXIT, 0, 0, 0, 0, 0, 0);
    __builtin_unreachable();
}
