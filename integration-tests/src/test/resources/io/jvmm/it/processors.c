/*
 * What several processors of one machine must agree on, as user programs see it. For the guest; it runs on any Linux of two or more
 * processors. Each test runs for a while and prints "ok NAME DETAILS" or "WRONG NAME DETAILS"; at the end "processors done".
 *
 *   processors THREADS MILLISECONDS [NAME...]
 *
 * Built with gcc -O2 -static -pthread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define MOST 16
#define FEWEST 4

static int threads;
static long lasts_ms;
static volatile int stop;
static int wrong;

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void result(int good, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%s %s ", good ? "ok" : "WRONG", name);
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
    wrong += !good;
}

static void *must(void *mapped)
{
    if (mapped == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return mapped;
}

static void *pages(long count, int protection)
{
    return must(mmap(0, count * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static void on_processor(int n)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(n % sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof set, &set);
}

static long futex(volatile int *at, int operation, int value)
{
    return syscall(SYS_futex, at, operation, value, 0, 0, 0);
}

/* Threads that begin together: each runs body(its number) until stop. */
static long counts[MOST];
static void (*body)(int);
static volatile int ready;

static void *thread(void *number)
{
    const int n = (int)(long)number;
    on_processor(n);
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    while (ready < threads)
        sched_yield();
    body(n);
    return 0;
}

static long together(void (*what)(int), long ms)
{
    pthread_t ids[MOST];
    long total = 0;
    stop = 0;
    ready = 0;
    body = what;
    memset(counts, 0, sizeof counts);
    for (long i = 0; i < threads; i++)
        if (pthread_create(&ids[i], 0, thread, (void *)i)) {
            perror("pthread_create");
            exit(2);
        }
    /* On a machine that is busy with other things, as long as it takes to do a little. */
    for (long begin = now_ms(); now_ms() < begin + ms || (total < FEWEST && now_ms() < begin + 20 * ms + 5000);) {
        usleep(5000);
        total = 0;
        for (int i = 0; i < threads; i++)
            total += ((volatile long *)counts)[i];
    }
    total = 0;
    stop = 1;
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], 0);
        total += counts[i];
    }
    return total;
}

/* ---- LOCK, at every alignment ---- */

static const int places[] = {0, 1, 2, 3, 4, 5, 6, 7, 57, 60, 61, 62, 63, 4089, 4090, 4091, 4092, 4093, 4094, 4095};
#define PLACES ((int)(sizeof places / sizeof *places))
static char *locked;

static void lock_all(int n)
{
    (void)n;
    while (!stop) {
        for (int i = 0; i < PLACES; i++) {
            char *two = locked + (3 * i) * 2 * PAGE + places[i];
            char *four = two + 2 * PAGE;
            char *eight = four + 2 * PAGE;
            uint64_t seen = *(volatile uint64_t *)eight;
            uint16_t one = 1;
            __asm__ volatile("lock xaddw %0,(%1)" : "+r"(one) : "r"(two) : "memory", "cc");
            __asm__ volatile("lock addl $3,(%0)" : : "r"(four) : "memory", "cc");
            __asm__ volatile("lock decl (%0)" : : "r"(four) : "memory", "cc");
            __asm__ volatile("lock subl $1,(%0)" : : "r"(four) : "memory", "cc");
            for (int done = 0; !done;) {
                uint64_t old = seen;
                uint8_t equal;
                __asm__ volatile("lock cmpxchgq %3,(%2); sete %1"
                                 : "+a"(old), "=q"(equal)
                                 : "r"(eight), "r"(seen + 0x100000001)
                                 : "memory", "cc");
                done = equal;
                seen = old;
            }
        }
        counts[n]++;
    }
}

static void test_lock(void)
{
    locked = pages(PLACES * 6 + 1, PROT_READ | PROT_WRITE);
    const uint64_t rounds = together(lock_all, lasts_ms);
    int bad = 0;
    for (int i = 0; i < PLACES; i++) {
        char *two = locked + (3 * i) * 2 * PAGE + places[i];
        uint16_t a;
        uint32_t b;
        uint64_t c;
        memcpy(&a, two, 2);
        memcpy(&b, two + 2 * PAGE, 4);
        memcpy(&c, two + 4 * PAGE, 8);
        bad += a != (uint16_t)rounds || b != (uint32_t)rounds || c != rounds * 0x100000001;
    }
    result(!bad, "lock", "%ld rounds, %d of %d places", (long)rounds, bad, PLACES);
}

