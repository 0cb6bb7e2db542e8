// The guest's side of VsockIT: an echo server for clients of the host, then connections to the host: many short ones, and much data
// both ways at once. Ends with a line that says how many things went wrong.
//
//   vsock SHORT_CONNECTIONS MEGABYTES

#include <errno.h>
#include <linux/vm_sockets.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST = 2, ECHO = 5000, SHORT = 6000, BULK = 6001, NOBODY = 6002, CHUNK = 64 * 1024 };

static int wrong;
static volatile int served;

static void complain(const char *what) {
    printf("WRONG: %s: %s\n", what, strerror(errno));
    wrong++;
}

static int reach(unsigned port) {
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = HOST, .svm_port = port};
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static int all(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        bytes += n;
        length -= n;
    }
    return 0;
}

// ---- what clients of the host meet

static void *echo(void *argument) {
    int fd = (int)(intptr_t)argument;
    char *buffer = malloc(CHUNK);
    ssize_t n;
    while ((n = recv(fd, buffer, CHUNK, 0)) > 0)
        if (all(fd, buffer, n) < 0)
            break;
    free(buffer);
    close(fd);
    __sync_fetch_and_add(&served, 1);
    return NULL;
}

static void *serve(void *argument) {
    int listener = (int)(intptr_t)argument;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * 1024);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 || pthread_create(&thread, &small, echo, (void *)(intptr_t)fd) != 0)
            complain("accept");
    }
}

// ---- the guest reaches the host

static void short_connections(int count) {
    for (int i = 0; i < count; i++) {
        char question[32], answer[64];
        int length = snprintf(question, sizeof question, "question %d\n", i);
        int fd = reach(SHORT);
        if (fd < 0) {
            complain("connect");
            continue;
        }
        if (all(fd, question, length) < 0 || shutdown(fd, SHUT_WR) < 0)
            complain("send");
        int got = 0;
        ssize_t n;
        while ((n = recv(fd, answer + got, sizeof answer - got - 1, 0)) > 0)
            got += n;
        answer[got] = 0;
        if (got != length || strcmp(question, answer) != 0)
            complain("answer");
        close(fd);
    }
}

// xorshift64: both sides make the same bytes of it
static uint64_t next(uint64_t *state) {
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

static void make(uint64_t *buffer, uint64_t *state) {
    for (int i = 0; i < CHUNK / 8; i++)
        buffer[i] = next(state);
}

struct bulk {
    int fd;
    long chunks;
};

static void *send_bulk(void *argument) {
    struct bulk *bulk = argument;
    static uint64_t buffer[CHUNK / 8];
    uint64_t state = 1;
    for (long i = 0; i < bulk->chunks; i++) {
        make(buffer, &state);
        if (all(bulk->fd, (char *)buffer, CHUNK) < 0) {
            complain("bulk send");
            break;
        }
    }
    shutdown(bulk->fd, SHUT_WR);
    return NULL;
}

static void much_data(long megabytes) {
    struct bulk bulk = {.fd = reach(BULK), .chunks = megabytes * 1024 * 1024 / CHUNK};
    if (bulk.fd < 0) {
        complain("connect for bulk");
        return;
    }
    pthread_t sender;
    pthread_create(&sender, NULL, send_bulk, &bulk);
    static uint64_t expected[CHUNK / 8], arrived[CHUNK / 8];
    uint64_t state = 2;
    for (long i = 0; i < bulk.chunks; i++) {
        make(expected, &state);
        for (size_t got = 0; got < CHUNK;) {
            ssize_t n = recv(bulk.fd, (char *)arrived + got, CHUNK - got, 0);
            if (n <= 0) {
                complain("bulk receive");
                return;
            }
            got += n;
        }
        if (memcmp(expected, arrived, CHUNK) != 0) {
            complain("bulk data");
            return;
        }
    }
    if (recv(bulk.fd, arrived, 1, 0) != 0)
        complain("bulk end");
    pthread_join(sender, NULL);
    close(bulk.fd);
}

int main(int count, char **words) {
    int connections = count > 1 ? atoi(words[1]) : 10;
    long megabytes = count > 2 ? atol(words[2]) : 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = ECHO};
    int listener = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0) {
        complain("listen");
        printf("vsock done, 1 wrong\n");
        return 1;
    }
    pthread_t server;
    pthread_create(&server, NULL, serve, (void *)(intptr_t)listener);
    int nobody = reach(NOBODY);
    if (nobody >= 0 || errno != ECONNRESET)
        complain("a port nobody listens at");
    printf("vsock listens\n");
    short_connections(connections);
    printf("short connections done, %d wrong\n", wrong);
    much_data(megabytes);
    printf("much data done, %d wrong\n", wrong);
    while (served < connections + 1)
        usleep(50000);
    printf("vsock done, %d wrong\n", wrong);
    return wrong != 0;
}