/* Bits of one word, each thread its own; a spin lock of XCHG around plain memory. */
static volatile uint64_t bits[4];
static volatile int held;
static volatile long guarded;
static volatile long torn;

static void bit_or_lock(int n)
{
    while (!stop) {
        uint8_t before;
        __asm__ volatile("lock btsq %2,(%1); setc %0" : "=q"(before) : "r"(bits), "r"((long)n * 13) : "memory", "cc");
        if (before)
            torn++;
        __asm__ volatile("lock btrq %2,(%1); setc %0" : "=q"(before) : "r"(bits), "r"((long)n * 13) : "memory", "cc");
        if (!before)
            torn++;
        int mine = 1;
        do {
            __asm__ volatile("xchgl %0,%1" : "+r"(mine), "+m"(held) : : "memory");
            if (mine)
                __asm__ volatile("pause");
        } while (mine);
        guarded = guarded + 1;
        __asm__ volatile("movl $0,%0" : "=m"(held) : : "memory");
        counts[n]++;
    }
}

static void test_bits(void)
{
    const long rounds = together(bit_or_lock, lasts_ms);
    result(!torn && guarded == rounds, "bits", "%ld rounds, %ld counted, %ld torn", rounds, guarded, torn);
}

/* ---- litmus tests of total store order (SDM 3A 8.2.3) ---- */

#define CELLS 1000
struct cell {
    volatile long value;
    long pad[7];
};
static struct cell x[CELLS], y[CELLS];
static volatile long seen[4][CELLS][2];
static volatile int phase[MOST][16];
static long outcomes, runs;
static int pattern;
enum { SB, SB_MFENCE, SB_XCHG, SB_LOCK, SB_CPUID, MP, LB, IRIW, COHERENCE, PATTERNS };
static const char *const pattern_names[] = {"sb", "sb+mfence", "sb+xchg", "sb+lock", "sb+cpuid", "mp", "lb", "iriw", "coherence"};

static void meet(int n, int round)
{
    phase[n][0] = round;
    for (int i = 0; i < threads; i++)
        while (phase[i][0] < round)
            if (threads > sysconf(_SC_NPROCESSORS_ONLN))
                sched_yield();
            else
                __asm__ volatile("pause");
}

#define STORE_LOAD(between)                                                                                             \
    for (int i = 0; i < CELLS; i++) {                                                                                   \
        long r;                                                                                                         \
        struct cell *mine = n ? &y[i] : &x[i], *other = n ? &x[i] : &y[i];                                              \
        __asm__ volatile("movq $1,(%1);" between "movq (%2),%0"                                                         \
                         : "=&r"(r)                                                                                     \
                         : "r"(&mine->value), "r"(&other->value), "r"(&bits[3])                                         \
                         : "memory", "cc", "rax", "rcx", "rdx", "rbx");                                                 \
        seen[n][i][0] = r;                                                                                              \
    }

static void load_two(int n, struct cell *first, struct cell *second)
{
    for (int i = 0; i < CELLS; i++) {
        long a, b;
        __asm__ volatile("movq (%2),%0; movq (%3),%1" : "=&r"(a), "=&r"(b) : "r"(first + i), "r"(second + i) : "memory");
        seen[n][i][0] = a;
        seen[n][i][1] = b;
    }
}

static void play(int n)
{
    switch (pattern) {
    case SB:
        STORE_LOAD("")
        break;
    case SB_MFENCE:
        STORE_LOAD("mfence;")
        break;
    case SB_XCHG:
        STORE_LOAD("movl $1,%%eax; xchgl %%eax,(%3);")
        break;
    case SB_LOCK:
        STORE_LOAD("lock orl $0,-8(%%rsp);")
        break;
    case SB_CPUID:
        STORE_LOAD("xorl %%eax,%%eax; cpuid;")
        break;
    case MP:
        if (n)
            load_two(n, y, x);
        else
            for (int i = 0; i < CELLS; i++)
                __asm__ volatile("movq $1,(%0); movq $1,(%1)" : : "r"(x + i), "r"(y + i) : "memory");
        break;
    case LB:
        for (int i = 0; i < CELLS; i++) {
            long r;
            __asm__ volatile("movq (%1),%0; movq $1,(%2)"
                             : "=&r"(r)
                             : "r"(n ? y + i : x + i), "r"(n ? x + i : y + i)
                             : "memory");
            seen[n][i][0] = r;
        }
        break;
    case IRIW:
        if (n >= 2)
            load_two(n, n == 2 ? x : y, n == 2 ? y : x);
        else
            for (int i = 0; i < CELLS; i++)
                (n ? y : x)[i].value = 1;
        break;
    case COHERENCE:
        if (n)
            load_two(n, x, x);
        else
            for (int i = 0; i < CELLS; i++)
                x[i].value = 1;
        break;
    }
}

static int forbidden(int i)
{
    switch (pattern) {
    case MP:
        return seen[1][i][0] == 1 && seen[1][i][1] == 0;
    case LB:
        return seen[0][i][0] == 1 && seen[1][i][0] == 1;
    case IRIW:
        return seen[2][i][0] == 1 && seen[2][i][1] == 0 && seen[3][i][0] == 1 && seen[3][i][1] == 0;
    case COHERENCE:
        return seen[1][i][0] == 1 && seen[1][i][1] == 0;
    default:
        return seen[0][i][0] == 0 && seen[1][i][0] == 0;
    }
}

static void litmus(int n)
{
    for (int round = 1;;) {
        if (n == 0)
            for (int i = 0; i < CELLS; i++)
                x[i].value = y[i].value = 0;
        meet(n, round++);
        play(n);
        meet(n, round++);
        if (n == 0) {
            for (int i = 0; i < CELLS; i++)
                outcomes += forbidden(i);
            runs += CELLS;
            counts[0]++;
            held = stop; /* one decides for all */
        }
        meet(n, round++);
        if (held)
            break;
    }
}

static void test_litmus(void)
{
    const int all = threads;
    for (pattern = 0; pattern < PATTERNS; pattern++) {
        char name[32];
        threads = pattern == IRIW ? 4 : 2;
        outcomes = runs = held = 0;
        memset((void *)phase, 0, sizeof phase);
        together(litmus, lasts_ms / 2);
        snprintf(name, sizeof name, "litmus-%s", pattern_names[pattern]);
        result(outcomes == 0 || pattern == SB, name, "%ld of %ld%s", outcomes, runs, pattern == SB ? " (allowed)" : "");
    }
    threads = all;
}

/* The kernel's interrupt stands for the fence of one side (membarrier(2)). */
static void asymmetric(int n)
{
    volatile long *mine = n ? &y[0].value : &x[0].value, *other = n ? &x[0].value : &y[0].value;
    for (int round = 1;;) {
        long r;
        *mine = 0;
        meet(n, round++);
        *mine = 1;
        if (n)
            syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
        else
            __asm__ volatile("" : : : "memory");
        r = *other;
        seen[n][0][0] = r;
        meet(n, round++);
        if (n == 0) {
            outcomes += seen[0][0][0] == 0 && seen[1][0][0] == 0;
            runs++;
            counts[0]++;
            held = stop;
        }
        meet(n, round++);
        if (held)
            break;
    }
}

static void test_membarrier(void)
{
    const int all = threads;
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0)) {
        result(0, "membarrier", "%s", strerror(errno));
        return;
    }
    threads = 2;
    outcomes = runs = held = 0;
    memset((void *)phase, 0, sizeof phase);
    together(asymmetric, lasts_ms);
    threads = all;
    result(outcomes == 0, "membarrier", "%ld of %ld", outcomes, runs);
}

/* ---- waiting and waking ---- */

static volatile int ball;

static void ping_pong(int n)
{
    if (n > 1)
        return;
    while (!stop) {
        while (ball != n && !stop)
            futex(&ball, FUTEX_WAIT, !n);
        if (stop)
            break;
        counts[n]++;
        ball = !n;
        futex(&ball, FUTEX_WAKE, 1);
    }
    ball = 2;
    futex(&ball, FUTEX_WAKE, 2);
}

static void test_futex(void)
{
    const long rounds = together(ping_pong, lasts_ms);
    const long difference = labs(counts[0] - counts[1]);
    result(rounds >= FEWEST && difference <= 1, "futex", "%ld turns", rounds);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long queued, produced, consumed;

static void produce_or_consume(int n)
{
    while (!stop) {
        pthread_mutex_lock(&mutex);
        if (n % 2 == 0 && queued < 8) {
            queued++;
            produced++;
            pthread_cond_broadcast(&condition);
        } else if (n % 2 == 1 && queued > 0) {
            queued--;
            consumed++;
            pthread_cond_broadcast(&condition);
        } else if (!stop) {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += 50000000;
            if (until.tv_nsec >= 1000000000) {
                until.tv_nsec -= 1000000000;
                until.tv_sec++;
            }
            pthread_cond_timedwait(&condition, &mutex, &until);
        }
        pthread_mutex_unlock(&mutex);
        counts[n]++;
    }
}

static void test_condition(void)
{
    together(produce_or_consume, lasts_ms);
    result(produced == consumed + queued && consumed > 0, "condition", "%ld through", consumed);
}

/* ---- TLB shoot-down ---- */

static char *volatile target;
static __thread sigjmp_buf back;
static __thread volatile int expecting;
static volatile long faults;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    if (!expecting) {
        printf("WRONG fault at %p\n", info->si_addr);
        _exit(3);
    }
    faults++;
    siglongjmp(back, 1);
}

static void catch_faults(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);
}

static void write_target(int n)
{
    if (n == 0) {
        long bad = 0, rounds = 0;
        char *spare = pages(1, PROT_READ | PROT_WRITE);
        while (!stop) {
            long sum = 0;
            if (mprotect(target, PAGE, PROT_READ))
                perror("mprotect");
            for (int i = 1; i < threads; i++)
                sum += ((volatile long *)target)[8 * i];
            for (int spin = 0; spin < 300; spin++) {
                long again = 0;
                for (int i = 1; i < threads; i++)
                    again += ((volatile long *)target)[8 * i];
                bad += again != sum;
            }
            mprotect(target, PAGE, PROT_READ | PROT_WRITE);
            usleep(rounds % 7 * 50);
            /* Moved away: nobody may write to the page any more, nor to what comes in its place before it is there. */
            if (mremap(target, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, spare) != spare)
                perror("mremap");
            sum = 0;
            for (int i = 1; i < threads; i++)
                sum += ((volatile long *)spare)[8 * i];
            must(mmap(target, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
            for (int spin = 0; spin < 300; spin++) {
                long again = 0;
                for (int i = 1; i < threads; i++)
                    again += ((volatile long *)spare)[8 * i];
                bad += again != sum;
            }
            /* Given up: the next access finds zeros. */
            madvise(spare, PAGE, MADV_DONTNEED);
            bad += ((volatile long *)spare)[8] != 0;
            rounds++;
            counts[0]++;
        }
        torn = bad;
        return;
    }
    volatile long *mine = (volatile long *)target + 8 * n;
    while (!stop) {
        expecting = 1;
        if (!sigsetjmp(back, 0))
            for (int i = 0; i < 1000 && !stop; i++)
                *mine = *mine + 1;
        expecting = 0;
    }
}

static void test_shootdown(void)
{
    catch_faults();
    target = pages(1, PROT_READ | PROT_WRITE);
    torn = faults = 0;
    const long rounds = together(write_target, lasts_ms);
    result(torn == 0 && rounds >= FEWEST, "shootdown", "%ld rounds, %ld faults, %ld seen late", rounds, faults, torn);
}

/* Every thread maps, touches and unmaps: what it finds is fresh. */
static void map_and_unmap(int n)
{
    while (!stop) {
        const long size = 16 * PAGE;
        char *p = pages(16, PROT_READ | PROT_WRITE);
        for (long at = 0; at < size; at += PAGE) {
            if (*(volatile long *)(p + at))
                torn++;
            *(volatile long *)(p + at) = n + 1;
        }
        for (long at = 0; at < size; at += PAGE)
            if (*(volatile long *)(p + at) != n + 1)
                torn++;
        munmap(p, size);
        counts[n]++;
    }
}

static void test_mapping(void)
{
    torn = 0;
    const long rounds = together(map_and_unmap, lasts_ms);
    result(torn == 0, "mapping", "%ld rounds, %ld not fresh", rounds, torn);
}

/* ---- code that another processor writes (SDM 3A 8.1.3: cross-modifying code) ---- */

static volatile long code_ready, code_taken;
static unsigned char *code_write, *code_run;
static long code_bad, code_rounds;
#define CODE_PAGES 512
#define FUNCTIONS 8

static void put_function(unsigned char *at, uint32_t value)
{
    /* mov $value,%eax; ret: opcode last, as if nothing ran there yet */
    *(volatile uint32_t *)(at + 1) = value;
    *(volatile unsigned char *)(at + 5) = 0xc3;
    *(volatile unsigned char *)at = 0xb8;
}

static void serialize(void)
{
    __asm__ volatile("xorl %%eax,%%eax; cpuid" : : : "rax", "rbx", "rcx", "rdx", "memory");
}

static void write_or_run(int n)
{
    if (n > 1)
        return;
    for (long round = 1;; round++) {
        /* A page gets some rounds: first it is data, then code, and then the code changes. */
        const long page = round / 8 % CODE_PAGES;
        const int which = round % 3;
        if (n == 0) {
            unsigned char *p = code_write + page * PAGE;
            if (round % 8 == 0)
                for (int i = 0; i < FUNCTIONS; i++)
                    put_function(p + 64 * i, (uint32_t)round + i);
            else
                for (int i = 0; i < FUNCTIONS; i += 1 + which)
                    put_function(p + 64 * i, (uint32_t)round + i);
            code_ready = stop ? -round : round;
            while (code_taken < round)
                ;
        } else {
            unsigned char *p = code_run + page * PAGE;
            long now;
            while (labs(now = code_ready) < round)
                ;
            serialize();
            for (int i = 0; i < FUNCTIONS; i++) {
                const uint32_t got = ((uint32_t(*)(void))(p + 64 * i))();
                if (round % 8 == 0 || i % (1 + which) == 0) {
                    code_rounds++;
                    code_bad += got != (uint32_t)round + i;
                }
            }
            code_taken = round;
            counts[1]++;
        }
        if (code_ready < 0)
            break;
    }
}

static void code_test(const char *name, unsigned char *writable, unsigned char *executable)
{
    const int all = threads;
    threads = 2;
    code_write = writable;
    code_run = executable;
    code_ready = code_taken = code_bad = code_rounds = 0;
    /* The first of a page's rounds writes all of it. */
    for (int page = 0; page < CODE_PAGES; page++)
        for (int i = 0; i < FUNCTIONS; i++)
            put_function(writable + page * PAGE + 64 * i, 1 + i);
    together(write_or_run, lasts_ms);
    threads = all;
    result(code_bad == 0, name, "%ld calls, %ld ran old code", code_rounds, code_bad);
}

static void test_code(void)
{
    unsigned char *both = pages(CODE_PAGES, PROT_READ | PROT_WRITE | PROT_EXEC);
    code_test("code", both, both);
    const int fd = memfd_create("code", 0);
    if (ftruncate(fd, CODE_PAGES * PAGE))
        perror("ftruncate");
    unsigned char *w = must(mmap(0, CODE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    unsigned char *e = must(mmap(0, CODE_PAGES * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0));
    code_test("code-two-mappings", w, e);
}

/* One writes the immediate of an instruction that another runs in a loop all the time: old or new, and new soon. */
static void patch_or_spin(int n)
{
    uint32_t (*const f)(void) = (uint32_t(*)(void))code_run;
    if (n == 0) {
        for (uint32_t value = 1; !stop; value++) {
            *(volatile uint32_t *)(code_write + 4) = value;
            for (long spin = 0; code_taken < value && !stop; spin++)
                if (spin > 200000)
                    sched_yield();
            counts[0]++;
        }
    } else {
        uint32_t before = 0;
        while (!stop) {
            const uint32_t got = f();
            if (got < before)
                __atomic_add_fetch(&code_bad, 1, __ATOMIC_SEQ_CST);
            before = got;
            if (n == 1)
                code_taken = got;
        }
    }
}

static void test_patching(void)
{
    unsigned char *p = pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
    code_write = code_run = p;
    code_bad = code_taken = 0;
    /* nop; nop; nop; mov $0,%eax; ret: the immediate is aligned */
    memcpy(p, "\x90\x90\x90\xb8\0\0\0\0\xc3", 9);
    together(patch_or_spin, lasts_ms);
    result(code_bad == 0 && counts[0] > 0, "patching", "%ld patches, %ld went back", counts[0], code_bad);
}

/* ---- processes ---- */

static char **arguments;

static void spawn(int n)
{
    while (!stop) {
        int status = 0;
        const int expected = (counts[n] * 7 + n) & 63;
        const pid_t child = counts[n] % 2 ? fork() : vfork();
        if (child == 0) {
            if (counts[n] % 4 < 3) {
                char number[16];
                snprintf(number, sizeof number, "%d", expected);
                execl("/proc/self/exe", arguments[0], "exit", number, (char *)0);
            }
            _exit(counts[n] % 4 < 3 ? 77 : expected);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != expected)
            __atomic_add_fetch(&torn, 1, __ATOMIC_SEQ_CST);
        counts[n]++;
    }
}

static void test_processes(void)
{
    torn = 0;
    const long rounds = together(spawn, lasts_ms * 2);
    result(torn == 0 && rounds >= FEWEST, "processes", "%ld, %ld ended otherwise", rounds, torn);
}

static void *short_thread(void *argument)
{
    return (void *)((long)argument * 3);
}

static void start_threads(int n)
{
    while (!stop) {
        pthread_t id;
        void *answer;
        if (pthread_create(&id, 0, short_thread, (void *)counts[n]) || pthread_join(id, &answer)
            || (long)answer != counts[n] * 3)
            __atomic_add_fetch(&torn, 1, __ATOMIC_SEQ_CST);
        counts[n]++;
    }
}

static void test_threads(void)
{
    torn = 0;
    const long rounds = together(start_threads, lasts_ms);
    result(torn == 0 && rounds >= FEWEST, "threads", "%ld", rounds);
}

static void through_pipes(int n)
{
    int to[2], from[2];
    uint32_t sent = 1 + n, received = 1 + n, block[1024];
    if (pipe(to) || pipe(from)) {
        perror("pipe");
        exit(2);
    }
    const pid_t child = fork();
    if (child == 0) {
        long got;
        close(to[1]);
        close(from[0]);
        while ((got = read(to[0], block, sizeof block)) > 0)
            for (long done = 0; done < got;) {
                const long once = write(from[1], (char *)block + done, got - done);
                if (once <= 0)
                    _exit(1);
                done += once;
            }
        _exit(0);
    }
    close(to[0]);
    close(from[1]);
    while (!stop) {
        const int words = 1 + sent % 1000;
        for (int i = 0; i < words; i++)
            block[i] = sent = sent * 1664525 + 1013904223;
        if (write(to[1], block, words * 4) != words * 4)
            __atomic_add_fetch(&torn, 1, __ATOMIC_SEQ_CST);
        for (long want = words * 4, have = 0; have < want;) {
            const long got = read(from[0], (char *)block + have, want - have);
            if (got <= 0) {
                __atomic_add_fetch(&torn, 1, __ATOMIC_SEQ_CST);
                break;
            }
            have += got;
        }
        for (int i = 0; i < words; i++) {
            received = received * 1664525 + 1013904223;
            if (block[i] != received) {
                __atomic_add_fetch(&torn, 1, __ATOMIC_SEQ_CST);
                received = block[i];
            }
        }
        counts[n]++;
    }
    close(to[1]);
    close(from[0]);
    kill(child, SIGKILL);
    waitpid(child, 0, 0);
}

static void test_pipes(void)
{
    torn = 0;
    const long rounds = together(through_pipes, lasts_ms);
    result(torn == 0 && rounds >= FEWEST, "pipes", "%ld blocks, %ld bad", rounds, torn);
}

/* ---- signals, timers, and the registers that they must give back ---- */

static volatile long handled[MOST];
static __thread int my_number;
static pthread_t signalled[MOST];

static void on_signal(int number)
{
    /* Leaves every kind of register other than it was. */
    __asm__ volatile("fninit; fldpi; fldpi; pxor %%xmm0,%%xmm0; pxor %%xmm7,%%xmm7; pxor %%xmm15,%%xmm15"
                     :
                     :
                     : "xmm0", "xmm7", "xmm15", "st");
    __asm__ volatile("fninit");
    handled[my_number] += number == SIGUSR1;
}

static void compute(int n)
{
    my_number = n;
    signalled[n] = pthread_self();
    while (!stop) {
        long double a = 1;
        double b = 1;
        uint64_t h = n, sum = 0;
        for (int i = 1; i < 2000; i++) {
            a += 1.0L / (a * i);
            b += 1.0 / (b * i);
            h = h * 6364136223846793005u + 1442695040888963407u;
            sum += h >> 33;
        }
        static volatile long double first_a;
        static volatile double first_b;
        static volatile uint64_t first_sum[MOST];
        static volatile int known;
        if (n == 0 && !known) {
            first_a = a;
            first_b = b;
            known = 1;
        }
        if (!first_sum[n])
            first_sum[n] = sum;
        if ((known && (first_a != a || first_b != b)) || first_sum[n] != sum)
            __atomic_add_fetch(&torn, 1, __ATOMIC_SEQ_CST);
        counts[n]++;
        if (threads > 1 && signalled[(n + 1) % threads] && counts[n] % 3 == 0 && !stop)
            pthread_kill(signalled[(n + 1) % threads], SIGUSR1);
    }
    /* Whoever is still to be signalled must be there. */
    meet(n, 1);
}

static void test_signals(void)
{
    struct sigaction action;
    struct itimerval every = {{0, 1500}, {0, 1500}}, never = {{0, 0}, {0, 0}};
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, 0);
    sigaction(SIGALRM, &action, 0);
    setitimer(ITIMER_REAL, &every, 0);
    memset((void *)phase, 0, sizeof phase);
    torn = 0;
    const long rounds = together(compute, lasts_ms);
    setitimer(ITIMER_REAL, &never, 0);
    long total = 0;
    for (int i = 0; i < threads; i++)
        total += handled[i];
    result(torn == 0 && (threads == 1 || total > 0), "signals", "%ld rounds, %ld signals, %ld results differ", rounds, total, torn);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    {"lock", test_lock},
    {"bits", test_bits},
    {"litmus", test_litmus},
    {"membarrier", test_membarrier},
    {"futex", test_futex},
    {"condition", test_condition},
    {"shootdown", test_shootdown},
    {"mapping", test_mapping},
    {"code", test_code},
    {"patching", test_patching},
    {"processes", test_processes},
    {"threads", test_threads},
    {"pipes", test_pipes},
    {"signals", test_signals},
};

int main(int count, char **args)
{
    arguments = args;
    if (count == 3 && !strcmp(args[1], "exit"))
        return atoi(args[2]);
    if (count < 3) {
        fprintf(stderr, "processors THREADS MILLISECONDS [NAME...]\n");
        return 2;
    }
    threads = atoi(args[1]);
    lasts_ms = atol(args[2]);
    if (threads < 2 || threads > MOST) {
        fprintf(stderr, "2 to %d threads\n", MOST);
        return 2;
    }
    for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++) {
        int wanted = count == 3;
        for (int a = 3; a < count; a++)
            wanted |= !strcmp(args[a], tests[i].name);
        if (wanted)
            tests[i].run();
    }
    printf("processors done, %d wrong\n", wrong);
    return wrong != 0;
}
